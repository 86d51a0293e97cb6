"""The fields of an event's data: each is of its kind and of a bearable length, or the event is refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from shared import names
from shared.arriving.delivered import Delivered
from shared.errors import EventRefused, NameRefused

TEXT_LONGEST = 256
NAMES_MOST = 20
FLOAT_MOST = sys.float_info.max


def refused(what: str) -> EventRefused:
    """The refusal, cut to 500 characters."""
    return EventRefused(
        what[:500], next="nothing, unless it was ours: compare infra/subscriptions.json with the sender"
    )


def fields(delivered: Delivered) -> Mapping[str, Any]:
    """The event's data with keys in lower case; two that differ in spelling alone must say the same."""
    if not isinstance(delivered.data, Mapping):
        raise refused(f"its data is {type(delivered.data).__name__}, must be an object")
    data: dict[str, Any] = {}
    for key, value in delivered.data.items():
        name = str(key).lower()
        if name in data and data[name] != value:
            raise refused(f"data.{key} stands there twice and says different things")
        data[name] = value
    return data


def text(data: Mapping[str, Any], key: str, longest: int = TEXT_LONGEST) -> str:
    """Text that must be there, without space around it; a whole number becomes its digits."""
    value = data.get(key.lower())
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise refused(f"data.{key} is {value!r}, must be text")
    if len(value) > longest:
        raise refused(f"data.{key} has {len(value)} characters, at most {longest} are taken")
    return value.strip()


def tags_in(data: Mapping[str, Any], key: str) -> dict[str, str]:
    """Tags, each as text; none where the key is missing or holds no object."""
    value = data.get(key.lower())
    return {str(name): str(tag) for name, tag in value.items()} if isinstance(value, Mapping) else {}


def model_of(name: str) -> str:
    """A model's name that keeps the rule for such names."""
    try:
        return names.model_name(name)
    except NameRefused as error:
        raise refused(error.what) from error


def names_in(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Names in a list that may be left out, as Azure ML's own monitors do."""
    found = data.get(key, [])
    if not isinstance(found, list) or len(found) > NAMES_MOST:
        raise refused(f"data.{key} must be a list of at most {NAMES_MOST} names")
    if not all(isinstance(name, str) and 0 < len(name) <= TEXT_LONGEST and name.isprintable() for name in found):
        raise refused(f"data.{key} holds something that is no name")
    return tuple(found)


def number(data: Mapping[str, Any], key: str) -> float:
    """A finite number that must be there."""
    value = data.get(key.lower())
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FLOAT_MOST:
        raise refused(f"data.{key} is {value!r}, must be a finite number")
    return float(value)
