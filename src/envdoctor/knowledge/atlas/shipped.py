"""What of a text is shipped: everything but names that plain modules only import for themselves, which are most of all names.

A name is left out of a module if the module holds no others, is not where the name comes from, and nobody needs it of it, and if Python
has it, another module of the package defines it, or many have it. It comes from the module that defines a callable of that name, or that
has it in every release in which any module has it. That breaks no look-up: what no release is known to have had is never called missing.
"""

from __future__ import annotations

from envdoctor.knowledge.atlas.links import split_item, split_refusal
from envdoctor.model.guards import parse
from envdoctor.model.modules import is_standard
from envdoctor.model.surface import EXISTS, OPEN, ROOMY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.guards import Guard

_MANY = 3
_HOMES = 3
"""Names that more modules have all the time are those of other packages: `torch`, `nn`."""
_ENTERED_AT_ROOT = ("vllm",)
"""Packages so large inside that of their callables only those are shipped which the root offers, or which others call."""
_SIGNS = (EXISTS, OPEN, ROOMY)


def needed_names(texts: Iterable[AtlasText]) -> set[str]:
    """Return all that some release of some package asks of others, written with dots, with all that lies on the way there."""
    found: set[str] = set()
    for text in texts:
        for section in ("needs", "passes"):
            for items in text.sections.get(section, {}).values():
                for item in items:
                    target, guard, _ = split_item(item)
                    _add(found, target.partition("(")[0])
                    if guard:
                        found.update(_asked(parse(guard)))
        for items in text.sections.get("refuses", {}).values():
            for item in items:
                found.update(_asked(parse(split_refusal(item)[1])))
        for items in text.sections.get("answers", {}).values():
            for item in items:
                guard = item.partition(" => ")[2]
                if "$" not in guard:
                    found.update(_asked(parse(guard)))
    return found


def _add(found: set[str], target: str) -> None:
    module, _, chain = target.partition(":")
    for step in chain.split("."):
        module = f"{module}.{step}"
        found.add(module)


def _asked(guard: Guard) -> Iterator[str]:
    if guard[0] in ("and", "or"):
        for part in guard[1]:
            yield from _asked(part)
    elif guard[0] == "not":
        yield from _asked(guard[1])
    elif guard[0] in ("offers", "call"):
        names: set[str] = set()
        _add(names, f"{guard[1]}:{guard[2]}")
        yield from names


def shipped(text: AtlasText, needed: set[str]) -> AtlasText:
    """Return a text without the names that only fill it."""
    offers, takes = text.sections.get("offers", {}), text.sections.get("takes", {})
    packages = {module.rpartition(".")[0] for module in offers}
    defined = {subject.partition(":")[2] for subject in takes}
    often: dict[str, int] = {}
    ever: dict[str, int] = {}
    for items in offers.values():
        for name, bits in items.items():
            often[name] = often.get(name, 0) + 1
            ever[name] = ever.get(name, 0) | bits
    homes: dict[str, int] = {}
    for items in offers.values():
        for name, bits in items.items():
            homes[name] = homes.get(name, 0) + (bits == ever[name])

    def is_kept(module: str, name: str) -> bool:
        if name in _SIGNS or module in packages or f"{module}:{name}" in takes or f"{module}.{name}" in needed:
            return True
        if is_standard(name) or name in defined:
            return False
        return often[name] < _MANY or (offers[module][name] == ever[name] and homes[name] <= _HOMES)

    kept = {module: {name: bits for name, bits in items.items() if is_kept(module, name)} for module, items in offers.items()}
    sections = {**text.sections, "offers": kept} if offers else dict(text.sections)
    if text.package in _ENTERED_AT_ROOT:
        entrances = offers.get(text.package, {})
        sections["takes"] = {
            subject: items for subject, items in takes.items()
            if subject.partition(":")[2].partition(".")[0] in entrances or subject.replace(":", ".") in needed
        }  # fmt: skip
    return text.replace(sections=sections)
