"""Where the user's packages come from: indexes, wheel folders and other settings of uv and pip, found where those tools look for them.

A repair resolves in a folder of its own, so that the settings of the project must be told to uv again; those of the user and of the
machine it finds itself. pip's settings count where uv has none: whoever installs with pip has them there.
"""

from __future__ import annotations

import configparser
import os

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_KEPT = (
    "index", "index-url", "extra-index-url", "default-index", "find-links", "no-index", "index-strategy", "keyring-provider",
    "allow-insecure-host", "native-tls", "system-certs", "exclude-newer", "exclude-newer-package", "prerelease", "no-binary",
    "no-binary-package", "no-build", "no-build-package", "no-build-isolation", "no-build-isolation-package", "config-settings",
    "cache-dir", "torch-backend", "dependency-metadata",
)  # fmt: skip
"""Settings of a project that say where distributions come from and which may be taken."""
_OF_PIP = {
    # pip's variable and key, uv's variable; pip separates by blanks
    ("PIP_INDEX_URL", "index-url"): ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    ("PIP_EXTRA_INDEX_URL", "extra-index-url"): ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    ("PIP_FIND_LINKS", "find-links"): ("UV_FIND_LINKS",),
    ("PIP_TRUSTED_HOST", "trusted-host"): ("UV_INSECURE_HOST",),
    ("PIP_CERT", "cert"): ("SSL_CERT_FILE",),
}
_LINES = (
    "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary", "--only-binary", "--pre",
    "--prefer-binary",
)  # fmt: skip
"""Options inside requirements files that uv takes there too."""


class Sources(Record):
    """`settings` belong into uv's configuration, `lines` into its requirements file, `named` are packages with an index of their own."""

    settings: Mapping[str, Any] = {}
    lines: tuple[str, ...] = ()
    named: Mapping[str, Any] = {}
    where: str = ""


def project_sources(folder: str, texts: Mapping[str, str]) -> Sources:
    """Return the sources that a project's uv settings and the lines of its requirements files (path: text) name."""
    settings, named, where = _uv_settings(os.path.abspath(folder))
    lines = [line for path, text in texts.items() for line in _option_lines(text, os.path.dirname(os.path.abspath(path)))]
    if any(line.startswith("--extra-index-url") for line in lines):
        settings.setdefault("index-strategy", "unsafe-best-match")  # what pip does with such a file
    return Sources(settings=settings, lines=tuple(dict.fromkeys(lines)), named=named, where=where)


def _uv_settings(folder: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the settings of the nearest uv.toml or pyproject.toml with a table for uv, upwards from a folder."""
    from envdoctor.formats._toml import parse
    from envdoctor.model.errors import InputError

    while True:
        for name in ("uv.toml", "pyproject.toml"):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as file:
                    table = parse(file.read(), path, "it")
            except (OSError, ValueError, InputError):
                continue
            if name == "pyproject.toml":
                table = table.get("tool", {}).get("uv", {})
                if not table:
                    continue
            plain = {**table, **(table.get("pip") or {})}
            found = {key: _absolute(key, plain[key], folder) for key in _KEPT if key in plain}
            sources = {
                name: source
                for name, source in (table.get("sources") or {}).items()
                if isinstance(source, list) or (isinstance(source, dict) and "index" in source)
            }
            return found, sources, path
        above = os.path.dirname(folder)
        if above == folder:
            return {}, {}, ""
        folder = above


def _absolute(key: str, value: Any, folder: str) -> Any:
    if key == "find-links" and isinstance(value, list):
        return [_placed(str(one), folder) for one in value]
    if key == "index" and isinstance(value, list):
        return [{**one, "url": _placed(str(one.get("url", "")), folder)} if isinstance(one, dict) else one for one in value]
    return value


def _placed(link: str, folder: str) -> str:
    from envdoctor.model.references import is_url

    return link if is_url(link) or os.path.isabs(link) else os.path.join(folder, link)


def _option_lines(text: str, folder: str) -> Iterator[str]:
    from envdoctor.formats._requirement_lines import logical_lines

    for _, line in logical_lines(text):
        option, _, value = line.replace("=", " ", 1).partition(" ") if line.startswith("--") else (line[:2], "", line[2:])
        value = value.strip()
        if option in _LINES:
            yield f"{option} {_placed(value, folder)}" if option in ("-f", "--find-links") else f"{option} {value}".strip()


def environment_for_uv(environ: Mapping[str, str], python: str = "") -> dict[str, str]:
    """Return the variables to start uv with: the caller's, and what pip's variables and files say of sources where uv's say nothing."""
    told = {name: value for name, value in environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")}
    files = _pip_settings(environ, python)
    for (variable, key), ours in _OF_PIP.items():
        value = environ.get(variable) or files.get(key, "")
        if value and not any(told.get(one) for one in ours):
            told[ours[0]] = value if key == "cert" else (" " if ours[0] != "UV_FIND_LINKS" else ",").join(value.split())
            if key == "extra-index-url":
                told.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip takes the best release of all its indexes
    told["UV_NO_PROGRESS"] = "1"
    return told


def _pip_settings(environ: Mapping[str, str], python: str) -> dict[str, str]:
    """Return pip's settings about sources, the later file's where several have them: machine, user, environment, PIP_CONFIG_FILE."""
    home = os.path.expanduser("~")
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return {}
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    base = os.path.join(environ.get("APPDATA", home), "pip") if os.name == "nt" else ""
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    prefix = os.path.dirname(os.path.dirname(python)) if python else ""
    files: Sequence[str] = (
        base and os.path.join(base, name), "/etc/xdg/pip/pip.conf", "/etc/pip.conf", os.path.join(home, ".pip", name),
        os.path.join(config, "pip", name), prefix and os.path.join(prefix, name), own,
    )  # fmt: skip
    found: dict[str, str] = {}
    for path in files:
        if not path or not os.path.isfile(path):
            continue
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself will say what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key: value.strip() for key, value in parser.items(section) if value.strip()})
    return found
