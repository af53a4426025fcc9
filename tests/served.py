"""A package index on this machine: a folder of wheels and source distributions, answered as the simple API with range requests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from envdoctor.miner.listing import version_of


def metadata(name: str, version: str, *requires: str) -> str:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.9\n"]
    return "".join([*lines, *(f"Requires-Dist: {line}\n" for line in requires), "\nlong text\n"])


def build_wheel(
    folder: Path, name: str, version: str, files: dict[str, str | bytes], tag: str = "py3-none-any", requires: tuple[str, ...] = ()
) -> Path:
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in files.items():
            archive.writestr(member, text)
        archive.writestr(f"{info}/METADATA", metadata(name, version, *requires))
        archive.writestr(f"{info}/RECORD", "")
    return path


def build_sdist(folder: Path, name: str, version: str, files: dict[str, str], ending: str = ".tar.gz") -> Path:
    path = folder / f"{name}-{version}{ending}"
    members = {f"{name}-{version}/{member}": text.encode() for member, text in files.items()}
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return path
    with tarfile.open(path, "w:gz") as packed:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


class Served:
    """What a test may change of the index, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.dates: dict[str, str] = {}
        self.yanked: set[str] = set()
        self.form = "json"
        self.ranges = True
        self.cut = False
        self.broken = 0
        """How many of the next answers fail."""
        self.asked: list[str] = []
        self.sent = 0

    def page(self, name: str) -> tuple[str, bytes] | None:
        rows: list[dict[str, Any]] = []
        for path in sorted(self.folder.iterdir()):
            version = version_of(name, path.name)
            if not version:
                continue
            row: dict[str, Any] = {
                "filename": path.name,
                "url": f"../../files/{path.name}",
                "size": path.stat().st_size,
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                "requires-python": ">=3.9",
                "yanked": "broken" if version in self.yanked else False,
            }
            if version in self.dates:
                row["upload-time"] = f"{self.dates[version]}T10:00:00.000000Z"
            rows.append(row)
        if not rows:
            return None
        if self.form == "json":
            return "application/vnd.pypi.simple.v1+json", json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": rows}).encode()
        links = [
            f'<a href="{row["url"]}#sha256={row["hashes"]["sha256"]}" data-requires-python="&gt;=3.9"{" data-yanked" if row["yanked"] else ""}>x</a>'
            for row in rows
        ]
        return "text/html", f"<!DOCTYPE html><html><body>{'<br>'.join(links)}</body></html>".encode()


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a folder at `url` for as long as the block runs."""
    told = Served(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            told.asked.append(self.path)
            if told.broken:
                told.broken -= 1
                self.answer(503, "text/plain", b"later")
                return
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple":
                found = told.page(parts[1])
                if found and "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.answer(200, found[0], gzip.compress(found[1])[: -8 if told.cut else None], **{"Content-Encoding": "gzip"})
                else:
                    self.answer(200 if found else 404, *(found or ("text/plain", b"")))
            elif parts[0] == "moved":
                self.answer(302, "text/plain", b"", Location=f"/files/{parts[1]}")
            elif (told.folder / parts[-1]).is_file():
                self.file((told.folder / parts[-1]).read_bytes())
            else:
                self.answer(404, "text/plain", b"")

        def file(self, data: bytes) -> None:
            asked = self.headers.get("Range")
            if not asked or not told.ranges:
                self.answer(200, "application/octet-stream", data)
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = (int(first), min(int(last), len(data) - 1)) if first else (max(0, len(data) - int(last)), len(data) - 1)
            self.answer(206, "application/octet-stream", data[start : end + 1], **{"Content-Range": f"bytes {start}-{end}/{len(data)}"})

        def answer(self, status: int, kind: str, body: bytes, **headers: str) -> None:
            told.sent += len(body)
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/simple/"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
