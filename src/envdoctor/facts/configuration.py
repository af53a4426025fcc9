"""Reads the project's configuration: `envdoctor.toml`, or `[tool.envdoctor]` in `pyproject.toml`, in this folder or above."""

from __future__ import annotations

import os

from envdoctor.facts.host import READ
from envdoctor.model.errors import ConfigError, InputError
from envdoctor.model.request import Config, Ignore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEYS = ("for", "fail-on", "strict", "select", "deep", "ignore")
_IGNORE_KEYS = ("rule", "subject", "reason", "expires")


def find_config(folder: str) -> Config:
    """Read the nearest configuration at or above a folder; an empty Config when there is none. Raises ConfigError."""
    here = folder
    while here:
        own = os.path.join(here, "envdoctor.toml")
        if os.path.isfile(own):
            return read_config(own)
        project = os.path.join(here, "pyproject.toml")
        # A search through the bytes first: parsing TOML costs more than half of a check.
        if b"[tool.envdoctor" in _bytes(project):
            return read_config(project)
        parent = os.path.dirname(here)
        if parent == here or os.path.isdir(os.path.join(here, ".git")):
            break
        here = parent
    return Config()


def _bytes(path: str) -> bytes:
    try:
        handle = os.open(path, READ)
    except OSError:
        return b""
    try:
        return os.read(handle, 1 << 20)
    except OSError:
        return b""
    finally:
        os.close(handle)


def read_config(path: str) -> Config:
    """Read a configuration file. Raises ConfigError naming the file and the key."""
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    from envdoctor.facts.documents import read_text

    try:
        table: Any = tomllib.loads(read_text(path))
    except InputError as error:
        raise ConfigError(str(error)) from None
    except (ValueError, RecursionError) as error:  # a number of more than 4300 digits is a plain ValueError
        raise ConfigError(f"{path}: not TOML: {error}") from None
    if os.path.basename(path) == "pyproject.toml":
        for key in ("tool", "envdoctor"):
            table = table.get(key, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{path}: {key}: is no table")
    return _config(table, path)


def _config(table: dict[str, Any], path: str) -> Config:
    from difflib import get_close_matches

    from envdoctor.model.rule import SEVERITIES
    from envdoctor.model.uses import PURPOSES

    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            raise ConfigError(f"{path}: {key}: unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; keys are {', '.join(KEYS)}"))
    for key, choices in (("for", tuple(PURPOSES)), ("fail-on", SEVERITIES)):
        if key in table and table[key] not in choices:
            raise ConfigError(f"{path}: {key}: takes one of {', '.join(choices)}, not {table[key]!r}")
    for key in ("strict", "deep"):
        if not isinstance(table.get(key, False), bool):
            raise ConfigError(f"{path}: {key}: takes true or false")
    select = table.get("select", [])
    if not isinstance(select, list) or not all(isinstance(part, str) for part in select):
        raise ConfigError(f"{path}: select: takes a list of rule ids")
    given = table.get("ignore", [])
    if not isinstance(given, list):
        raise ConfigError(f'{path}: ignore: takes a list of {{ rule = "...", reason = "..." }}')
    return Config(
        path=path,
        purpose=table.get("for"),
        fail_on=table.get("fail-on"),
        strict=table.get("strict"),
        select=tuple(select),
        deep=table.get("deep"),
        ignores=tuple(_ignore(part, f"{path}: ignore[{number}]") for number, part in enumerate(given)),
    )


def _ignore(part: Any, where: str) -> Ignore:
    if not isinstance(part, dict):
        raise ConfigError(f'{where}: takes a table {{ rule = "...", reason = "..." }}')
    for key in part:
        if key not in _IGNORE_KEYS:
            raise ConfigError(f"{where}: {key}: unknown key; keys are {', '.join(_IGNORE_KEYS)}")
    for key in ("rule", "reason"):
        if not isinstance(part.get(key), str) or not part[key].strip():
            raise ConfigError(f"{where}: {key}: is missing; an ignore needs a rule and a reason")
    if not isinstance(part.get("subject", ""), str):
        raise ConfigError(f"{where}: subject: takes the name of a distribution")
    expires = str(part.get("expires", ""))
    if expires:
        from datetime import date

        try:
            date.fromisoformat(expires)
        except ValueError:
            raise ConfigError(f"{where}: expires: takes a date such as 2027-01-31, not {expires!r}") from None
    return Ignore(rule=part["rule"], reason=part["reason"], subject=part.get("subject", ""), expires=expires, where=where)
