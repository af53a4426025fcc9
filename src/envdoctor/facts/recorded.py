"""A machine that was recorded: the Host that stands in for a real one in tests and when a machine's files were sent along.

`fixtures/hosts/<name>/host.json` holds one: {"platform", "machine", "kernel", "glibc", "prefix", "site_packages", "python_version", "cwd",
"environ", "programs": {name: path}, "disk": {path: [total, free]}, "links": [path], "broken_links": [path],
"files": {path: text or {"from": file beside it}}, "commands": {"words of the command": {"status", "output" or "from"}}}.
Folders are there because something is in them; a path that ends in "/" is an empty one.
"""

from __future__ import annotations

import json
import os

from envdoctor.facts.host import Ran

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class RecordedHost:
    """A Host whose answers were written down; a command that was not is missing."""

    def __init__(
        self,
        files: Mapping[str, str | bytes] | None = None,
        environ: Mapping[str, str] | None = None,
        commands: Mapping[str, Ran] | None = None,
        **told: Any,
    ) -> None:
        self.platform: str = told.get("platform", "linux")
        self.prefix: str = told.get("prefix", "/env")
        self.site_packages: tuple[str, ...] = tuple(told.get("site_packages", ()))
        self.python_version: str = told.get("python_version", "")
        self.memo: dict[str, object] = {}
        self.ran: list[str] = []
        """Commands that sources started, in order."""
        self._told = told
        self._environ = dict(environ or {})
        self._commands = dict(commands or {})
        self._links = frozenset(told.get("links", ())) | frozenset(told.get("broken_links", ()))
        self._files: dict[str, bytes] = {}
        self._folders: dict[str, set[str]] = {}
        for path, text in (files or {}).items():
            if not path.endswith("/"):
                self._files[path] = text if isinstance(text, bytes) else text.encode()
            self._place(path.rstrip("/"), folder=path.endswith("/"))
        for path in self._links:
            self._place(path, folder=False)

    def _place(self, path: str, folder: bool) -> None:
        if folder:
            self._folders.setdefault(path, set())
        while "/" in path.strip("/") or path.startswith("/"):
            parent, _, name = path.rpartition("/")
            if not name:
                break
            self._folders.setdefault(parent or "/", set()).add(name)
            path = parent

    def read_text(self, path: str, limit: int = 1 << 20) -> str | None:
        """Return what was recorded of a file."""
        found = self.read_bytes(path, 0, limit)
        return None if found is None else found.decode("utf-8", "replace")

    def read_bytes(self, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes | None:
        """Return bytes of what was recorded of a file."""
        found = self._files.get(path)
        return None if found is None else found[offset : offset + limit]

    def find_bytes(self, path: str, pattern: bytes, limit: int = 16) -> list[bytes] | None:
        """Return matches in what was recorded of a file."""
        import re

        found = self._files.get(path)
        return None if found is None else [match.group(0) for match in re.finditer(pattern, found)][:limit]

    def list_dir(self, path: str) -> list[str] | None:
        """Return the recorded names below a folder."""
        found = self._folders.get(path.rstrip("/") or "/")
        return None if found is None else sorted(found)

    def exists(self, path: str) -> bool:
        """Tell whether the path was recorded and is no broken link."""
        if path in self._told.get("broken_links", ()):
            return False
        return path in self._files or path.rstrip("/") in self._folders or path in self._links

    def is_link(self, path: str) -> bool:
        """Tell whether the path was recorded as a link."""
        return path in self._links

    def size(self, path: str) -> int | None:
        """Return the length of what was recorded."""
        found = self._files.get(path)
        return None if found is None else len(found)

    def getenv(self, name: str) -> str | None:
        """Return a recorded variable."""
        return self._environ.get(name)

    def disk_free(self, path: str) -> int | None:
        """Return the recorded free bytes of the nearest recorded file system above a path."""
        return self._disk(path, 1)

    def disk_total(self, path: str) -> int | None:
        """Return the recorded size of the file system mounted at a path."""
        found = self._told.get("disk", {}).get(path)
        return None if found is None else int(found[0])

    def _disk(self, path: str, column: int) -> int | None:
        disks: Mapping[str, Sequence[int]] = self._told.get("disk", {})
        while path not in disks:
            parent = path.rpartition("/")[0] or "/"
            if parent == path:
                return None
            path = parent
        return disks[path][column]

    def real_path(self, path: str) -> str:
        """Return the path itself: where links lead is not recorded."""
        return path

    def machine(self) -> str:
        """Return the recorded architecture."""
        return str(self._told.get("machine", "x86_64"))

    def kernel(self) -> str:
        """Return the recorded release."""
        return str(self._told.get("kernel", "6.8.0-31-generic"))

    def glibc(self) -> str:
        """Return the recorded version of the C library."""
        return str(self._told.get("glibc", "2.39"))

    def memory(self) -> tuple[int | None, int | None]:
        """Return recorded total and available bytes."""
        total, available = self._told.get("memory", (None, None))
        return total, available

    def which(self, program: str) -> str | None:
        """Return the recorded place of a program."""
        found: str | None = self._told.get("programs", {}).get(program)
        return found

    def run(self, command: Sequence[str], timeout: float) -> Ran:
        """Return the recorded result of a command, found by its words with the program's folder left out."""
        words = " ".join([command[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe"), *command[1:]])
        self.ran.append(words)
        for beginning, result in self._commands.items():
            if words == beginning or (beginning.endswith("*") and words.startswith(beginning[:-1])):
                return result
        return Ran("missing")

    def cwd(self) -> str:
        """Return the recorded working directory."""
        return str(self._told.get("cwd", "/project"))


def load(folder: str) -> RecordedHost:
    """Return the host recorded in a folder. Raises InputError where its `host.json` cannot be read."""
    from envdoctor.model.errors import InputError

    path = os.path.join(folder, "host.json")

    def beside(name: str) -> str:
        with open(os.path.join(folder, os.path.basename(name)), encoding="utf-8") as file:
            return file.read()

    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        files = {name: beside(text["from"]) if isinstance(text, dict) else text for name, text in told.pop("files", {}).items()}
        commands = {
            words: Ran(result.get("status", "ok"), beside(result["from"]) if "from" in result else result.get("output", ""))
            for words, result in told.pop("commands", {}).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a recorded machine ({error}); record it again or repair the file") from error
    return RecordedHost(files, told.pop("environ", {}), commands, **told)
