"""`envdoctor snapshot`: write down everything a check would look at."""

from __future__ import annotations

import os

from envdoctor.cli.check import PATIENT, target, write_whole
from envdoctor.cli.options import VALUE, Operand, Option, explain, scan
from envdoctor.model.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUMMARY = "Write down everything a check would look at, as JSON: `envdoctor snapshot > box.json`, then `envdoctor check box.json` anywhere."
OPTIONS: tuple[Option, ...] = (*PATIENT, Option(name="output", short="o", kind=VALUE, metavar="FILE", help="write to a file"))
OPERAND = Operand(name="paths", metavar="PATH", help="what to write down (default: the environment in use)")


def run(words: Sequence[str]) -> int:
    """Run `envdoctor snapshot ...`."""
    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor snapshot", SUMMARY, OPTIONS, OPERAND)
    import json

    from envdoctor.cli.terminal import Patience, put
    from envdoctor.diagnosis import take
    from envdoctor.model.exchange import to_mapping

    given = {"model.name": values["model"]} if values["model"] else {}
    with Patience("examining"):
        snapshot = take(
            Request(paths=values["paths"], python=values["python"], freeze=values["freeze"], target=target(values), given=given), os.environ
        )
    text = json.dumps(to_mapping(snapshot, redactor()), indent=1) + "\n"
    if values["output"]:
        write_whole(values["output"], text)
    else:
        put(text)
    return 0


def redactor() -> Callable[[str], str]:
    """Return a function that takes the home folder and the user's name out of a text."""
    home = os.path.expanduser("~")
    user = os.environ.get("USER") or os.environ.get("USERNAME") or os.path.basename(home)

    def clean(text: str) -> str:
        if len(home) > 1:
            text = text.replace(home, "~")
        for before in ("/home/", "/Users/", "\\Users\\"):
            if user and len(user) > 1:
                text = text.replace(before + user, before + "USER")
        return text

    return clean
