"""What the files of one release tell: the names it offers, what it takes from others, and what it declares.

Everything is plain text under section, subject and item, so that the atlas needs one mechanism only: each item with the releases in which
it holds. `SECTIONS` says what each means; the miner writes them, the engine reads them.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS: dict[str, tuple[str, str]] = {
    # section: (what its subjects are, what its items say)
    "offers": ("dotted module", 'names; "." always; "*" where not all can be known; "/" where other submodules may be importable'),
    "takes": ("module:Qual.name of a callable", 'parameters, with a short literal default as param=LITERAL; "*" and "**" take anything'),
    "requires": ("", "declared requirements"),
    "tags": ("", "wheel tags, and python>=X for Requires-Python"),
    "needs": ("entry", "TARGET [if GUARD] at MODULE: what must be importable for the entry"),
    "passes": ("entry", "MODULE:QUALNAME(parameter) [if GUARD] at MODULE: keyword arguments that are certainly passed"),
    "refuses": ("entry", "GUARD => MESSAGE at MODULE: the entry raises when the guard holds"),
    "answers": ("module:function of a boolean helper", "ARGUMENTS => GUARD: when it answers yes; $1 stands for the argument"),
    "reads": ("", "environment variables that the code reads"),
    "deprecates": ("module:Qual.name, or a module", "notice of deprecation, in one line"),
}
SPACELESS = frozenset({"offers", "takes", "tags", "reads"})
"""Sections whose items hold no blanks."""
EXISTS = "."
OPEN = "*"
ROOMY = "/"


class Surface(Record):
    """One release as mined. `date` is the ISO day of its first upload, "" where it is not known."""

    package: str
    version: str
    date: str = ""
    yanked: bool = False
    sections: Mapping[str, Mapping[str, frozenset[str]]] = {}
