"""The configuration of a named model where it lies on this machine: a file, a folder, or the Hugging Face cache."""

from __future__ import annotations

from envdoctor.facts.huggingface import cache_folder, expand
from envdoctor.model.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.facts.host import Host

LARGEST = 1 << 22  # bytes of a configuration


def local_configuration(name: str, host: Host, revision: str = "") -> tuple[dict[str, Any], str] | None:
    """Return a model's `config.json` and its path; None where it is not on this machine. Raises InputError for one that is no use.

    `revision` is a branch, a tag or a commit of a repository in the cache; without it, `main` counts, else the newest folder by name.
    """
    path = expand(host, name)
    if host.list_dir(path) is not None:
        path = f"{path}/config.json"
        if not host.exists(path):
            raise InputError(f"{name}: holds no config.json; give the folder of the model itself (an adapter's is not enough)")
    elif not (host.exists(path) and not revision):
        path = _cached(name, host, revision)
    return (_read(path, host), path) if path else None


def _cached(name: str, host: Host, revision: str) -> str:
    """Return the path of a cached model's configuration, or ""."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return ""
    repository = f"{cache_folder(host)}/models--{name.replace('/', '--')}"
    revisions = host.list_dir(f"{repository}/snapshots") or []
    told = (host.read_text(f"{repository}/refs/{revision or 'main'}", 256) or "").strip()
    if told in revisions:
        revisions = [told]
    elif revision:
        revisions = [revision] if revision in revisions else []
    paths = [f"{repository}/snapshots/{each}/config.json" for each in revisions]
    return next((path for path in reversed(paths) if host.exists(path)), "")


def _read(path: str, host: Host) -> dict[str, Any]:
    text = host.read_text(path, LARGEST)
    if text is None:
        raise InputError(f"{path}: cannot be read; check its permissions")
    return parsed(text, path)


def parsed(text: str, where: str) -> dict[str, Any]:
    """Return the object that a configuration's text holds. Raises InputError, naming `where`."""
    import json  # a model of the shipped table needs none

    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is no JSON ({str(error)[:120]}); download it again") from None
    if not isinstance(found, dict):
        raise InputError(f"{where}: holds no JSON object; a model's config.json is needed")
    return found
