"""Miners for tests of what is around the miner; workers import them by name."""

from __future__ import annotations

import os
import signal

from envdoctor.miner.source import TYPE_CHECKING
from envdoctor.model.errors import ReleaseError
from envdoctor.model.surface import Surface

if TYPE_CHECKING:
    from envdoctor.miner.source import Source


def mine(source: Source) -> Surface:
    """Say the names that the one module assigns; a module that asks for it makes the miner fail or die."""
    names = {"."}
    for path in source.paths():
        if path.endswith(".py"):
            text = source.read(path).decode()
            if "FAIL" in text:
                raise ValueError("no such thing")
            if "REFUSE" in text:
                raise ReleaseError(f"{source.package} {source.version}: is refused; leave it out")
            if "DIE" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            if "STOP" in text:
                os.kill(os.getppid(), signal.SIGINT)
            names |= {line.split("=")[0].strip() for line in text.splitlines() if "=" in line}
    requires = {"requires": {"": frozenset(source.requires)}} if source.requires else {}
    return Surface(
        package=source.package,
        version=source.version,
        date=source.date,
        yanked=source.yanked,
        sections={"offers": {source.package: frozenset(names)}, **requires},
    )
