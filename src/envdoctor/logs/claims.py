"""What an error says of packages, read from its words alone: a name, a module or an argument is not there, a version is refused."""

from __future__ import annotations

import re

from envdoctor.logs.raised import spellings
from envdoctor.model.names import normalise
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envdoctor.logs.raised import Raised

NAME, MODULE, ARGUMENT, MEMBER, VERSION, PACKAGE = "name", "module", "argument", "member", "version", "package"


class Claim(Record):
    """One claim. `where` is the module, the callable or the class that lacks `what`; for a version it is the package, and `what` the wish;
    for a package it is the distribution that is not there.

    `found` is the version that the log says is installed, "" where it does not say.
    """

    kind: str
    where: str
    what: str
    found: str = ""


_WISH = r"(?:[<>=!~]=?|===)\s?\d[\w.*+!]*(?:\s?,\s?(?:[<>=!~]=?)\s?\d[\w.*+!]*)*"
_PACKAGE = r"(?<![\w.-])[A-Za-z][\w.-]{0,58}[A-Za-z\d]"  # bounded: a text of one long word is read in no time
_LONGEST = 4000  # characters of a message
_NO_PACKAGES = frozenset(
    {"python", "version", "versions", "release", "cuda", "than", "is", "be", "to", "driver", "capability", "glibc", "for", "your"}
)
"""Words that stand before a version and are none of a package."""
_SPELLINGS = {"pytorch": "torch", "huggingface-hub": "huggingface-hub", "flash-attention": "flash-attn", "tf": "transformers"}


def claim_of(raised: Raised) -> Claim | None:
    """Return what an exception claims, whatever a terminal's width did to its message; None where it claims nothing of packages."""
    for text in spellings(raised.message[:_LONGEST].replace("`", "")):
        for read in _READERS:
            claim = read(text)
            if claim is not None:
                return claim
    return None


_NAME_FROM = re.compile(r"cannot import name '(?P<what>\w+)' from (?:partially initialized module )?'(?P<where>[\w.]+)'")
_NO_MODULE = re.compile(r"No module named '(?P<where>[\w.]+)'|No module named (?P<bare>[\w.]+)")
_ATTRIBUTE = re.compile(r"module '(?P<where>[\w.]+)' has no attribute '(?P<what>\w+)'")
_MEMBER = re.compile(r"(?:type object )?'(?P<where>[A-Z]\w*)' (?:object )?has no attribute '(?P<what>\w+)'")
_ARGUMENT = re.compile(r"(?P<where>[A-Za-z_][\w.]*)\(\) got an unexpected keyword argument '(?P<what>\w+)'")
_NO_METADATA = re.compile(rf"No package metadata was found for (?:The ')?(?P<where>{_PACKAGE})")
_INCOMPATIBLE = re.compile(
    rf"incompatible version of (?P<package>{_PACKAGE})\. Found version (?P<found>\d[\w.+]*), "
    r"but only versions? (?:above|>=?) (?P<least>\d[\w.]*\d)"
)
_BUT_FOUND = re.compile(
    rf"(?P<package>{_PACKAGE})(?:\[\w+\])?(?P<wish>{_WISH}).{{0,80}}?(?:but found|found|but got|installed:?) (?:{_PACKAGE}==)?"
    r"(?P<found>\d[\w.+]*)"
)
_ASKED = re.compile(
    rf"(?:requires?|needs?|install(?:ed)?|upgrade|support|supports|have|downgrade|update|at least|version of)\b[^.]{{0,60}}?"
    rf"(?P<package>{_PACKAGE})(?:\[[\w,]+\])?(?: version)?\s?(?P<wish>{_WISH})",
    re.IGNORECASE,
)


def _package(text: str) -> Claim | None:
    found = _NO_METADATA.search(text)
    return Claim(kind=PACKAGE, where=spelled(found["where"]), what="") if found else None


def _name(text: str) -> Claim | None:
    found = _NAME_FROM.search(text) or None
    return Claim(kind=NAME, where=found["where"], what=found["what"]) if found else None


def _module(text: str) -> Claim | None:
    found = _NO_MODULE.search(text)
    return Claim(kind=MODULE, where=found["where"] or found["bare"], what="") if found else None


def _attribute(text: str) -> Claim | None:
    found = _ATTRIBUTE.search(text)
    return Claim(kind=NAME, where=found["where"], what=found["what"]) if found else None


def _member(text: str) -> Claim | None:
    found = _MEMBER.search(text)
    return Claim(kind=MEMBER, where=found["where"], what=found["what"]) if found else None


def _argument(text: str) -> Claim | None:
    found = _ARGUMENT.search(text)
    if found is None:
        return None
    where = found["where"].removesuffix(".__init__")
    return Claim(kind=ARGUMENT, where=where, what=found["what"]) if where != "__init__" else None


def _incompatible(text: str) -> Claim | None:
    found = _INCOMPATIBLE.search(text)
    if found is None:
        return None
    return Claim(kind=VERSION, where=spelled(found["package"]), what=f">={found['least']}", found=found["found"])


def _but_found(text: str) -> Claim | None:
    found = _BUT_FOUND.search(text)
    if found is None or found["package"].lower() in _NO_PACKAGES:
        return None
    return Claim(kind=VERSION, where=spelled(found["package"]), what=_tight(found["wish"]), found=found["found"].rstrip("."))


def _asked(text: str) -> Claim | None:
    for found in _candidates(text):
        if found["package"].lower() not in _NO_PACKAGES:
            return Claim(kind=VERSION, where=spelled(found["package"]), what=_tight(found["wish"]))
    return None


def _candidates(text: str) -> Iterator[re.Match[str]]:
    yield from _ASKED.finditer(text)


_READERS: tuple[Callable[[str], Claim | None], ...] = (
    _package,
    _name,
    _attribute,
    _argument,
    _incompatible,
    _but_found,
    _asked,
    _module,
    _member,
)
"""What is tried, the most telling first: a sentence about a version may follow one about a module."""


def spelled(package: str) -> str:
    """Return the distribution that a message means by a package's name.

    >>> spelled("PyTorch"), spelled("huggingface_hub")
    ('torch', 'huggingface-hub')
    """
    name = normalise(package)
    return _SPELLINGS.get(name, name)


def _tight(wish: str) -> str:
    """Return a specifier without spaces; one sign is meant as the version's own where a sentence ends with it."""
    return "".join(wish.split()).rstrip(".")
