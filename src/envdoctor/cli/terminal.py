"""What the terminal is like: width, colour, and a sign of life when something takes longer than a second."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO


def settle() -> None:
    """Make the standard streams such that writing to them cannot fail for the text's sake: closed ones lead nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # `>&-`, or a program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif name == "stdout" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal in an old code page still gets its verdict


def put(text: str) -> None:
    """Print an answer; a reader that has seen enough (`| head`) is no mistake. Raises UsageError where nothing can be written."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        let_go()
    except OSError as error:
        from envdoctor.model.errors import UsageError

        let_go()
        raise UsageError(f"standard output: cannot be written: {error.strerror or error}; use --output FILE elsewhere") from None


def let_go() -> None:
    """Point stdout nowhere, so that the interpreter's own last flush stays quiet."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Decide on colour: `--color` first, then NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, then whether a terminal reads."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Return the columns to write in: COLUMNS, the terminal's, or 80 where no terminal reads; never more than 100, for reading's sake."""
    told = os.environ.get("COLUMNS", "")
    columns = int(told) if told.isdecimal() and len(told) < 6 else 0
    if not columns:
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            columns = 80
    return max(40, min(columns or 80, 100))


class Patience:
    """Show one line on stderr when the work inside takes longer than a second and a person is watching."""

    def __init__(self, text: str, quiet: bool = False) -> None:
        self._text = text
        self._watching = sys.stderr.isatty() and sys.stdout.isatty() and not quiet

    def say(self, text: str) -> None:
        """Say what is being done now; the line is drawn anew at the next turn."""
        self._text = text

    def __enter__(self) -> Patience:
        if self._watching:
            import _thread  # threading itself costs 3 ms to import

            self._done = _thread.allocate_lock()
            self._done.acquire()
            self._over = _thread.allocate_lock()
            self._over.acquire()
            _thread.start_new_thread(self._watch, ())
        return self

    def _watch(self) -> None:
        frames, shown, turn = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", False, 0
        while not self._done.acquire(timeout=1.0 if not shown else 0.1):
            shown = True
            sys.stderr.write(f"\r\033[K{frames[turn % len(frames)]} {self._text} ")
            sys.stderr.flush()
            turn += 1
        if shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        self._over.release()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._watching:
            self._done.release()
            self._over.acquire()
