"""Records behave as frozen, keyword-only data classes."""

import pickle

import pytest

from envdoctor.model.facts import Fact
from envdoctor.model.record import Record


class Point(Record):
    x: int
    y: int = 0


class Point3(Point):
    z: int = 0


def test_fields_defaults_and_equality() -> None:
    assert Point(x=1) == Point(x=1, y=0) != Point(x=2)
    assert hash(Point(x=1)) == hash(Point(x=1, y=0))
    assert repr(Point(x=1)) == "Point(x=1, y=0)"
    assert Point(x=1) != Fact(path="x", value=1, origin="")


def test_inherited_fields_come_first() -> None:
    assert repr(Point3(x=1, z=3)) == "Point3(x=1, y=0, z=3)"


def test_records_are_frozen() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError, match="frozen"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del point.x


def test_missing_and_unknown_fields_are_named() -> None:
    with pytest.raises(TypeError, match="missing the field 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no field 'q'"):
        Point(x=1, q=2)  # type: ignore[call-arg]


def test_replace_and_pickle() -> None:
    assert Point(x=1).replace(y=5) == Point(x=1, y=5)
    assert pickle.loads(pickle.dumps(Point3(x=1, z=2))) == Point3(x=1, z=2)
