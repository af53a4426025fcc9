"""A remedy as one line to paste, or as one sentence where there is nothing to paste."""

from __future__ import annotations

from envdoctor.model.rule import ACTIONS
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.rule import Remedy
    from envdoctor.model.snapshot import Snapshot

_PASTED = ("require", "set_env", "unset_env", "remove")


def action(remedy: Remedy) -> dict[str, Any]:
    """Return the action that is set, by name (none at all for a remedy that is only a title)."""
    return {name: getattr(remedy, name) for name in ACTIONS if getattr(remedy, name)}


def is_command(remedy: Remedy) -> bool:
    """Tell whether the line is meant for a shell."""
    return any(getattr(remedy, name) for name in _PASTED)


def line(remedy: Remedy, snapshot: Snapshot) -> str:
    """Return the remedy as one line."""
    if remedy.require:
        wanted = " ".join(_requirement(name, specifier) for name, specifier in remedy.require.items())
        told = f"{_installer(snapshot)} install {wanted}"
    elif remedy.remove:
        installer = _installer(snapshot)
        told = f"{installer} uninstall {'-y ' if installer == 'pip' else ''}{' '.join(remedy.remove)}"
    elif remedy.set_env:
        told = _set(remedy, snapshot)
    elif remedy.unset_env:
        told = _unset(remedy, snapshot)
    elif remedy.set_argument:
        told = ", and ".join(_argument(target, values) for target, values in remedy.set_argument.items())
    elif remedy.replace_model:
        told = f"use the model {remedy.replace_model}"
    else:
        told = " ".join((remedy.advice or remedy.title).split())
    return clean(told)


def _requirement(name: str, specifier: str) -> str:
    return f'"{name}{specifier}"' if specifier else name


def _installer(snapshot: Snapshot) -> str:
    """Where uv made the environment there is no pip in it, and `pip install` would repair another environment."""
    by_uv = any(distribution.installer == "uv" for distribution in snapshot.distributions.values())
    return "uv pip" if by_uv and "pip" not in snapshot.distributions else "pip"


def _set(remedy: Remedy, snapshot: Snapshot) -> str:
    if _is_windows(snapshot):
        return "; ".join("$env:{} = '{}'".format(name, value.replace("'", "''")) for name, value in remedy.set_env.items())
    from shlex import quote

    return "export " + " ".join(f"{name}={quote(value)}" for name, value in remedy.set_env.items())


def _unset(remedy: Remedy, snapshot: Snapshot) -> str:
    if _is_windows(snapshot):
        return "; ".join(f"Remove-Item Env:{name}" for name in remedy.unset_env)
    return "unset " + " ".join(remedy.unset_env)


def _argument(target: str, values: Any) -> str:
    passed = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"pass {passed} to {target}"


def _is_windows(snapshot: Snapshot) -> bool:
    known = snapshot.facts.get("os.name")
    return known is not None and known.value == "windows"
