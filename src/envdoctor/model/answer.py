"""What a function returns that a script hands to a library."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Location

TEXT = "text"
ROWS = "rows"
ONE = "one"
SEVERAL = "several"
MAPPING = "mapping"
ANSWERS = {
    TEXT: "one text",
    ROWS: "a list with a text for each example",
    ONE: "a list of one text",
    SEVERAL: "a list",
    MAPPING: "a dictionary",
}
"""The kinds, in words."""


class Answer(Record):
    """What a function of the script certainly returns, a key of ANSWERS, and where. `reads` are the columns that it names."""

    kind: str
    reads: tuple[str, ...]
    location: Location
