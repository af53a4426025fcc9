"""The shell commands that a script or notebook runs itself, as texts: what they do is for others to say."""

from __future__ import annotations

from envdoctor.model.script import Command, Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.model.script import Call

_SYSTEM = (
    "os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen",
    "subprocess.getoutput", "subprocess.getstatusoutput",
)  # fmt: skip
_INSTALLERS = ("pip", "uv", "conda", "mamba", "micromamba", "poetry", "pdm")
_MAGICS = (*_INSTALLERS, "cd")
"""Line magics that are commands of that name."""
_WORDS_THAT_BRANCH = ("if", "for", "while", "until", "case", "function", "else", "elif")


def of_magics(lines: Iterable[tuple[int, str]], place: str) -> Iterator[Command]:
    """Yield what IPython hands to a shell: `!pip install trl`, `%pip install trl`, `out = !pip install trl`."""
    for number, line in lines:
        body = line.lstrip()
        if not body.startswith(("!", "%")):
            body = body.partition("=")[2].lstrip()
        text = body.lstrip("!") if body.startswith("!") else body[1:]
        if body.startswith("%") and text.split()[:1] not in ([name] for name in _MAGICS):
            continue
        # what stands in a block may not be reached
        yield Command(location=Location(path=place, line=number), text=text, sure=not line[:1].isspace())


def of_cell(text: str, place: str) -> Iterator[Command]:
    """Yield the commands of a cell that a shell runs, in lines that belong together."""
    lines = text.split("\n")
    branches = any(line.split()[:1] == [word] for line in lines for word in _WORDS_THAT_BRANCH)
    number = 0
    while number < len(lines):
        first, whole = number, lines[number]
        while lines[number].rstrip().endswith("\\") and number + 1 < len(lines):
            number += 1
            whole += "\n" + lines[number]
        number += 1
        if whole.strip() and not whole.lstrip().startswith("#"):
            yield Command(location=Location(path=place, line=first + 1), text=whole.strip(), sure=not branches)


def of_calls(calls: Iterable[Call]) -> Iterator[Command]:
    """Yield what Python hands to the system, where it is written out: `os.system("pip install trl")`, `subprocess.run(["pip", ...])`."""
    for call in calls:
        if call.target not in _SYSTEM:
            continue
        argument = call.argument("0") or call.argument("args")
        if argument is None or not argument.literal:
            continue
        sure = call.location.column == 1 and not call.guarded
        if isinstance(argument.value, str):
            yield Command(location=call.location, text=argument.value, sure=sure)
        elif isinstance(argument.value, tuple) and all(isinstance(word, str) for word in argument.value):
            yield Command(location=call.location, words=argument.value, sure=sure)


def in_order(commands: Iterable[Command], places: Iterable[str]) -> tuple[Command, ...]:
    """Return commands in the order of the cells, and of the lines in each; none where no installer is among them."""
    at = {place: number for number, place in enumerate(places)}
    found = tuple(sorted(commands, key=lambda one: (at.get(one.location.path, 0), one.location.line)))
    return found if any(name in word for one in found for word in (one.text, *one.words) for name in _INSTALLERS) else ()
