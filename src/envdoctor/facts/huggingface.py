"""The Hugging Face cache and token. Folders are resolved as `huggingface_hub.constants` does; a token's value is put into no report."""

from __future__ import annotations

import time

from envdoctor.model.facts import FAILED, TIMED_OUT, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host

BUDGET = 0.5
"""Seconds that walking the cache may take."""
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
ENOUGH = 1000
"""Broken links or half downloads after which counting stops: the verdict is the same for more."""


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield whether a token is there, whether the hub is switched off, and what is wrong in the cache."""
    yield _token(host)
    # As in huggingface_hub: the second variable counts only where the first is unset or empty.
    name = "HF_HUB_OFFLINE" if host.getenv("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE"
    value = host.getenv(name)
    yield Fact(path="hf.offline", value=is_true(value), origin=f"{name}={value}" if value else "HF_HUB_OFFLINE is not set")
    yield from _cache(host)


def is_true(value: str | None) -> bool:
    """Tell whether huggingface_hub takes a variable's text for yes."""
    return value is not None and value.upper() in ("1", "ON", "YES", "TRUE")


def home_folder(host: Host) -> str:
    """Return the folder that `HF_HOME` stands for, or "" where the user has no home folder."""
    chosen = host.getenv("HF_HOME")
    if chosen is not None:
        return expand(host, chosen)
    cache = host.getenv("XDG_CACHE_HOME")
    if cache is None:
        user = user_folder(host)
        cache = f"{user}/.cache" if user else ""
    return expand(host, f"{cache}/huggingface") if cache else ""


def cache_folder(host: Host) -> str:
    """Return the folder that holds downloaded repositories, or ""."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        chosen = host.getenv(name)
        if chosen is not None:
            return expand(host, chosen)
    home = home_folder(host)
    return f"{home}/hub" if home else ""


def user_folder(host: Host) -> str:
    """Return the user's home folder, or ""."""
    return host.getenv("USERPROFILE" if host.platform == "win32" else "HOME") or ""


def expand(host: Host, path: str) -> str:
    """Resolve `~`, `$NAME` and `${NAME}`, and make the path absolute."""
    if path == "~" or path.startswith(("~/", "~\\")):
        path = (user_folder(host) or "~") + path[1:]
    pieces = path.split("$")
    out = [pieces[0]]
    for piece in pieces[1:]:
        if piece.startswith("{") and "}" in piece:
            name, rest = piece[1 : piece.index("}")], piece[piece.index("}") + 1 :]
        else:
            end = 0
            while end < len(piece) and (piece[end].isalnum() or piece[end] == "_"):
                end += 1
            name, rest = piece[:end], piece[end:]
        value = host.getenv(name) if name else None
        out.append("$" + piece if value is None else value + rest)
    path = "".join(out)
    absolute = path.startswith(("/", "\\")) or path[1:2] == ":"
    return path if absolute or not path else f"{host.cwd()}/{path}"


def _token(host: Host) -> Fact:
    for name in _TOKENS:
        if (host.getenv(name) or "").strip():
            return Fact(path="hf.token", value=True, origin=f"{name} is set")
    path = _token_file(host)
    present = bool(path and host.size(path))
    return Fact(path="hf.token", value=present, origin=f"{path} {'exists' if present else 'is missing or empty'}")


def _token_file(host: Host) -> str:
    chosen, home = host.getenv("HF_TOKEN_PATH"), home_folder(host)
    return expand(host, chosen) if chosen is not None else f"{home}/token" if home else ""


def token_of(host: Host) -> str:
    """Return the token itself, for the one who asks the hub, or ""; it is put into no report."""
    told = next((value for value in [(host.getenv(name) or "").strip() for name in _TOKENS] if value), "")
    path = _token_file(host)
    return told or ((host.read_text(path, 1024) or "").strip() if path else "")


def _cache(host: Host) -> Iterator[Fact | Absent]:
    folder = cache_folder(host)
    names = host.list_dir(folder) if folder else None
    if names is None and folder and host.exists(folder):
        for path in ("hf.cache.incomplete", "hf.cache.broken_links"):
            yield Absent(path=path, reason=FAILED, detail=f"{folder} cannot be read")
        return
    until = time.monotonic() + BUDGET
    repositories = [f"{folder}/{name}" for name in names or () if name.startswith(("models--", "datasets--", "spaces--"))]
    for path, count in (("hf.cache.incomplete", _incomplete), ("hf.cache.broken_links", _broken)):
        found = 0
        for repository in repositories:
            if found >= ENOUGH or time.monotonic() > until:
                break
            found += count(host, repository, ENOUGH - found, until)
        if found == 0 and time.monotonic() > until:
            yield Absent(path=path, reason=TIMED_OUT, detail=f"{folder} is too large to walk in {BUDGET:g} s")
        else:
            yield Fact(path=path, value=found, origin=f"files below {folder}")


def _incomplete(host: Host, repository: str, enough: int, until: float) -> int:
    return sum(name.endswith(".incomplete") for name in host.list_dir(f"{repository}/blobs") or ())


def _broken(host: Host, repository: str, enough: int, until: float) -> int:
    found = 0
    # Depth is bounded as well: a folder below a snapshot may be a link to its own parent.
    folders = [(f"{repository}/snapshots", 0)]
    while folders and found < enough and time.monotonic() < until:
        folder, depth = folders.pop()
        for name in host.list_dir(folder) or ():
            path = f"{folder}/{name}"
            if host.is_link(path):
                found += not host.exists(path)
            elif depth < 8 and (depth == 0 or "." not in name):
                folders.append((path, depth + 1))
    return found
