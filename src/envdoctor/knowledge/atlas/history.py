"""What the atlas tells people: where a name is and was, what changed between two releases, who needs a name. Plain data from texts."""

from __future__ import annotations

from envdoctor.knowledge.atlas.links import split_item
from envdoctor.knowledge.atlas.text import NOTHING, runs
from envdoctor.knowledge.atlas.universe import NEEDING
from envdoctor.model.modules import is_standard
from envdoctor.model.surface import EXISTS, OPEN, ROOMY
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from envdoctor.knowledge.atlas.text import AtlasText

    Spans = list[tuple[str, str]]  # first and last release; "" for the last where it still holds in the newest

SIGNS = frozenset({EXISTS, OPEN, ROOMY, NOTHING})
"""Items that are no names."""


def spans(text: AtlasText, bits: int) -> Spans:
    """Return runs of releases as pairs of the first and the last; the last is "" where it is the newest."""
    versions = text.versions
    return [(versions[first], versions[last] if last + 1 < len(versions) else "") for first, last in runs(bits)]


def spell(found: Spans) -> str:
    """Return runs in words.

    >>> spell([("4.39.0", "4.57.6"), ("5.1.0", "")])
    '4.39.0 to 4.57.6, 5.1.0 on'
    """
    return ", ".join(first if first == last else f"{first} to {last}" if last else f"{first} on" for first, last in found)


def place(text: AtlasText, version: str) -> int | None:
    """Return which release a version is, in whatever spelling; None where it is not known."""
    if version in text.versions:
        return text.versions.index(version)
    try:
        wanted = key(version)
    except InvalidVersion:
        return None
    return next((number for number, one in enumerate(text.versions) if key(one) == wanted), None)


def find(text: AtlasText, asked: str) -> dict[str, Any] | None:
    """Return what is known of a module, a name, or MODULE:NAME: where it is and was, with which parameters; None for nothing."""
    offers, takes = text.sections.get("offers", {}), text.sections.get("takes", {})
    module, _, name = asked.rpartition(":")
    places: dict[str, int] = {}
    for subject, items in offers.items():
        if subject == asked:
            places[subject] = _any(items.values())
        elif not module and name in items and name not in SIGNS:
            places[f"{subject}:{name}"] = items[name]
        elif subject == module and name in items:
            places[asked] = items[name]
    called = {
        subject: items
        for subject, items in takes.items()
        if subject == asked or (not module and (subject.endswith((":" + name, "." + name))))
    }
    notices = {
        subject: items for subject, items in text.sections.get("deprecates", {}).items() if subject == asked or subject.endswith(":" + name)
    }
    if not places and not called:
        return None
    return {
        "package": text.package,
        "asked": asked,
        "places": {where: spans(text, bits) for where, bits in sorted(places.items(), key=_nearest_first)},
        "names": sorted(set(offers.get(asked, {})) - SIGNS),
        "parameters": {function: _parameters(text, items) for function, items in sorted(called.items(), key=_nearest_first)},
        "notices": {item: spans(text, bits) for items in notices.values() for item, bits in sorted(items.items())},
    }


def _nearest_first(pair: tuple[str, Any]) -> tuple[int, str]:
    return pair[0].count("."), pair[0]


def _parameters(text: AtlasText, items: Any) -> dict[str, Spans]:
    """Return each parameter with the releases that take it; a changed default is the same parameter."""
    found: dict[str, int] = {}
    for item, bits in items.items():
        name = item.partition("=")[0]
        if item != NOTHING:
            found[name] = found.get(name, 0) | bits
    return {name: spans(text, bits) for name, bits in sorted(found.items(), key=lambda pair: (pair[1] & -pair[1], pair[0]))}


_COUNTED: dict[str, tuple[str, bool]] = {
    # what is counted: section, and whether its subjects count or its items
    "modules": ("offers", False),
    "names": ("offers", True),
    "callables": ("takes", False),
    "parameters": ("takes", True),
    "requirements": ("requires", True),
    "entries": ("needs", False),
    "needs": ("needs", True),
    "arguments passed": ("passes", True),
    "refusals": ("refuses", True),
    "environment variables": ("reads", True),
    "deprecations": ("deprecates", True),
}


def counts(text: AtlasText, number: int) -> dict[str, int]:
    """Return how much of each kind is known of one release."""
    found = {}
    for word, (section, of_items) in _COUNTED.items():
        held = [
            sum(1 for item, bits in items.items() if bits >> number & 1 and (item not in SIGNS or not of_items))
            for items in text.sections.get(section, {}).values()
        ]
        found[word] = sum(held) if of_items else sum(1 for count in held if count)
    return found


def names_of(text: AtlasText) -> set[str]:
    """Return every name and module, to tell what somebody may have meant."""
    found = set()
    for module, items in text.sections.get("offers", {}).items():
        found.add(module)
        found.update(items)
    return found - SIGNS


def _any(bits: Iterable[int]) -> int:
    found = 0
    for one in bits:
        found |= one
    return found


def changes(text: AtlasText, old: int, new: int, everything: bool = True) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return what came and went between two releases, by section and subject: `new` and `gone`, each a list.

    Section `modules` holds whole modules, `callables` whole callables; what is inside of one that came or went is not told again. Unless
    `everything` is asked for, private names are left out, names that a module only imports for itself, and callables told as names.
    """
    visible = _Visible(text)
    told: dict[str, dict[str, dict[str, list[str]]]] = {}
    for section, subjects in text.sections.items():
        whole = {"offers": "modules", "takes": "callables"}.get(section, "")
        for subject, items in subjects.items():
            before = {item for item, bits in items.items() if bits >> old & 1}
            after = {item for item, bits in items.items() if bits >> new & 1}
            if section == "takes":
                before, after = ({item.partition("=")[0] for item in side} for side in (before, after))
            elif section in NEEDING and not everything:
                before, after = ({item.rpartition(" at ")[0] for item in side} for side in (before, after))
            if before == after:
                continue
            if whole and not (before and after):
                if everything or visible.shows(whole, subject, ""):
                    told.setdefault(whole, {}).setdefault("", {}).setdefault("new" if after else "gone", []).append(subject)
                continue
            for word, found in (("new", after - before - SIGNS), ("gone", before - after - SIGNS)):
                shown = [name for name in sorted(found) if everything or visible.shows(section, subject, name)]
                if shown:
                    told.setdefault(section, {}).setdefault(subject, {})[word] = shown
    for sides in told.values():
        for lists in sides.values():
            for names in lists.values():
                names.sort()
    return told


def is_private(name: str) -> bool:
    """Tell whether a dotted name has a part that begins with an underscore."""
    return any(part.startswith("_") for part in name.replace(":", ".").split("."))


class _Visible:
    """Which names are for others: what a package's own module offers, and what a plain module defines."""

    def __init__(self, text: AtlasText) -> None:
        offers = text.sections.get("offers", {})
        self._defined = text.sections.get("takes", {})
        self._modules = offers
        self._packages = {module.rpartition(".")[0] for module in offers}

    def shows(self, section: str, subject: str, name: str) -> bool:
        """Tell whether a reader of a changelog wants to see an item."""
        if section not in ("offers", "takes", "modules", "callables"):
            return True
        if is_private(subject) or is_private(name):
            return False
        if section == "callables":
            return "." in subject.partition(":")[2]  # a method; others are told as names
        if section == "modules":
            return True
        if section == "takes" or f"{subject}:{name}" in self._defined:
            return True
        return subject in self._packages and not is_standard(name) and f"{subject}.{name}" not in self._modules


def needing(text: AtlasText, asked: str) -> Iterator[dict[str, Any]]:
    """Return the needs of a package that are about a module, or a name or parameter of it, written with dots."""
    for section in ("needs", "passes"):
        for entry, items in sorted(text.sections.get(section, {}).items()):
            for item, bits in sorted(items.items()):
                target, guard, module = split_item(item)
                plain = target.replace(":", ".").partition("(")[0]
                if plain == asked or plain.startswith(asked + "."):
                    yield {
                        "package": text.package,
                        "releases": spans(text, bits),
                        "entry": entry,
                        "target": target,
                        "guard": guard,
                        "module": module,
                    }
