"""The command line: parsing and printing only. COMMANDS is the table; each command is a module with OPTIONS, OPERAND and run()."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, str] = {
    # subcommand: what it does
    "check": "Judge an environment, a requirements or lock file, a training script or a saved snapshot",
    "fix": "Repair an environment, or a file that lists one, by the smallest change",
    "snapshot": "Write down everything a check would look at, to be checked anywhere",
    "explain": "Explain an error, a traceback or a whole training log, or tell a rule",
    "run": "Check, run a command, and explain what went wrong where it fails",
    "undo": "Put back what a repair changed",
    "fit": "Say what a run will need on a card before it is started, and what would make it fit",
    "rules": "List, show, check or start rules",
    "atlas": "Look up and update what is known of every release",
    "lab": "Install and run real sets of versions, and hold the rule book to them",
    "completion": "Print the shell completion script",
}

USAGE = """Usage: envdoctor COMMAND [OPTIONS]

The doctor for language-model fine-tuning environments: says what will break before a GPU-hour is spent.

Commands:
{commands}

Options:
  -h, --help     Show this help
  -V, --version  Show the version

Exit codes: 0 nothing found, 1 findings, 2 wrong usage or configuration, 3 could not diagnose, 130 interrupted.
`envdoctor COMMAND --help` explains a command. Without a command, `check` is meant."""

_LONGEST_WORD = 4096  # of a path; Python converts numbers of up to 4300 digits
_LONGEST = 1200  # characters of one line of a message; the middle of a longer one is left out


def run() -> None:
    """Run as a console script."""
    try:
        from envdoctor.cli.terminal import settle

        settle()
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # before a command began, or while it was told of another mistake
        code = _complain("interrupted", 130)
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    words = list(arguments)
    long = next((word for word in words if len(word) > _LONGEST_WORD), "")
    if long:
        return _complain(f"{long[:40]}... has {len(long)} characters, and nothing that may be given here has more than {_LONGEST_WORD}", 2)
    if words and words[0] in ("-h", "--help", "help"):
        return _tell(USAGE.format(commands="\n".join(f"  {name:<12} {text}" for name, text in COMMANDS.items())))
    if words and words[0] in ("-V", "--version"):
        from envdoctor import __version__

        return _tell(f"envdoctor {__version__}")
    name = "check"
    if words and words[0] in COMMANDS:
        name = words.pop(0)
    elif words and not words[0].startswith("-") and not _looks_like_path(words[0]):
        from difflib import get_close_matches

        near = get_close_matches(words[0], list(COMMANDS), 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; commands are {', '.join(COMMANDS)}"
        return _complain(f"{words[0]!r} is neither a command nor a file{hint}", 2)
    return _guarded(name, words)


def _tell(text: str) -> int:
    from envdoctor.cli.terminal import put
    from envdoctor.model.errors import UsageError

    try:
        put(text + "\n")
    except UsageError as error:
        return _complain(str(error), error.exit_code)
    return 0


def _looks_like_path(word: str) -> bool:
    import os

    return os.path.exists(word) or "/" in word or "\\" in word or "." in word


def _guarded(name: str, words: list[str]) -> int:
    """Run a command; turn every way it can end into an exit code."""
    from envdoctor.model.errors import EnvdoctorError

    try:
        module = __import__(f"envdoctor.cli.{name}", fromlist=["run"])
        return int(module.run(words))
    except EnvdoctorError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        from envdoctor.cli.terminal import let_go

        let_go()  # the reader (`| head`) has seen enough of a help text
        return 0
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except SystemExit as stop:  # argparse has already said what it had to say
        return stop.code if isinstance(stop.code, int) else 2
    except MemoryError:
        return _complain("not enough memory to read this; check less at once, or on a larger machine", 3)
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("envdoctor"):
            return _defect()
        return _complain(f"envdoctor needs {error.name!r}, and {sys.executable} does not have it; install envdoctor anew", 3)
    except Exception:  # noqa: BLE001 - the last resort: a defect of envdoctor itself must not look like a finding
        return _defect()


def _defect() -> int:
    import traceback

    from envdoctor import __version__

    text = traceback.format_exc()
    python = "%d.%d.%d" % sys.version_info[:3]
    return _complain(
        f"this is a defect of envdoctor {__version__} (Python {python}, {sys.platform}); please report it with this text:\n\n{text}", 3
    )


def _complain(text: str, code: int) -> int:
    """Say what is wrong on stderr, wherever that leads: a message that cannot be written does not change the exit code."""
    from envdoctor.report.plain import clean

    # names and paths come from files that anybody may have written
    lines = [clean(line) for line in text.rstrip().split("\n")]
    lines = [line if len(line) <= _LONGEST else f"{line[: _LONGEST - 300]} ... {line[-300:]}" for line in lines]
    try:
        sys.stdout.flush()
    except OSError:
        from envdoctor.cli.terminal import let_go

        let_go()
    try:
        sys.stderr.write("envdoctor: " + "\n".join(lines) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    return code
