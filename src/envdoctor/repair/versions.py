"""How an exact version is asked for, and when an installed one is the one that was asked for: a label such as +cu126 counts. Pure."""

from __future__ import annotations

from envdoctor.model.versions import InvalidVersion, key


def pin(name: str, version: str, now: str | None) -> str:
    """Return the requirement for a version, where `now` is installed.

    `==2.6.0` is met by 2.6.0+cpu as well, so where only the label is to go, `===` says that it counts.

    >>> pin("torch", "2.6.0", "2.5.1+cpu"), pin("torch", "2.6.0", "2.6.0+cpu")
    ('torch==2.6.0', 'torch===2.6.0')
    """
    return f"{name}{'===' if now is not None and label_goes(version, now) else '=='}{version}"


def label_goes(version: str, now: str) -> bool:
    """Tell whether a version is the one that is installed, without its label."""
    return "+" not in version and "+" in now and same_release(version, now)


def same_release(one: str, two: str) -> bool:
    """Tell whether two versions are one release, labels aside."""
    try:
        return key(one) == key(two)
    except InvalidVersion:
        return one == two


def is_met(now: str | None, wanted: str | None, before: str | None) -> bool:
    """Tell whether what is installed now is what was wanted; a wanted version without a label is met by any, unless a label was to go.

    >>> is_met("2.6.0+cu126", "2.6.0", "2.5.1"), is_met("2.6.0+cu126", "2.6.0", "2.6.0+cu126"), is_met("2.6.0", "2.6.0+cu126", None)
    (True, False, False)
    """
    if now is None or wanted is None or not same_release(now, wanted):
        return now == wanted
    label = wanted.partition("+")[2]
    if label or (before is not None and label_goes(wanted, before)):
        return now.partition("+")[2] == label
    return True


def difference(name: str, now: str | None, wanted: str | None, before: str | None) -> list[str]:
    """Return a line that says how an installed version is not the wanted one, or none."""
    if is_met(now, wanted, before):
        return []
    return [f"{name} is {now or 'not installed'} instead of {wanted or 'gone'}"]
