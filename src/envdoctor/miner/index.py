"""A package index: which releases a project has. Also says which index is meant where the user names none."""

from __future__ import annotations

import os
import sys

from envdoctor.miner.listing import ACCEPT, read_listing
from envdoctor.model.errors import ReleaseError, UsageError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.miner.release import Release
    from envdoctor.miner.web import Client

VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


class Index:
    """A package index that answers the simple API."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/") + "/"

    def releases(self, package: str) -> tuple[Release, ...]:
        """Return the final releases of a project in the order of their versions. Raises ReleaseError."""
        name = normalise(package)
        answer = self._client.get(f"{self._url}{name}/", {"Accept": ACCEPT, "Accept-Encoding": "gzip"})
        if answer.status == 404:
            raise ReleaseError(f"{name}: the index has no such project; check the spelling and --index-url")
        if answer.status != 200:
            raise ReleaseError(f"{name}: the index answers with status {answer.status}; check --index-url and what it needs to log in")
        text = answer.body.decode("utf-8", "replace")
        return read_listing(name, text, answer.headers.get("content-type", ""), answer.url)


def index_url(given: str | None, environment: Mapping[str, str] | None = None) -> str:
    """Return the address of the index: the one given, else uv's and pip's variables, pip's configuration, pip's own default.

    The default is asked of pip, in a child process, because it is pip's to say. Raises UsageError where nobody knows one.
    """
    known = os.environ if environment is None else environment
    for name in VARIABLES:
        given = given or known.get(name, "").rpartition("=" if name == "UV_DEFAULT_INDEX" and "=http" in known.get(name, "") else "\0")[2]
    if given:
        return given
    for line in _pip("-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("global.index-url", "install.index-url"):
            return value.strip().strip("'\"")
    default = _pip("-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)").strip()
    if not default:
        raise UsageError("no package index is known: pip is not installed here to tell its own; give --index-url URL or set PIP_INDEX_URL")
    return default


def _pip(*words: str) -> str:
    import subprocess

    try:
        done = subprocess.run([sys.executable, "-I", *words], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""
