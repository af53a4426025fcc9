"""`envdoctor run -- COMMAND`: check, run, and explain what went wrong. Says nothing when all is well."""

from __future__ import annotations

import os
import sys

from envdoctor.cli import check
from envdoctor.cli.options import FLAG, Operand, Option, explain, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.options import Values
    from envdoctor.launch import Ended
    from envdoctor.model.finding import Report
    from envdoctor.model.request import Request
    from envdoctor.report.options import Options

SUMMARY = (
    "Check the environment and the script of COMMAND, run it if they fit, and explain what went wrong where it fails. Output, signals and "
    "exit code are the command's own. With ENVDOCTOR=off, or --ignore-check, it is run whatever a check would say."
)
_TAKEN = ("for", "config", "no-config", "color")
OPTIONS: tuple[Option, ...] = (
    *check.PATIENT,
    *(option for option in check.OPTIONS if option.name in _TAKEN),
    Option(name="ignore-check", kind=FLAG, help="run the command without a check; errors are explained all the same"),
)
OPERAND = Operand(name="command", metavar="COMMAND", help="the command, with its own options, best after --", least=1)
_LAUNCHERS = {
    # command: the launcher as facts name it, and how it is told the number of processes
    "torchrun": ("torchrun", ("--nproc-per-node", "--nproc_per_node")),
    "accelerate": ("accelerate", ("--num_processes", "--num-processes")),
    "deepspeed": ("deepspeed", ("--num_gpus",)),
}
_OFF = ("off", "0", "false", "no")  # as `preflight()` reads ENVDOCTOR
_PATIENCE = 10  # seconds
_UNLIKE = {"paths": (), "select": (), "only": None, "deep": False, "no_deep": False}
"""What a check may be told and a run may not."""


def run(words: Sequence[str]) -> int:
    """Run `envdoctor run ...`."""
    own, command = split(words)
    values = scan([*own, "--", *command], OPTIONS, OPERAND) or explain([*own, "--", *command], "envdoctor run", SUMMARY, OPTIONS, OPERAND)
    mode = os.environ.get("ENVDOCTOR", "").strip().lower()
    report = None
    asked = _request(values, command)
    if not values["ignore_check"] and mode not in _OFF:
        from envdoctor.diagnosis import check as examine

        report = examine(asked)
        if report.reaches("error"):
            _refuse(report, values, stopped=mode != "warn")
            if mode != "warn":
                return 1
    from envdoctor.launch import end_alike, launch

    ended = launch(command)
    if ended.code and not ended.asked:
        _explain(ended, command, asked, report, values)
    return end_alike(ended.code)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words for envdoctor, and those of the command: from `--` on, or from the first word that is no option.

    >>> split(["--for", "sft", "python", "train.py", "--for", "ever"])
    (['--for', 'sft'], ['python', 'train.py', '--for', 'ever'])
    """
    valued = {"--" + option.name for option in OPTIONS if option.kind != FLAG}
    place = 0
    while place < len(words):
        word = words[place]
        if word == "--":
            return list(words[:place]), list(words[place + 1 :])
        if not word.startswith("-"):
            break
        place += 2 if word in valued else 1
    return list(words[:place]), list(words[place:])


def _request(values: Values, command: Sequence[str]) -> Request:
    """Return the question that a check of this command answers."""
    config = check.configuration(values)
    told = {**_UNLIKE, **values}
    scripts = [word for word in command[1:] if word.endswith((".py", ".ipynb")) and os.path.isfile(word)][:1]
    told["paths"] = tuple(scripts)
    told["python"] = values["python"] or (None if values["freeze"] else interpreter(command[0]))
    asked = check.request(told, config)
    return asked.replace(given={**asked.given, **launcher(command)})


def interpreter(word: str) -> str | None:
    """Return the Python that a command is run by: itself, or the one that lies beside it; None where that is not plain."""
    from shutil import which

    path = which(word)
    if path is None:
        return None
    folder, name = os.path.split(path)
    if name.startswith(("python", "pypy")):
        return _behind(path) if _is_text(path) else path
    beside = os.path.join(folder, "python")
    return beside if os.path.exists(beside) and os.path.exists(os.path.join(folder, os.pardir, "pyvenv.cfg")) else None


def _is_text(path: str) -> bool:
    """Tell whether a command is a script: pyenv and asdf put such ones before every Python."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _behind(path: str) -> str | None:
    """Return the Python that such a script leads to, by asking it."""
    import subprocess

    try:
        question = [path, "-c", "import sys; print(sys.executable)"]
        done = subprocess.run(question, capture_output=True, text=True, timeout=_PATIENCE, check=True)  # noqa: S603 - the user's own command
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() or None


def launcher(command: Sequence[str]) -> dict[str, object]:
    """Return the facts that a command itself tells: who launches the training, in how many processes.

    >>> launcher(["torchrun", "--nproc-per-node=4", "train.py"])
    {'training.launcher': 'torchrun', 'training.world_size': 4}
    """
    name, options = _LAUNCHERS.get(os.path.basename(command[0]), ("", ()))
    if not name:
        return {}
    told: dict[str, object] = {"training.launcher": name}
    for place, word in enumerate(command):
        head, equals, tail = word.partition("=")
        count = tail if equals else "".join(command[place + 1 : place + 2])
        if head in options and count.isdecimal():
            told["training.world_size"] = int(count)
    return told


def _refuse(report: Report, values: Values, *, stopped: bool) -> None:
    """Say on stderr what is wrong, so that the command's own output stays its own."""
    from envdoctor.report import render

    sys.stderr.write(render(report, "text", options=_options(values)))
    if stopped:
        sys.stderr.write("envdoctor: the command was not started; repair this, or give --ignore-check\n")


def _explain(ended: Ended, command: Sequence[str], asked: Request, report: Report | None, values: Values) -> None:
    """Say on stderr what the command's last output tells of its end."""
    from envdoctor.cli.explain import explained
    from envdoctor.logs.explain import killed
    from envdoctor.model.errors import EnvdoctorError
    from envdoctor.report.explanation import drawn

    name = "the output" if ended.whole else "the last of the output"
    try:
        told, judged = explained(ended.output, name, asked, report)
    except EnvdoctorError as error:  # the command's exit code counts, whatever envdoctor itself comes upon
        sys.stderr.write(f"envdoctor: the end of {command[0]} cannot be explained: {error}\n")
        return
    if not told and ended.code < 0:
        told = (killed(os.path.basename(command[0]), -ended.code),)
    if told:
        sys.stderr.write("\n" + drawn(told, name, judged.snapshot, options=_options(values)))
    else:
        sys.stderr.write(f"\nenvdoctor: {command[0]} ended with {ended.code}, and {name} holds no error that can be read\n")
    sys.stderr.flush()


def _options(values: Values) -> Options:
    from envdoctor.cli.terminal import wants_colour, width
    from envdoctor.report.options import Options as Told

    return Told(width=width(sys.stderr), colour=wants_colour(values["color"], sys.stderr))
