"""Runs a command as if nobody stood between: same streams, signals and exit code. The last of its output is kept.

Where a terminal watches, the command writes to a pseudo-terminal, so that colours and progress bars stay; standard input is handed on as it
is. Commands and this process are one group of the terminal, so Ctrl-C and Ctrl-Z reach both at once, as without envdoctor.
"""

from __future__ import annotations

import os
import select
import signal
from _thread import start_new_thread

from envdoctor.model.errors import UsageError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 8 << 20
"""Bytes of output that are kept, the last ones."""
_PIECE = 1 << 16
_PASSED_ON = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)
_RESTORED = tuple(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name))
"""Signals that Python ignores for itself, and a command must not inherit ignored."""
_BY_KERNEL = 0x80  # si_code of a signal that the terminal sent to the whole group
_LINGER = 200  # milliseconds that output may still take after the command has ended, where a child of its own holds the stream


class Ended(Record):
    """How a command ended: `code` as wait() tells it, negative for a signal; `output` the last of what it wrote, `whole` all of it.

    `asked` is the signal that somebody sent to end it, 0 where nobody did.
    """

    code: int
    output: tuple[bytes, ...]
    whole: bool
    asked: int = 0


def launch(words: Sequence[str]) -> Ended:
    """Run a command to its end. Raises UsageError where it cannot be started."""
    if not hasattr(os, "posix_spawnp"):
        raise UsageError(
            "run: this system has no way to pass signals on; start the command yourself, and give its log to `envdoctor explain`"
        )
    streams = _Streams()
    wanted = tuple(number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN)  # nohup: the command ignores it, too
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*wanted, signal.SIGWINCH))
    try:
        actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in streams.targets.items()]
        pid = os.posix_spawnp(words[0], list(words), os.environ, file_actions=actions, setsigmask=before, setsigdef=_RESTORED)
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise UsageError(f"run: {words[0]}: cannot be started: {error.strerror}") from None
    courier = _Courier(pid, streams, wanted)
    start_new_thread(courier.carry, ())
    code = streams.copy(pid)
    courier.pid = 0
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Ended(code=code, output=tuple(bytes(piece) for piece in streams.kept), whole=streams.whole, asked=courier.asked)


def end_alike(code: int) -> int:
    """Return an exit code, or end this process by the signal that ended the command, so that whoever waits sees no difference."""
    if code >= 0:
        return code
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # the command has left its own
    if -code not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code  # a signal that does not end a process after all


class _Courier:
    """Passes signals on that were sent to this process alone; those of the terminal have reached the command already."""

    def __init__(self, pid: int, streams: _Streams, wanted: Sequence[int]) -> None:
        self.pid = pid
        self.asked = 0
        self._streams = streams
        self._wanted = (*wanted, signal.SIGWINCH)

    def carry(self) -> None:
        """Wait for signals until the process ends."""
        while True:
            number, shared = self._next()
            if number == signal.SIGWINCH:
                self._streams.resize()
            elif self.pid:
                if number not in (signal.SIGUSR1, signal.SIGUSR2):
                    self.asked = number
                if not shared:
                    try:
                        os.kill(self.pid, number)
                    except ProcessLookupError:
                        pass

    def _next(self) -> tuple[int, bool]:
        """Return the next signal, and whether the command has it already."""
        if hasattr(signal, "sigwaitinfo"):
            told = signal.sigwaitinfo(self._wanted)
            return told.si_signo, told.si_code == _BY_KERNEL
        number = signal.sigwait(self._wanted)
        try:
            return number, os.tcgetpgrp(0) == os.getpgrp()
        except OSError:
            return number, False


class _Streams:
    """Standard output and error of the command, each led through a pipe or a pseudo-terminal, or both through one where they are one."""

    def __init__(self) -> None:
        self.targets: dict[int, int] = {}  # descriptor in the command: where it writes to
        self.kept: list[bytearray] = []
        self.whole = True
        self._sizes = 0
        self._readers: dict[int, int] = {}  # where this process reads: where it writes to
        self._terminals: list[int] = []
        if _same(1, 2):
            self._lead(1, 2)
        else:
            self._lead(1)
            self._lead(2)

    def _lead(self, first: int, *others: int) -> None:
        try:
            terminal = os.isatty(first)
            os.fstat(first)
        except OSError:  # closed: stays so
            return
        reader, writer = _terminal(first) if terminal else os.pipe()
        if terminal:
            self._terminals.append(reader)
        self._readers[reader] = first
        for target in (first, *others):
            self.targets[target] = writer

    def resize(self) -> None:
        """Tell the command how large the window is now."""
        for reader in self._terminals:
            _copy_size(self._readers.get(reader, 1), reader)

    def copy(self, pid: int) -> int:
        """Copy everything until the command has ended, and return how."""
        for writer in set(self.targets.values()):
            os.close(writer)
        ended, tell = os.pipe()
        codes: list[int] = []
        start_new_thread(_wait, (pid, codes, tell))
        poll = select.poll()
        for reader in (*self._readers, ended):
            poll.register(reader, select.POLLIN | select.POLLHUP)
        while self._readers or not codes:
            ready = poll.poll(_LINGER if codes else None)
            if not ready:
                break  # the command has ended, and whoever still holds its streams says nothing
            for reader, _ in ready:
                if reader == ended:
                    poll.unregister(ended)
                elif not self._piece(reader):
                    poll.unregister(reader)
                    del self._readers[reader]
                    os.close(reader)
        return codes[0]

    def _piece(self, reader: int) -> bool:
        """Copy what can be read at once; tell whether there will be more."""
        try:
            piece = os.read(reader, _PIECE)
        except OSError:  # what a pseudo-terminal says when nobody writes to it any more
            return False
        if not piece:
            return False
        self._keep(piece)
        return _written(self._readers[reader], piece)

    def _keep(self, piece: bytes) -> None:
        if self.kept and len(self.kept[-1]) < _PIECE:
            self.kept[-1] += piece
        else:
            self.kept.append(bytearray(piece))
        self._sizes += len(piece)
        while self._sizes > KEPT and len(self.kept) > 1:
            self._sizes -= len(self.kept.pop(0))
            self.whole = False


def _wait(pid: int, codes: list[int], tell: int) -> None:
    _, status = os.waitpid(pid, 0)
    codes.append(os.waitstatus_to_exitcode(status))
    os.close(tell)


def _same(one: int, two: int) -> bool:
    """Tell whether two descriptors lead to the same file, whose order of lines would be lost on two ways."""
    try:
        return os.path.samestat(os.fstat(one), os.fstat(two))
    except OSError:
        return False


def _terminal(model: int) -> tuple[int, int]:
    """Return both ends of a pseudo-terminal that is like a terminal, but leaves line ends to it."""
    import termios

    reader, writer = os.openpty()
    settings = termios.tcgetattr(model)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(writer, termios.TCSANOW, settings)
    _copy_size(model, reader)
    return reader, writer


def _copy_size(model: int, terminal: int) -> None:
    import fcntl
    import termios

    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, fcntl.ioctl(model, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        pass


def _written(target: int, piece: bytes) -> bool:
    """Write all of a piece; tell whether somebody still reads."""
    rest = memoryview(piece)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:
            select.select((), (target,), ())
        except OSError:
            return False
    return True
