"""Frozen, slotted, keyword-only records without the cost of `dataclasses`.

Importing `dataclasses` takes 13 ms, as long as starting Python itself, because it pulls in `inspect` and `re`. A check has a
budget of about two interpreter starts, so the data model uses this class instead. A type checker sees ordinary dataclasses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, dataclass_transform

    from typing_extensions import Self
else:

    def dataclass_transform(**_: object):  # noqa: D103
        return lambda cls: cls


class _RecordType(type):
    """Turn annotations into slots and keep the defaults beside them."""

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> _RecordType:
        fields: dict[str, None] = {}
        defaults: dict[str, Any] = {}
        for base in bases:
            fields.update(getattr(base, "_fields", {}))
            defaults.update(getattr(base, "_defaults", {}))
        own = [field for field in space.get("__annotations__", ()) if not field.startswith("_")]
        for field in own:
            fields[field] = None
            if field in space:
                defaults[field] = space.pop(field)
        space["__slots__"] = tuple(own)
        space["_fields"] = fields
        space["_defaults"] = defaults
        return super().__new__(mcs, name, bases, space)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record(metaclass=_RecordType):
    """Base of every data class: fields are the class annotations, defaults the class attributes.

    Defaults are shared between instances, so they must be immutable.
    """

    def __init__(self, **values: Any) -> None:
        fields = self._fields  # type: ignore[attr-defined]
        put = object.__setattr__
        for field in fields:
            if field in values:
                put(self, field, values.pop(field))
            else:
                try:
                    put(self, field, self._defaults[field])  # type: ignore[attr-defined]
                except KeyError:
                    raise TypeError(f"{type(self).__name__}() is missing the field {field!r}") from None
        if values:
            raise TypeError(f"{type(self).__name__}() has no field {next(iter(values))!r}")

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {field!r}")

    def __delattr__(self, field: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {field!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in self._fields)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, f) for f in self._fields)))  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        inner = ", ".join(f"{f}={getattr(self, f)!r}" for f in self._fields)  # type: ignore[attr-defined]
        return f"{type(self).__name__}({inner})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), {f: getattr(self, f) for f in self._fields})  # type: ignore[attr-defined]

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed."""
        values = {f: getattr(self, f) for f in self._fields}  # type: ignore[attr-defined]
        values.update(changes)
        return type(self)(**values)


def _rebuild(cls: type[Any], values: dict[str, Any]) -> Any:
    return cls(**values)
