"""Answers single questions about a name, a module or a parameter that an error speaks of: in which releases it is, and where to move to."""

from __future__ import annotations

from envdoctor.knowledge.atlas.beside import between, nearest
from envdoctor.knowledge.atlas.history import needing, spans, spell
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.modules import PROVIDERS, is_standard, providers, root
from envdoctor.model.presence import Presence
from envdoctor.model.surface import EXISTS, OPEN, ROOMY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas

_CALLED_FIRST = ("transformers", "trl", "peft", "accelerate", "datasets", "unsloth", "unsloth-zoo", "bitsandbytes", "torchao", "torch")
"""Where a class or function of that name is looked for first; the largest package last."""
_ANY_KEYWORD, _UNSURE = "**", "?"


class Enquiry:
    """Look-ups into the atlas for one environment: `versions` are what is installed. Without an atlas, nothing is known."""

    def __init__(self, atlas: CompiledAtlas | None, versions: Mapping[str, str | None]) -> None:
        self._atlas = atlas
        self._versions = versions
        self._texts: dict[tuple[str, str], AtlasText] = {}

    def brings(self, module: str) -> str:
        """Return the distribution that brings a module: the installed one, or one whose name is certain.

        "" for a module of Python, and for one that nobody is known to bring: to install whatever bears its name could do harm.
        """
        top = root(module)
        if not top or is_standard(top):
            return ""
        modules, names = self._atlas.brought() if self._atlas is not None else ({}, ())
        package = modules.get(top, "")
        usual = providers(top)
        installed = next((name for name in (package, *usual) if name in self._versions), "")
        return installed or package or (usual[0] if top in PROVIDERS or usual[0] in names else "")

    def name(self, module: str, name: str) -> Presence | None:
        """Return where a module offers a name; None where no release is known to."""
        package = self.brings(module)
        items = self._text(package, "offers").sections.get("offers", {}).get(module)
        if items is None or name not in items:
            return None
        there = items.get(EXISTS, 0)
        for bits in items.values():
            there |= bits
        return self._presence(package, items[name], items.get(OPEN, 0) & ~items[name])

    def module(self, module: str) -> Presence | None:
        """Return where a module is; None where no release is known to have it."""
        package = self.brings(module)
        offers = self._text(package, "offers").sections.get("offers", {})
        items = offers.get(module)
        if items is None:
            return None
        has = 0
        for bits in items.values():
            has |= bits
        roomy = offers.get(module.rpartition(".")[0], {}).get(ROOMY, 0)
        return self._presence(package, has, roomy & ~has)

    def parameter(self, function: str, name: str) -> Presence | None:
        """Return where a class or function takes a parameter; None where no release is known to. Installed packages are asked first."""
        for package in self._asked():
            text = self._text(package, "takes")
            for subject, items in _called(text, function):
                has = unsure = 0
                for item, bits in items.items():
                    if item.partition("=")[0] == name:
                        has |= bits
                    elif item in (_ANY_KEYWORD, _UNSURE):
                        unsure |= bits
                if has:
                    return self._presence(package, has, unsure & ~has, subject)
        return None

    def member(self, name: str, member: str) -> Presence | None:
        """Return where a class has a method; None where no release is known to."""
        for package in self._asked():
            for subject, items in _called(self._text(package, "takes"), f"{name}.{member}"):
                has = 0
                for bits in items.values():
                    has |= bits
                return self._presence(package, has, 0, subject)
        return None

    def asking(self, package: str, target: str) -> Presence | None:
        """Return which releases of a package ask for a module or a name, written with dots; None where none is known to."""
        text = self._text(package, "needs", "passes")
        places = {release.version: number for number, release in enumerate(text.releases)}
        has = 0
        for row in needing(text, target):
            for first, last in row["releases"]:
                has |= (2 << (places[last] if last else len(places) - 1)) - (1 << places[first])
        if not has:
            return None
        found = self._presence(package, has, 0)
        everything = (1 << len(text.releases)) - 1
        without = nearest(text.versions, everything & ~has, self._here(package, text.versions))
        return found.replace(window=without)

    def _asked(self) -> list[str]:
        known = self._atlas.packages if self._atlas is not None else ()
        first = [name for name in _CALLED_FIRST if name in self._versions and name in known]
        return first or [name for name in _CALLED_FIRST if name in known and name != "torch"]

    def _text(self, package: str, *sections: str) -> AtlasText:
        key = package, " ".join(sections)
        if key not in self._texts:
            self._texts[key] = self._atlas.text(package, sections) if self._atlas is not None else AtlasText(package=package)
        return self._texts[key]

    def _here(self, package: str, releases: Sequence[str]) -> int:
        version = (self._versions.get(package) or "").partition("+")[0]
        return between(tuple(releases), version) if version else 0

    def _presence(self, package: str, has: int, unsure: int, subject: str = "") -> Presence:
        text = next(text for (name, _), text in self._texts.items() if name == package)  # all of them list the same releases
        releases = text.versions
        here = self._here(package, releases)
        before, after = has & (here - 1) if here else 0, has & ~((1 << here.bit_length()) - 1)
        answer = None if not here or here & unsure else bool(here & has == here) if here & has in (0, here) else None
        return Presence(
            package=package,
            subject=subject,
            releases=spell(spans(text, has)),
            here=answer,
            gone=releases[before.bit_length()] if answer is False and before else "",
            since=releases[(after & -after).bit_length() - 1] if answer is False and after and not before else "",
            window=nearest(releases, has, here),
        )


def _called(text: AtlasText, function: str) -> list[tuple[str, Mapping[str, int]]]:
    """Return the callables of that name, those of the shortest modules first."""
    takes = text.sections.get("takes", {})
    ends = (":" + function, "." + function)
    found = [(subject, items) for subject, items in takes.items() if subject.endswith(ends)]
    return sorted(found, key=lambda pair: (pair[0].count("."), pair[0]))
