"""Versions as sortable keys, specifiers as intervals of keys, and what local labels say.

`key` reads the plain versions (nearly all of them) by hand, because importing `packaging` costs more than a whole check; everything
else goes through `packaging.version`. `slow_key` is the reference that the fast path must agree with (tests/model/test_versions.py).
Ordering follows PEP 440; local labels do not take part, as in PEP 440 specifiers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Key = tuple[Any, ...]
    Bound = tuple[Key, int]  # (key, 0): just before it; (key, 1): just after it
    Window = tuple[tuple[Union[Bound, None], Union[Bound, None]], ...]

_FINAL = (9, 0)
_NO_POST = -1
_NO_DEV = float("inf")  # after every development release; a float unpacks faster than a large int
_LONGEST = 300

ANY: Window = ((None, None),)
NOTHING: Window = ()


class InvalidVersion(ValueError):
    """The text is no PEP 440 version."""


class InvalidSpecifier(ValueError):
    """The text is no PEP 440 specifier."""


_KEYS: dict[str, Key] = {}


def key(version: str) -> Key:
    """Return a tuple that sorts as PEP 440 does. Raises InvalidVersion."""
    known = _KEYS.get(version)
    if known is None:
        if len(version) > _LONGEST:  # packaging and int() give other errors for these
            raise InvalidVersion(f"{version[:60]!r}... is not a PEP 440 version")
        known = _KEYS[version] = _fast_key(version) or slow_key(version)
    return known


def is_version(text: str) -> bool:
    """Tell whether a text is a PEP 440 version."""
    try:
        key(text)
    except InvalidVersion:
        return False
    return True


def is_specifier(text: str) -> bool:
    """Tell whether a text is a PEP 440 specifier."""
    try:
        window(text)
    except InvalidSpecifier:
        return False
    return True


_LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.")
_PARTS = (("post", 0), ("rc", 3), ("dev", 0), ("a", 1), ("b", 2))


def _fast_key(version: str) -> Key | None:
    """Read numbers with at most one suffix such as rc1 or .post2; None for anything else."""
    public, plus, label = version.partition("+")
    if plus and (not label or not _LABEL.issuperset(label) or not (label[0] + label[-1]).isalnum() or ".." in label):
        return None
    pre, post, dev = _FINAL, _NO_POST, _NO_DEV
    if not public.replace(".", "").isdecimal():
        for word, rank in _PARTS:  # noqa: B007 - read after the loop
            numbers, found, count = public.partition(word)
            if found:
                break
        else:
            return None
        if not (count.isdecimal() and count.isascii() and len(count) < 9):
            return None
        if word in ("post", "dev"):
            if not numbers.endswith("."):
                return None
            numbers = numbers[:-1]
            if word == "post":
                post = int(count)
            else:
                pre, dev = (0, 0), int(count)
        else:
            pre = (rank, int(count))
        public = numbers
    parts = public.split(".")
    if not all(part.isdecimal() and part.isascii() for part in parts):
        return None
    release = [int(part) for part in parts]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    return (0, tuple(release), pre, post, dev)


def slow_key(version: str) -> Key:
    """Do what `key` does with `packaging`; the reference for it."""
    from packaging import version as pep440

    try:
        parsed = pep440.Version(version)
    except pep440.InvalidVersion:
        raise InvalidVersion(f"{version!r} is not a PEP 440 version") from None
    release = list(parsed.release)
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    if parsed.pre is not None:
        pre = ({"a": 1, "b": 2, "rc": 3}[parsed.pre[0]], parsed.pre[1])
    elif parsed.post is None and parsed.dev is not None:
        pre = (0, 0)
    else:
        pre = _FINAL
    post = _NO_POST if parsed.post is None else parsed.post
    dev = _NO_DEV if parsed.dev is None else parsed.dev
    return (parsed.epoch, tuple(release), pre, post, dev)


def _lowest(at: Key) -> Key:
    """Return the key of the first development release of a version."""
    return (at[0], at[1], (0, 0) if at[2] == _FINAL else at[2], _NO_POST, -1)


def _after_posts(at: Key) -> Key:
    return (at[0], at[1], at[2], _NO_DEV, _NO_DEV)


def _prefix(version: str) -> tuple[Key, Key]:
    """Return the keys of `X.Y.dev0` and of the next prefix after `X.Y`."""
    plain = version[:-2]
    at = key(plain)
    if at[2:] != (_FINAL, _NO_POST, _NO_DEV):
        raise InvalidSpecifier(f"{version!r}: a prefix match takes plain numbers")
    numbers = [int(part) for part in plain.rpartition("!")[2].split(".")]
    numbers[-1] += 1
    epoch = f"{at[0]}!" if at[0] else ""
    return _lowest(at), _lowest(key(epoch + ".".join(map(str, numbers))))


def _clause(text: str) -> Window:
    for operator in ("===", "~=", "==", "!=", "<=", ">=", "<", ">"):
        if text.startswith(operator):
            version = text[len(operator) :].strip()
            break
    else:
        raise InvalidSpecifier(f"{text!r} does not start with one of ~= == != <= >= < > ===")
    if version.endswith(".*"):
        if operator not in ("==", "!="):
            raise InvalidSpecifier(f"{text!r}: only == and != take .*")
        low, high = _prefix(version)
        if operator == "==":
            return (((low, 0), (high, 0)),)
        return ((None, (low, 0)), ((high, 0), None))
    try:
        at = key(version)
    except InvalidVersion as error:
        raise InvalidSpecifier(str(error)) from None
    if operator in ("==", "==="):
        return (((at, 0), (at, 1)),)
    if operator == "!=":
        return ((None, (at, 0)), ((at, 1), None))
    if operator == ">=":
        return (((at, 0), None),)
    if operator == "<=":
        return ((None, (at, 1)),)
    if operator == ">":
        # a release is not above itself with a post-release number; a development release has none
        return (((at if at[3] != _NO_POST or at[4] != _NO_DEV else _after_posts(at), 1), None),)
    if operator == "<":
        if at[3] != _NO_POST and at[2] == _FINAL and at[4] == _NO_DEV:
            return ((None, ((*at[:4], -1), 0)),)  # <1.0.post2 admits 1.0 and 1.0.post1
        return ((None, (at if at[2] != _FINAL or at[4] != _NO_DEV else _lowest(at), 0)),)
    numbers = version.split(".")
    if len(at[1]) < 2 and len(numbers) < 2:
        raise InvalidSpecifier(f"{text!r}: ~= needs at least two numbers")
    release = [part for part in numbers if part.isdecimal()]
    _, high = _prefix(".".join(release[:-1]) + ".*")
    return (((at, 0), (high, 0)),)


_WINDOWS: dict[str, Window] = {"": ANY}


def window(specifier: str) -> Window:
    """Return the sorted, disjoint intervals of keys that a specifier admits. Raises InvalidSpecifier.

    Unlike `packaging`, a window always admits pre-releases: it judges what is installed, not what to install.
    """
    known = _WINDOWS.get(specifier)
    if known is None:
        known = ANY
        for clause in specifier.split(","):
            if clause.strip():
                known = intersect(known, _clause(clause.strip()))
        _WINDOWS[specifier] = known
    return known


def intersect(one: Window, two: Window) -> Window:
    """Return the intervals that lie in both windows."""
    found = []
    for low_a, high_a in one:
        for low_b, high_b in two:
            low = low_a if low_b is None else low_b if low_a is None else max(low_a, low_b)
            high = high_a if high_b is None else high_b if high_a is None else min(high_a, high_b)
            if low is None or high is None or low < high:
                found.append((low, high))
    return tuple(found)


def union(intervals: Window) -> Window:
    """Return the sorted, disjoint intervals that cover the same versions, joined where they touch or overlap."""
    found: list[tuple[Bound | None, Bound | None]] = []
    for low, high in sorted(intervals, key=lambda pair: (pair[0] is not None, pair[0] or ())):
        if found and (found[-1][1] is None or low is None or low <= found[-1][1]):
            last = found[-1]
            found[-1] = (last[0], None if last[1] is None or high is None else max(last[1], high))
        else:
            found.append((low, high))
    return tuple(found)


def admits(intervals: Window, version: str) -> bool:
    """Tell whether a version lies in a window. Raises InvalidVersion."""
    return covers(intervals, (key(version), 0))


def covers(intervals: Window, at: Bound) -> bool:
    """Tell whether a bound, such as `(key(version), 0)`, lies in a window."""
    # a loop, not any(): this runs for every rule and every declared requirement, and a generator takes twice as long
    for low, high in intervals:  # noqa: SIM110
        if (low is None or low <= at) and (high is None or at < high):
            return True
    return False


def build_of(version: str) -> str:
    """Return what a local label says a build is for: cpu, cuda, rocm or xpu; "" where it says nothing of these.

    >>> build_of("2.5.1+cu124"), build_of("2.13.0+cpu"), build_of("2.1.2+pt23cu121"), build_of("4.46.0")
    ('cuda', 'cpu', 'cuda', '')
    """
    label = version.partition("+")[2].lower()
    for start, build in (("cpu", "cpu"), ("rocm", "rocm"), ("xpu", "xpu"), ("cuda", "cuda")):
        if start in label:
            return build
    return "cuda" if any(piece[:1].isdecimal() for piece in label.split("cu")[1:]) else ""
