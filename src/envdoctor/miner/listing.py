"""Reads the page of a project from a package index: the simple API as JSON, or its older HTML. Text in, releases out; no I/O here."""

from __future__ import annotations

from envdoctor.miner.release import File, Release, is_final
from envdoctor.model.errors import ReleaseError
from envdoctor.model.names import normalise
from envdoctor.model.versions import key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def read_listing(package: str, text: str, content_type: str, base: str) -> tuple[Release, ...]:
    """Return a project's releases in the order of their versions, without pre-releases and development releases.

    `base` is the address of the page, which relative links start from. Raises ReleaseError.
    """
    files = _json_files(package, text, base) if "json" in content_type else _html_files(text, base)
    found: dict[str, list[File]] = {}
    for file in files:
        version = version_of(package, file.filename)
        if version and is_final(version):
            found.setdefault(version, []).append(file)
    made = [
        Release(package=package, version=version, files=tuple(sorted(group, key=lambda file: file.filename)))
        for version, group in found.items()
    ]
    return tuple(sorted(made, key=lambda release: key(release.version)))


def version_of(package: str, filename: str) -> str:
    """Return the version in the name of a wheel or source distribution, as PEP 440 writes it; "" for files of other kinds."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        if filename.endswith(".whl"):
            name, version = parse_wheel_filename(filename)[:2]
        else:
            ending = next((e for e in (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz") if filename.endswith(e)), None)
            if ending is None:
                return ""
            name, version = parse_sdist_filename(filename.removesuffix(ending) + ".tar.gz")
    except (InvalidSdistFilename, InvalidWheelFilename, ValueError):
        return ""
    return str(version) if normalise(name) == package else ""


def _json_files(package: str, text: str, base: str) -> Iterable[File]:
    import json
    from urllib.parse import urljoin

    try:
        rows: list[dict[str, Any]] = json.loads(text)["files"]
        for row in rows:
            yanked = row.get("yanked", False)
            yield File(
                filename=row["filename"],
                url=urljoin(base, row["url"]),
                size=int(row.get("size") or 0),
                sha256=(row.get("hashes") or {}).get("sha256", ""),
                uploaded=row.get("upload-time") or "",
                yanked=bool(yanked) or yanked == "",  # an empty reason is one too
                requires_python=row.get("requires-python") or "",
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{package}: the index answers with JSON that is no project page ({error!r}); check --index-url") from None


def _html_files(text: str, base: str) -> Iterable[File]:
    from html.parser import HTMLParser
    from urllib.parse import unquote, urldefrag, urljoin

    found: list[File] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            told = dict(attrs)
            link = told.get("href")
            if tag != "a" or not link:
                return
            url, fragment = urldefrag(urljoin(base, link))
            found.append(
                File(
                    filename=unquote(url.rpartition("/")[2]),
                    url=url,
                    sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else "",
                    yanked="data-yanked" in told,
                    requires_python=told.get("data-requires-python") or "",
                )
            )

    Page().feed(text)
    return found
