"""Reads what was raised out of a passage: tracebacks of Python, IPython and rich, whole or cut off, and lone error lines.

An exception is followed back to the one that it was raised from: the root cause stands first, the last line of a log often last.
"""

from __future__ import annotations

import re

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.logs.passages import Line, Passage

CAUSE, CONTEXT = "cause", "context"
"""How an exception leads to the next of its chain: raised from it on purpose, or while it was handled."""
_HEADING = re.compile(r"Traceback \(most recent call last\)|^(?P<kind>[A-Za-z_][\w.]*)\s{3,}Traceback \(most recent")
_LINKS = {
    # the beginning of a sentence: a narrow terminal breaks it
    "The above exception was the direct": CAUSE,
    "During handling of the above exc": CONTEXT,
}
_WORDS = ("Error", "Exception", "Traceback", "Interrupt", "exception")
_STARTS = frozenset(" \tFC/~<[" + "".join(chr(letter) for letter in range(ord("A"), ord("Z") + 1)))
"""What a line has, or how it begins, if anything below can be true of it: most lines of a log are none of these."""
_FRAMES = (
    re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$'),
    re.compile(r"^File (?P<path>\S.*?):(?P<line>\d+)(?:, in (?P<function>[^(]+).*)?$"),
    re.compile(r"^Cell (?P<path>In\s?\[\d*\]), line (?P<line>\d+)(?:, in (?P<function>[^(]+).*)?$"),
    re.compile(r"^(?P<path>(?:/|~|[A-Z]:\\)\S*?):(?P<line>\d+) in (?P<function>\S+)$"),
    re.compile(r"^(?P<path>(?:/|~|[A-Z]:\\)\S*?): (?P<line>\d+) in (?P<function>\S+)$"),
    re.compile(r"^(?P<path>(?:/|~|[A-Z]:\\|<ipython-input)\S*) in (?P<function><?\w+>?)(?P<line>)(?:\(.*\)?)?$"),
)
"""Python's own, IPython's, a notebook cell's, rich's, rich's where the line was too narrow, and that of an older IPython."""
_HALF_FRAME = re.compile(r'^\s*File "[^"]*(?:"(?:,(?: l(?:i(?:n(?:e(?: \d*)?)?)?)?)?)?)?$|^(?:/|~|[A-Z]:\\)\S*\.py:(?:\d+ in)?$')
"""The beginning of a frame that a terminal, or rich, has broken in two."""
_RAISED = re.compile(r"^(?P<kind>(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: ?(?P<message>.*))?$")
_LONE = re.compile(
    r"(?<![\w.'\"])(?P<kind>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)): ?(?P<message>(?:\S.*)?)|"
    r"(?<![\w.])(?P<alone>[A-Z]\w*MismatchError)\b(?P<none>)"
)
_ENDS = re.compile(
    r"^(?:(?:Original )?Traceback |\[|\s*$|\d{4}-\d\d-\d\d|={5,}|-{5,}|\s*\+|\"\"\"$|```|wandb:|[WEIF]\d{4} \d\d:|.{0,80}\d%\||"
    r"(?:Exception ignored|During handling|The above exception))"
)
_ORIGINAL = "Original Traceback (most recent call last)"
"""What follows is the exception of a worker; the one before only carried it here."""
_MEMBER = re.compile(r"^\s*\+-\+-{3,} 1 -{3,}")
"""What follows are the exceptions of a group, and the group itself says nothing more."""
_INSIDE, _OUTSIDE = "[start of ", "[end of "
"""What torchcodec writes around the tracebacks that it puts into its own message."""
_LONGEST_MESSAGE = 14  # lines
_SITE = re.compile(r"(?:site-packages|dist-packages|<site>)[/\\](?P<module>[^/\\]+?)(?:\.py)?(?:[/\\]|$)")
_NO_ONE_S = re.compile(r"^<(?!ipython)|[/\\]lib(?:64)?[/\\]python3[^/\\]*[/\\]|[/\\]Lib[/\\]|python3\d+\.zip")
"""Files of Python itself, and code without a file: who called them is who raised."""
_CYTHON = re.compile(r"^(?P<module>\w+)[/\\].*\.p(?:yx|xi|xd)$")
"""What a compiled module says of its source, which is not on this machine."""
_OWN_CACHES = {"unsloth_compiled_cache": "unsloth"}  # folders that a package writes code into


class Frame(Record):
    """One level of a traceback; `line` is 0 where the log does not tell it."""

    path: str
    line: int = 0
    function: str = ""

    @property
    def module(self) -> str:
        """The root module that the file belongs to; "" for a file of nobody's package."""
        found = _SITE.search(self.path) or _CYTHON.match(self.path)
        if found is not None:
            return found.group("module")
        return next((module for folder, module in _OWN_CACHES.items() if folder in self.path), "")


class Raised(Record):
    """One exception, where it stands in the log, and how it leads to the next one of its chain ("" for the last)."""

    kind: str
    message: str
    line: int
    end: int
    source: str = ""
    frames: tuple[Frame, ...] = ()
    leads: str = ""
    traced: bool = False
    """It stands below the heading of a traceback, or below frames."""

    @property
    def headline(self) -> str:
        """Kind and message as the last line of a traceback has them, without the module that defines the kind."""
        if not self.kind:
            return self.message
        kind = self.kind.rpartition(".")[2] if self.kind.count(".") > 1 else self.kind
        return f"{kind}: {self.message}" if self.message else kind


class Chain(Record):
    """Exceptions that led to each other, the first one first."""

    raised: tuple[Raised, ...]

    @property
    def root(self) -> Raised:
        """The exception to explain: the first that others were raised from on purpose."""
        place = len(self.raised) - 1
        while place and self.raised[place - 1].leads == CAUSE:
            place -= 1
        return self.raised[place]

    @property
    def line(self) -> int:
        """Where the chain begins in the log."""
        return self.raised[0].line

    @property
    def end(self) -> int:
        """Where the chain ends in the log."""
        return self.raised[-1].end


def chains(passage: Passage) -> list[Chain]:
    """Return what was raised in a passage; ranks that wrote at once are read apart."""
    sources: dict[str, Passage] = {}
    for line in passage:
        sources.setdefault(line[1], []).append(line)
    found = [chain for lines in sources.values() for chain in _linked(_Reader(lines).read())]
    return sorted(found, key=lambda chain: chain.line)


def _linked(raised: Iterator[Raised]) -> Iterator[Chain]:
    together: list[Raised] = []
    for one in raised:
        together.append(one)
        if not one.leads:
            yield Chain(raised=tuple(together))
            together = []
    if together:  # the log ends before the next one
        together[-1] = together[-1].replace(leads="")
        yield Chain(raised=tuple(together))


class _Words(Record):
    """The line that says what was raised."""

    kind: str
    message: str
    traced: bool
    goes_on: bool


class _Reader:
    """Goes through the lines of one source."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._place = 0
        self._forget()

    def _forget(self) -> None:
        self._frames: list[Frame] = []
        self._start = 0  # line of the heading, or of the first frame where the log begins below it
        self._hint = ""  # IPython's headings name the exception
        self._is_open = False
        self._is_boxed = False  # by rich, which may indent all of a traceback

    def read(self) -> Iterator[Raised]:
        """Return the exceptions in order; one that led to the next says how."""
        waiting: Raised | None = None
        outer: Raised | None = None
        while self._place < len(self._lines):
            number, source, text = self._lines[self._place]
            self._place += 1
            if not (self._is_open or self._frames or text[:1] in _STARTS or any(word in text for word in _WORDS)):
                continue
            if text.startswith(_INSIDE) and waiting is not None:
                outer, waiting = waiting, None
                continue
            if text.startswith(_OUTSIDE) and outer is not None:
                if waiting is not None:
                    yield waiting
                waiting, outer = outer.replace(end=number), None
                continue
            heading = _HEADING.search(text)
            if heading is not None:
                waiting = None if text.startswith(_ORIGINAL) else waiting
                self._forget()
                self._start, self._hint, self._is_open = number, heading.group("kind") or "", True
                self._is_boxed = text.endswith("call last)") and not self._hint
                continue
            if waiting is not None and waiting.kind.endswith("Group") and _MEMBER.match(text):
                waiting = None
                continue
            link = next((word for sentence, word in _LINKS.items() if sentence in text), "")
            if link and waiting is not None:
                waiting = waiting.replace(leads=link)
                continue
            frame = self._frame(text)
            if frame is not None:
                self._frames.append(frame)
                self._start = self._start or number
                continue
            words = self._below_frames(text) or self._alone(text)
            if words is None:
                continue
            if waiting is not None:
                yield waiting
            message = self._whole(words)
            waiting = Raised(
                kind=words.kind, message=message, line=self._start or number, end=self._lines[self._place - 1][0], source=source,
                frames=tuple(self._frames), traced=words.traced,
            )  # fmt: skip
            self._forget()
        for last in (waiting, outer):
            if last is not None:
                yield last.replace(leads="")

    def _frame(self, text: str) -> Frame | None:
        if _HALF_FRAME.match(text) and self._place < len(self._lines):
            more = self._lines[self._place][2]
            for joined in (text + more, f"{text} {more}", f"{text}{more.strip()}"):
                if any(pattern.match(joined) for pattern in (_FRAMES[0], *_FRAMES[3:5])):
                    self._place += 1
                    text = joined
                    break
        for pattern in _FRAMES:
            found = pattern.match(text)
            if found is not None:
                told = found.groupdict()
                return Frame(path=told["path"], line=int(told["line"] or 0), function=(told["function"] or "").strip())
        return None

    def _below_frames(self, text: str) -> _Words | None:
        """Return what a line below the frames of a traceback says was raised."""
        found = _RAISED.match(text.lstrip() if self._is_boxed else text) if self._is_open or self._frames else None
        if found is None or (found.group("kind") != self._hint if self._hint else not _is_kind(found.group("kind"))):
            return None
        return _Words(kind=found.group("kind"), message=found.group("message") or "", traced=True, goes_on=True)

    def _alone(self, text: str) -> _Words | None:
        """Return what a line anywhere says was raised."""
        found = _LONE.search(text)
        if found is None or (text.startswith((" ", "\t")) and (self._is_open or self._frames)):
            return None
        kind, message = found.group("kind") or found.group("alone"), found.group("message") or ""
        if not message and found.group("kind"):
            return None
        quoted = text[: found.start()].endswith("`")  # in a sentence: what follows the closing mark is the sentence's
        message = message.partition("`")[0] if quoted else message
        return _Words(kind=kind, message=message, traced=False, goes_on=not quoted and len(text) >= _WIDE)

    def _whole(self, words: _Words) -> str:
        """Return a message with its further lines."""
        parts = [words.message]
        while words.goes_on and self._place < len(self._lines) and len(parts) < _LONGEST_MESSAGE:
            text = self._lines[self._place][2]
            if _ENDS.match(text) or _LONE.search(text) or self._frame(text) is not None:
                break
            parts.append(text)
            self._place += 1
        return "\n".join(parts).strip()


_WIDE = 70
"""Characters of a line that a terminal may have wrapped."""


_BUILT_IN_ENDS = ("Error", "Exception", "Interrupt", "Exit", "Warning", "Group", "Iteration")


def _is_kind(kind: str) -> bool:
    """Tell whether a word below frames is the name of an exception, and not what another rank wrote in between.

    Python tells exceptions that are not its own with their modules.
    """
    module, _, last = kind.rpartition(".")
    return last.endswith(_BUILT_IN_ENDS) or (bool(module) and last[:1].isupper() and not last.isupper())


def spellings(text: str) -> Iterator[str]:
    """Return a message as it stands, and as it was if a terminal or a mail has wrapped it: in the midst of a word, or between two."""
    yield text
    if "\n" in text:
        yield text.replace("\n", "")
        yield " ".join(text.split())


def frame_of(raised: Raised) -> Frame | None:
    """Return the innermost frame in a file of a package or of the script: what Python itself raises is whoever's that called it."""
    return next((frame for frame in reversed(raised.frames) if frame.module or not _NO_ONE_S.search(frame.path)), None)


def package_of(raised: Raised) -> str:
    """Return the root module whose code raised an exception; "" where that is the script, or cannot be told.

    A package that only called a function of the script has not raised what that raises.
    """
    frame = frame_of(raised)
    return frame.module if frame is not None else ""


def script_of(raised: Raised) -> Frame | None:
    """Return where the script was when a package raised an exception; None where the script itself raised it, or is not in the log."""
    if not package_of(raised):
        return None
    return next((frame for frame in reversed(raised.frames) if not frame.module and not _NO_ONE_S.search(frame.path)), None)
