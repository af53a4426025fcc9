"""The changes of a plan as edits of the documents that they belong into, each made by the editor of its format."""

from __future__ import annotations

from os.path import basename

from envdoctor.formats import EDITED, editor, recognise
from envdoctor.model.errors import RepairError
from envdoctor.repair.documents import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.model.plan import Change, Edit
    from envdoctor.repair.documents import Document


def edits(changes: Sequence[Change], path: str) -> tuple[tuple[Edit, ...], tuple[Document, ...]]:
    """Return the edits that changes make, and the documents as they were read for it. What is new goes into the file at `path`.

    Raises RepairError for a file that is not edited by hand, EditRefused and InputError for one that cannot be.
    """
    by_path: dict[str, list[Change]] = {}
    for change in changes:
        line = change.requirement.location if change.requirement is not None else None
        by_path.setdefault(line.path if line is not None else path, []).append(change)
    found: list[Edit] = []
    documents = []
    for place, own in by_path.items():
        document = read(place)
        kind = recognise(basename(place), document.text) or "requirements.txt"
        if kind not in EDITED:
            raise RepairError(f"{place}: {kind} is written by a tool, not by hand; repair the file that it is made from")
        documents.append(document)
        found += editor(kind).edits(document.text, place, own)
    return tuple(found), tuple(documents)


def after(document: Document, made: Sequence[Edit]) -> str:
    """Return the text of a document with its edits."""
    from envdoctor.formats import edited

    return edited(document.text, [edit for edit in made if edit.document == document.path])


def diff(documents: Sequence[Document], made: Sequence[Edit]) -> Mapping[str, list[str]]:
    """Return the unified diff of each document, in lines without their ends, by path."""
    from difflib import unified_diff

    told = {}
    for document in documents:
        new = after(document, made)
        lines = unified_diff(
            document.text.splitlines(), new.splitlines(), document.path, document.path, lineterm="", n=2
        )  # fmt: skip
        told[document.path] = list(lines)
    return told
