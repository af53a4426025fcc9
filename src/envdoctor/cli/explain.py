"""`envdoctor explain`: what an error, a traceback or a whole log says, which rule knows it, and what to do."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.check import PATIENT, target, write_whole
from envdoctor.cli.options import FLAG, VALUE, Operand, Option, explain, scan
from envdoctor.model.errors import InputError, UsageError
from envdoctor.model.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from envdoctor.cli.options import Values
    from envdoctor.model.explanation import Explanation
    from envdoctor.model.finding import Report

SUMMARY = (
    "Explain an error. FILE is a traceback or a whole training log, - the same from standard input, RULE the id of a rule. The evidence is "
    "looked for in the environment in use, or in the one that the options name."
)
OPTIONS: tuple[Option, ...] = (
    *PATIENT,
    Option(name="format", kind=VALUE, choices=("text", "json"), default="text", help="output format (default: text)"),
    Option(name="output", short="o", kind=VALUE, metavar="FILE", help="write the explanation to a file"),
    Option(name="quiet", short="q", kind=FLAG, help="print cause and remedy only"),
    Option(name="verbose", short="v", kind=FLAG, help="print everything known about every error"),
    Option(name="color", kind=VALUE, choices=("auto", "always", "never"), default="auto", help="colour (default: auto)"),
)
OPERAND = Operand(name="log", metavar="FILE|-|RULE", help="a log, or the id of a rule; without it, standard input", most=1)
_STDIN = "standard input"
_HEAD = 200  # bytes in which a notebook says that it is one
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How files begin that PowerShell's `>` writes."""


def run(words: Sequence[str]) -> int:
    """Run `envdoctor explain ...`."""
    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor explain", SUMMARY, OPTIONS, OPERAND)
    asked = values["log"][0] if values["log"] else "-"
    if asked != "-" and not os.path.exists(asked) and not any(sign.isspace() for sign in asked):
        return _rule(asked, values)
    name = _STDIN if asked == "-" else asked if os.path.exists(asked) else "the text given"
    told, report = explained(_blocks(asked), name, request(values))
    if values["format"] == "json":
        from envdoctor.report import explanation_json

        _show(explanation_json.written(told, name, report), values)
    else:
        _show(text(told, name, report, values), values)
    return 1 if told else 0


def request(values: Values) -> Request:
    """Return the question about the environment."""
    given = {"model.name": values["model"]} if values["model"] else {}
    return Request(python=values["python"], freeze=values["freeze"], target=target(values), given=given)


def explained(blocks: Iterable[bytes], name: str, asked: Request, report: Report | None = None) -> tuple[tuple[Explanation, ...], Report]:
    """Return the explanations of a log, and the report on the environment they are held against. Raises EnvdoctorError."""
    from envdoctor.diagnosis import check
    from envdoctor.knowledge.atlas.enquiry import Enquiry
    from envdoctor.knowledge.atlas.load import open_atlas
    from envdoctor.knowledge.load import open_book
    from envdoctor.knowledge.spellings import open_spellings
    from envdoctor.logs.explain import Sources
    from envdoctor.logs.explain import explain as hold
    from envdoctor.logs.log import read
    from envdoctor.logs.symptoms import Symptoms

    book = open_book()
    log = read(blocks, Symptoms((rule, book.rule(rule).symptoms) for rule in book.ids))
    judged = report if report is not None else check(asked)
    atlas = open_atlas()
    try:
        versions = {name: found.version for name, found in judged.snapshot.distributions.items()}
        sources = Sources(book=book, lookups=Enquiry(atlas, versions), spellings=open_spellings())
        return hold(log, name, judged, sources), judged
    finally:
        book.release()
        if atlas is not None:
            atlas.release()


def text(told: Sequence[Explanation], name: str, report: Report, values: Values) -> str:
    """Return the explanation for people."""
    from envdoctor.cli.terminal import wants_colour, width
    from envdoctor.report.explanation import drawn
    from envdoctor.report.options import Options

    colour = wants_colour(values["color"], sys.stdout) and (not values["output"] or values["color"] == "always")
    options = Options(width=width(sys.stdout), colour=colour, quiet=values["quiet"], verbose=values["verbose"])
    return drawn(told, name, report.snapshot, options=options)


def _show(said: str, values: Values) -> None:
    from envdoctor.cli.terminal import put

    if values["output"]:
        write_whole(values["output"], said)
    else:
        put(said)


def _rule(word: str, values: Values) -> int:
    """Tell a rule as `rules show` does."""
    from difflib import get_close_matches

    from envdoctor.cli import rules
    from envdoctor.knowledge.load import open_book
    from envdoctor.model.explanation import LOG_ONLY
    from envdoctor.model.finding import BUILT_IN

    if word in LOG_ONLY:
        from envdoctor.cli.terminal import put

        put(f"# {word}\n\n{LOG_ONLY[word]}\n")
        return 0
    ids = open_book().ids
    if word not in ids and word not in BUILT_IN:
        near = get_close_matches(word, ids, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; give a log, - for standard input, or a rule (`envdoctor rules list`)"
        raise UsageError(f"explain: {word!r} is neither a file nor a rule{hint}")
    return rules.run(["show", "--format", values["format"], word])


def _blocks(asked: str) -> Iterator[bytes]:
    """Return a log in pieces. Raises InputError."""
    if asked == "-":
        if sys.stdin is None or sys.stdin.isatty():
            sys.stderr.write("envdoctor: paste the log, and end it with Ctrl-D on a line of its own\n")
        yield from _unfolded(_decoded(_read(sys.stdin.buffer) if sys.stdin is not None else ()))
    elif not os.path.exists(asked):
        yield asked.encode("utf-8", "replace")
    elif asked.endswith(".ipynb"):
        yield _notebook(asked)
    else:
        try:
            with _opened(asked) as file:
                yield from _unfolded(_decoded(_read(file)))
        except (OSError, EOFError) as error:
            raise InputError(
                f"{asked}: cannot be read: {getattr(error, 'strerror', None) or error}; give a log file, or - for standard input"
            ) from None


def _opened(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        import gzip

        return gzip.open(path, "rb")  # type: ignore[return-value]
    return open(path, "rb", buffering=0)


def _read(file: BinaryIO) -> Iterator[bytes]:
    from envdoctor.logs.passages import BLOCK

    read = getattr(file, "read1", file.read)
    while True:
        block = read(BLOCK)
        if not block:
            return
        yield block


def _decoded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Return the pieces in UTF-8."""
    decoder = None
    for number, block in enumerate(blocks):
        if not number and block[:2] in _UTF_16:
            from codecs import getincrementaldecoder

            decoder = getincrementaldecoder("utf-16")("replace")
        yield decoder.decode(block).encode("utf-8", "replace") if decoder is not None else block


def _unfolded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the pieces of a log; of a notebook that comes without its file's name, what its cells have printed and raised."""
    first = next(blocks, b"")
    if first.lstrip()[:1] == b"{" and b'"cells"' in first[:_HEAD]:
        from envdoctor.logs.notebook import outputs

        whole = first + b"".join(blocks)
        told = outputs(whole.decode("utf-8", "replace"))
        yield whole if told is None else told.encode("utf-8", "replace")
        return
    yield first
    yield from blocks


def _notebook(path: str) -> bytes:
    from envdoctor.facts.documents import read_text
    from envdoctor.logs.notebook import outputs

    told = outputs(read_text(path))
    if told is None:
        raise InputError(f"{path}: is no notebook that can be read; give one that Jupyter has saved, or the log itself")
    return told.encode("utf-8", "replace")
