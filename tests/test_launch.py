"""A command that is launched cannot be told from one that runs by itself: streams, terminal, signals, exit code."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envdoctor.launch import KEPT, launch
from envdoctor.model.errors import UsageError
from tests.conftest import ROOT

DRIVER = f"""
import sys; sys.path.insert(0, {os.path.join(ROOT, "src")!r})
from envdoctor.launch import end_alike, launch
ended = launch(sys.argv[1:])
sys.exit(end_alike(ended.code))
"""
LAUNCHED = [sys.executable, "-c", DRIVER]


def started(*words: str) -> subprocess.Popen[bytes]:
    """Start a command through `launch`, and wait until it says that it is ready."""
    process = subprocess.Popen([*LAUNCHED, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("code", [0, 1, 3, 139, 255])
def test_exit_codes_pass(code: int) -> None:
    assert subprocess.run([*LAUNCHED, "sh", "-c", f"exit {code}"], check=False).returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_a_command_that_a_signal_ended_ends_whoever_launched_it_alike(number: signal.Signals, tmp_path: Path) -> None:
    done = subprocess.run([*LAUNCHED, "sh", "-c", f"kill -{int(number)} $$"], cwd=tmp_path, check=False)
    assert done.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_signals_reach_the_command_once(number: signal.Signals) -> None:
    told = "import signal, sys, time\nsignal.signal(%d, lambda *_: print('got it', flush=True))\nprint('ready', flush=True)\nfor _ in range(20): time.sleep(0.05)\nsys.exit(7)"
    process = started(sys.executable, "-c", told % number)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert (output, process.returncode) == (b"got it\n", 7)


def test_each_of_two_signals_reaches_the_command() -> None:
    told = "import signal, sys, time\ncount = []\ndef got(*_):\n    count.append(1)\n    print(len(count), flush=True)\n    if len(count) == 2: sys.exit(7)\nsignal.signal(signal.SIGINT, got)\nprint('ready', flush=True)\nfor _ in range(200): time.sleep(0.05)"
    process = started(sys.executable, "-c", told)
    assert process.stdout is not None
    for number in (b"1\n", b"2\n"):
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == number
    process.communicate(timeout=20)
    assert process.returncode == 7


def test_a_signal_that_nohup_ignores_is_none_that_asks_for_the_end() -> None:
    told = "import os, sys\nprint('ready', flush=True); sys.stdin.readline(); sys.exit(3)"
    driver = DRIVER.replace("sys.exit(end", "print(ended.asked, file=sys.stderr); sys.exit(end")
    words = ["nohup", sys.executable, "-c", driver, sys.executable, "-c", told]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(b"go on\n", timeout=20)
    assert (process.returncode, errors.split()[-1]) == (3, b"0")


def test_a_command_may_close_its_streams() -> None:
    told = "import os, sys; os.write(1, b'first'); os.close(1); os.close(2); sys.exit(5)"
    done = subprocess.run([*LAUNCHED, sys.executable, "-c", told], capture_output=True, check=False)
    assert (done.stdout, done.returncode) == (b"first", 5)


def test_a_script_that_is_interrupted_ends_as_python_does() -> None:
    process = started(sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(20)")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert errors.count(b"KeyboardInterrupt") == 1


def test_standard_streams_are_left_as_they_are() -> None:
    told = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]); sys.stderr.buffer.write(data)"
    data = bytes(range(256)) * 4096
    done = subprocess.run([*LAUNCHED, sys.executable, "-c", told], input=data, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (data[::-1], data)


def test_both_streams_to_one_file_keep_their_order(tmp_path: Path) -> None:
    told = "import os\nfor number in range(500): os.write(1 + number % 2, b'%d\\n' % number)"
    path = tmp_path / "both.log"
    with path.open("wb") as file:
        subprocess.run([*LAUNCHED, sys.executable, "-c", told], stdout=file, stderr=subprocess.STDOUT, check=True)
    assert path.read_text().split() == [str(number) for number in range(500)]


def test_a_reader_that_has_seen_enough_ends_the_command() -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen([*LAUNCHED, "yes"], stdout=writer)
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    assert process.wait(timeout=20) == -signal.SIGPIPE


def test_a_child_that_stays_behind_does_not_hold_the_launcher() -> None:
    start = time.monotonic()
    done = subprocess.run([*LAUNCHED, "sh", "-c", "sleep 30 & echo done"], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"done\n"
    assert time.monotonic() - start < 15


def in_terminal(*words: str, size: tuple[int, int] = (33, 101)) -> tuple[bytes, int]:
    """Run a command with a terminal for all three streams; return what a person sees and the exit status."""
    import fcntl
    import struct
    import termios

    pid, terminal = pty.fork()
    if not pid:
        try:
            os.execv(words[0], words)
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if b"interrupt me" in piece:
            os.write(terminal, b"\x03")
        if b"resize me" in piece:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 55, 0, 0))
    os.close(terminal)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_stays_a_terminal() -> None:
    told = "import os, sys, time; time.sleep(0.3); print([os.isatty(fd) for fd in (0, 1, 2)], os.get_terminal_size(1).columns); print('\\r 50%|x|\\r100%|y|', file=sys.stderr)"
    direct = in_terminal(sys.executable, "-c", told)
    assert in_terminal(*LAUNCHED, sys.executable, "-c", told) == direct
    assert direct == (b"[True, True, True] 101\r\n\r 50%|x|\r100%|y|\r\n", 0)


def test_ctrl_c_reaches_the_command_once() -> None:
    told = "import signal, time\ncount = []\nsignal.signal(signal.SIGINT, lambda *_: count.append(1))\nprint('interrupt me', flush=True)\nfor _ in range(10): time.sleep(0.1)\nprint(len(count), 'time')"
    seen, status = in_terminal(*LAUNCHED, sys.executable, "-c", told)
    assert b"1 time" in seen
    assert status == 0


def test_a_window_that_changes_its_size_changes_the_command_s() -> None:
    told = "import os, time\nprint('resize me', flush=True)\nfor _ in range(50):\n  time.sleep(0.05)\n  if os.get_terminal_size(1).columns == 55: break\nprint(os.get_terminal_size(1).columns, 'columns')"
    seen, status = in_terminal(*LAUNCHED, sys.executable, "-c", told)
    assert b"55 columns" in seen
    assert status == 0


def test_the_last_of_the_output_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER.replace("sys.exit", "print(sum(map(len, ended.output)), ended.whole, ended.output[-1][-4:], file=sys.stderr); sys.exit"), sys.executable, "-c", f"import sys; sys.stdout.write('x' * {KEPT + (1 << 20)}); print('end')"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    size, whole, last = done.stderr.split(" ", 2)
    assert KEPT - (1 << 17) <= int(size) <= KEPT
    assert (whole, last.strip()) == ("False", "b'end\\n'")


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="no-such-command: cannot be started: No such file"):
        launch(["no-such-command"])
