"""Frozen values as plain JSON values, and back by their types."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args, get_origin

AS_THEY_ARE = (str, int, float, bool, type(None))
IF_SET: Mapping[str, bool] = {
    "if set": True
}  # metadata of a field that is left out of the stored form while it is empty


def plain(value: Any) -> Any:
    """A frozen value as what JSON has: mappings, lists, text, numbers; times as ISO 8601."""
    kind: Any = type(value)
    if kind in AS_THEY_ARE:
        return value
    if names := _names(kind):
        found = {name: plain(getattr(value, name)) for name in names}
        for name in _if_set(kind):
            if not found[name]:
                del found[name]
        return found
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields of a record's type; none of another."""
    return tuple(entry.name for entry in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


@functools.cache
def _if_set(kind: Any) -> tuple[str, ...]:
    """The fields of a record's type that are stored only where they hold something."""
    return tuple(entry.name for entry in dataclasses.fields(kind) if entry.metadata == IF_SET)


def typed(kind: Any, value: Any) -> Any:
    """The value of a type that `plain` made plain; unknown keys are left out, missing ones take their defaults."""
    return None if value is None else _reader(kind)(value)


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """How a stored value of this type is read back; found once a type, since a fold reads hundreds of values."""
    if get_origin(kind) in (types.UnionType, typing.Union):
        return _reader(next(arm for arm in get_args(kind) if arm is not type(None)))
    if kind is datetime:
        return datetime.fromisoformat
    if get_origin(kind) is tuple:
        return _tuple_reader(get_args(kind))
    if dataclasses.is_dataclass(kind):
        return _record_reader(kind)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _tuple_reader(arms: tuple[Any, ...]) -> Callable[[Any], Any]:
    if arms[-1] is Ellipsis:
        each = _reader(arms[0])
        return lambda value: tuple([None if item is None else each(item) for item in value])
    return lambda value: tuple([typed(arm, item) for arm, item in zip(arms, value, strict=True)])


def _record_reader(kind: Any) -> Callable[[Any], Any]:
    readers = {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}
    converted = [(name, reader) for name, reader in readers.items() if reader is not _as_it_is]

    def read(value: Any) -> Any:
        known = {name: item for name, item in value.items() if name in readers}
        for name, read_one in converted:
            if known.get(name) is not None:
                known[name] = read_one(known[name])
        return kind(**known)

    return read
