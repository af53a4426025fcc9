"""Tries many sets, some at a time: in threads of this process, whose work is all done by children, or on a Ray cluster."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from envdoctor.lab import children
from envdoctor.lab.case import Wanted, attempt
from envdoctor.lab.environment import PREFIX, LabError, biggest, trim_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from envdoctor.lab.environment import Settings

    Trial = Callable[[Wanted, Settings, Mapping[str, str]], dict[str, Any]]


def layer(wanted: Wanted) -> str:
    """Return the torch of a set, so that sets which share its files are tried one after the other."""
    words = " ".join(wanted.install).split()
    return next((word for word in words if word.startswith("torch==")), "")


def try_all(
    sets: Sequence[Wanted], settings: Settings, environ: Mapping[str, str], jobs: int, trial: Trial = attempt
) -> Iterator[tuple[Wanted, dict[str, Any]]]:
    """Yield each set with its record as it is done. Raises LabError, and ends every child when the caller stops early."""
    waiting = sorted(sets, key=lambda one: (layer(one), one.id))
    running: dict[Future[dict[str, Any]], Wanted] = {}
    seen: set[str] = set()
    before = ""
    with (
        tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=settings.folder or None) as store,
        ThreadPoolExecutor(jobs) as pool,
    ):
        settings = settings.replace(bytecode=store)
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    if layer(waiting[0]) != before:
                        if running:
                            break  # nobody may be installing while the cache is trimmed
                        trim_cache(settings, environ, sorted(seen))
                        before = layer(waiting[0])
                    one = waiting.pop(0)
                    running[pool.submit(trial, one, settings, environ)] = one
                done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    record = future.result()
                    seen.update(biggest(record["packages"]))
                    yield running.pop(future), record
        except BaseException:
            children.stop_all()
            raise
        finally:
            for future in running:
                future.cancel()


def try_on_cluster(
    sets: Sequence[Wanted], settings: Settings, environ: Mapping[str, str], address: str
) -> Iterator[tuple[Wanted, dict[str, Any]]]:
    """Yield each set with its record, tried on the machines of a Ray cluster. Raises LabError."""
    try:
        import ray  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise LabError("--ray needs the package ray beside envdoctor; install it: pip install ray") from None
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        ray.init(address=address, runtime_env={"py_modules": [package]}, log_to_driver=False)
    except Exception as error:  # noqa: BLE001 - ray raises errors of many kinds for an address that does not answer
        raise LabError(f"--ray {address}: no cluster answers there: {error}") from None
    distant = ray.remote(num_cpus=1)(_there)
    running = {distant.remote(one, settings.replace(uv="", folder=""), dict(environ)): one for one in sets}
    try:
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                yield running.pop(reference), ray.get(reference)
    finally:
        ray.shutdown()


def _there(wanted: Wanted, settings: Settings, environ: dict[str, str]) -> dict[str, Any]:
    """Try a set on another machine, with its own uv and its own paths."""
    from envdoctor.lab.environment import find_uv, sweep

    sweep(tempfile.gettempdir())
    own = {name: value for name, value in environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))}
    here = {**os.environ, **own}
    return attempt(wanted, settings.replace(uv=find_uv(here)), here)
