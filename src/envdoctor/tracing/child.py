"""Starts the traced process: the interpreter of the environment that is judged, for so many seconds, with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading

from envdoctor.model.errors import InputError
from envdoctor.tracing.answer import Garbled, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

STEP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "step")
SECONDS = 300.0
_LAST = 2000  # bytes of what a crashed child said last


class NotTraced(Exception):
    """The run cannot be traced there, for a reason that is nobody's mistake. Says why."""


def trace(python: str, asked: Mapping[str, Any], say: Callable[[str], None], seconds: float = SECONDS) -> dict[str, Any]:
    """Have a step traced and return the answer; `say` is told what is being done. Raises InputError and NotTraced."""
    import json

    with tempfile.TemporaryDirectory(prefix="envdoctor-trace-") as folder, tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(  # noqa: S603 - the user's own interpreter, no shell
                [python, STEP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise InputError(f"{python}: cannot be started ({error.strerror or error}); give --python the path of a Python") from None
        ended = threading.Event()

        def give_up() -> None:
            ended.set()
            _end(child)

        timer = threading.Timer(seconds, give_up)
        timer.start()
        found: dict[str, Any] = {}
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(json.dumps(asked).encode())
                child.stdin.close()
            except OSError:
                pass  # it is gone already, and says why on stderr
            for line in child.stdout:
                found.update(read(line.decode("utf-8", "replace")))
                if "stage" in found:
                    say(str(found["stage"]))
            child.wait()
        except Garbled as error:
            raise InputError(f"{python}: the traced process gave no answer: {error}; leave --trace out") from None
        finally:
            timer.cancel()
            _end(child)
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        if ended.is_set():
            stage = found.get("stage", "starting")
            raise InputError(f"{python}: gave no answer in {seconds:.0f} seconds (last: {stage}); try again, or leave --trace out")
        errors.seek(0, os.SEEK_END)
        errors.seek(max(0, errors.tell() - _LAST))
        return checked(python, found, child.returncode, errors.read().decode("utf-8", "replace"))


def checked(python: str, found: dict[str, Any], code: int, said: str) -> dict[str, Any]:
    """Return the answer among what a process said. Raises InputError where there is none, and NotTraced where there is a reason."""
    if "answer" in found:
        answer: dict[str, Any] = found["answer"]
        return answer
    if "missing" in found:
        package, why = found["missing"]
        raise InputError(
            f"{python}: cannot import {package}, which --trace runs ({why}); install it there: pip install 'envdoctor[trace]', "
            "name another environment with --python, or leave --trace out"
        )
    if "unknown" in found:
        raise InputError(f"{python}: {found['unknown']}; upgrade it there, name another environment with --python, or leave --trace out")
    if "refused" in found:
        raise NotTraced(str(found["refused"]))
    last = [line for line in said.strip().splitlines() if line.strip()][-1:] or ["without a word"]
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    stage = found.get("stage", "starting")
    raise InputError(f"{python}: the traced process {how} while {stage}: {found.get('failed') or last[0]}; leave --trace out")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started."""
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        elif child.poll() is None:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass
