"""Shell commands to what pip or uv would install: words in, `Installation` out. Nothing is run, no variable is filled in."""

from __future__ import annotations

import shlex

from envdoctor.formats._requirement_lines import RequirementLines
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Installation
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envdoctor.model.listing import Load
    from envdoctor.model.script import Command, Location

_WITH_VALUE = (
    "-i --index-url --extra-index-url -f --find-links --platform --python-version --implementation --abi --src -C --config-settings "
    "--config-setting --global-option --no-binary --only-binary --progress-bar --report --trusted-host --allow-insecure-host --cert "
    "--client-cert --cache-dir --proxy --retries --timeout --exists-action --use-feature --use-deprecated --log --root-user-action "
    "--upgrade-strategy --python -p --hash --index --default-index --index-strategy --keyring-provider --link-mode --refresh-package "
    "--reinstall-package --upgrade-package -P --resolution --prerelease --exclude-newer --override --overrides --excludes "
    "--build-constraints --build-constraint -b --no-build-isolation-package --no-build-package --no-binary-package --torch-backend "
    "--color --directory --project --extra --group --env-file --config-file --fork-strategy --python-platform"
)
_VALUED = frozenset(_WITH_VALUE.split())
"""Options that take the next word as their value, but those that name requirements."""
_ELSEWHERE = frozenset(("-t", "--target", "--root", "--prefix"))
_NAMING = frozenset(("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "-e", "--editable"))
_NOTHING = frozenset(("--dry-run", "--help", "-h", "--version", "-V"))
_OTHER_INSTALLERS = {
    **dict.fromkeys(("conda", "mamba", "micromamba"), ("install", "update", "upgrade", "remove")),
    **dict.fromkeys(("uv", "poetry", "pdm", "pipenv"), ("sync", "add", "install", "remove", "update")),
}
_ENDS = frozenset(("&&", ";", "||", "|", "&", "(", ")"))
_TOOLS = frozenset(("sudo", "time", "env", "nohup", "exec", "command", "uvx"))
_REDIRECTIONS = frozenset((">", ">>", "&>", ">&", "<", "<<", "<<<"))
_HIDDEN = ("$", "{", "`", "*")
_ALIVE = ("cpu", "cu", "rocm", "xpu")


def installations(command: Command, load: Load) -> list[Installation]:
    """Return what the parts of a shell command install or remove, in order; `load` gives the text of a file that one of them names."""
    found = []
    for words, sure in _simple_commands(command):
        verb, rest = _asked_of_pip(words)
        if verb == "install":
            one = _installed(rest, command.location, load)
        elif verb == "uninstall":
            one = Installation(location=command.location, leaves=tuple(map(normalise, _names(rest))), whole=not _is_hidden(rest))
        elif _is_other_installer(words):
            one = Installation(location=command.location, whole=False)
        else:
            continue
        if one is not None:
            found.append(one.replace(sure=one.sure and sure and command.sure))
    return found


def leaves_folder(command: Command) -> bool:
    """Tell whether a command changes the folder that later ones run in."""
    return any(words[0] in ("cd", "pushd") for words, _ in _simple_commands(command))


def _simple_commands(command: Command) -> Iterator[tuple[list[str], bool]]:
    """Yield the words of each simple command of a line, and whether it is certainly reached. A line that is no shell text has none."""
    if command.words:
        yield list(command.words), True
        return
    for line in command.text.replace("\\\n", " ").split("\n"):
        yield from _of_line(line)


def _of_line(line: str) -> Iterator[tuple[list[str], bool]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # `x.git#egg=x` has none
    words: list[str] = []
    sure = True
    try:
        for part in lexer:
            if part.startswith("#"):
                break
            if part in _ENDS:
                if words:
                    yield words, sure
                words, sure = [], sure and part != "||"
            else:
                words.append(part)
    except ValueError:  # an open quote
        return
    if words:
        yield words, sure


def _asked_of_pip(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the verb and its words where a command is one of pip's: `pip install`, `python -m pip install`, `uv pip install`."""
    left = list(words)
    while left and (left[0] in _TOOLS or (left[0].partition("=")[0].isidentifier() and "=" in left[0])):
        left.pop(0)
    name = left[0].rpartition("/")[2].removesuffix(".exe") if left else ""
    if name.startswith(("python", "pypy")) or name in ("{sys.executable}", "sys.executable", "$PYTHON"):
        left = left[1:]
        while left and left[0].startswith("-") and left[0] != "-m":
            left.pop(0)
        left = left[1:] if left[:1] == ["-m"] else []
        name = left[0] if left else ""
    if name == "uv":
        left = left[1:]
        while left and left[0].startswith("-"):
            left.pop(0)
        name = left[0] if left else ""
        if name != "pip":
            return "", []
    if name != "pip" and not (name.startswith("pip") and name[3:].replace(".", "").isdecimal()):
        return "", []
    left = left[1:]
    while left and left[0].startswith("-"):
        option = left.pop(0)
        if option in _VALUED and left:
            left.pop(0)
    return (left[0], left[1:]) if left else ("", [])


def _is_other_installer(words: Sequence[str]) -> bool:
    """Tell whether a command moves packages by rules of its own."""
    return len(words) > 1 and words[1] in _OTHER_INSTALLERS.get(words[0].rpartition("/")[2], ())


def _names(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-") and not _is_hidden([word])]


def _is_hidden(words: Sequence[str]) -> bool:
    return any(sign in word for word in words for sign in _HIDDEN)


def _installed(words: Sequence[str], place: Location, load: Load) -> Installation | None:
    """Return what `pip install` with these words asks for; None where it changes nothing here."""
    lines: list[str] = []
    upgrade = eager = hidden = fails = False
    follows = True
    label = ""
    left = list(words)
    while left:
        word = left.pop(0)
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in _REDIRECTIONS:  # `pip install trl>=0.9` without quotes writes into a file `=0.9`
            fails = fails or word == "<"
            left = left[1:]
            continue
        if word.isdecimal() and left[:1] and left[0] in _REDIRECTIONS:
            continue  # `2>&1`
        if option in _NOTHING or option in _ELSEWHERE:
            return None
        if option in ("-U", "--upgrade", "--force-reinstall", "--ignore-installed", "-I", "--reinstall"):
            upgrade = upgrade or option in ("-U", "--upgrade", "--ignore-installed", "-I", "--force-reinstall", "--reinstall")
        elif option == "--no-deps":
            follows = False
        elif option in _NAMING or option in _VALUED:
            if not equals:
                value = left.pop(0) if left else ""
            eager = eager or (option == "--upgrade-strategy" and value == "eager")
            if option.endswith(("index-url", "index", "torch-backend")) or option == "-i":
                label = _label(value) or label
            if option in _NAMING:
                hidden = hidden or _is_hidden([value])
                lines += [] if _is_hidden([value]) else [f"{option} {value}"]
            upgrade = upgrade or option in ("--upgrade-package", "-P")
        elif word.startswith("-"):
            upgrade = upgrade or (not word.startswith("--") and "U" in word)  # `-qU`
        elif _is_hidden([word]):
            name = _name_before_version(word)
            hidden = hidden or not name
            lines += [f"{name} @ hidden:{word.partition('=')[2]}"] if name else []
        else:
            lines.append(word)
    reader = RequirementLines(load)
    for line in lines:
        known = len(reader.problems)
        try:
            reader.read([(place.line, line)], place.path)
        except InputError as error:  # a file that is not there today
            reader.problems.append(str(error))
        is_local = line.startswith(("-", ".", "/", "~"))
        hidden = hidden or (is_local and len(reader.problems) > known)
    return Installation(
        location=place, takes=tuple(reader.requirements), upgrade=upgrade, follows=follows, sure=not fails, whole=not hidden and not eager,
        label=label, problems=tuple(reader.problems),
    )  # fmt: skip


def _name_before_version(word: str) -> str:
    """Return the name in a word whose version alone is filled in later: `trl=={version}`."""
    at = min((place for sign in ("=", "<", ">", "~", "!") if (place := word.find(sign)) > 0), default=-1)
    name = word[:at].partition("[")[0] if at > 0 else ""
    return name if name and not _is_hidden([name]) and name.replace("-", "").replace("_", "").replace(".", "").isalnum() else ""


def _label(value: str) -> str:
    """Return the label of the builds on an index of torch's: `cu121` of `.../whl/cu121`, or of uv's `--torch-backend cu121`."""
    last = value.rstrip("/").rpartition("/")[2]
    is_index = "/whl/" in value or "/" not in value
    return last if is_index and last.startswith(_ALIVE) and last.replace(".", "").isalnum() else ""
