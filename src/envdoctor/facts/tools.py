"""Tools that the stack starts by name: looked for on the PATH, never started here."""

from __future__ import annotations

from envdoctor.model.facts import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host


def collect(host: Host) -> Iterator[Fact]:
    """Yield which tools the PATH holds."""
    # Triton asks for $CC first, then for gcc and clang; on Windows for cl as well.
    names = ("cl", "gcc", "clang") if host.platform == "win32" else ("cc", "gcc", "clang")
    wanted = host.getenv("CC")
    yield _first(host, "tools.cc", (wanted.split()[0], *names) if wanted and wanted.split() else names)
    yield _first(host, "tools.ffmpeg", ("ffmpeg",))


def _first(host: Host, path: str, names: tuple[str, ...]) -> Fact:
    for name in names:
        found = name if "/" in name and host.exists(name) else host.which(name)
        if found:
            return Fact(path=path, value=True, origin=found)
    return Fact(path=path, value=False, origin=f"none of {', '.join(names)} on the PATH")
