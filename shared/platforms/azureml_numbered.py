"""A model's versions by number: lists lag behind writes, while one that is read by its number does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

GAP = 2  # versions that were deleted since the list was made


def numbered(listed: Mapping[int, Any], read: Callable[[int], Any | None]) -> list[Any]:
    """All of them, oldest first: those that the list shows, and those after them.

    >>> numbered({1: "one"}, {3: "three"}.get)
    ['one', 'three']
    """
    found = dict(listed)
    number, missed = max(found, default=0) + 1, 0
    while missed < GAP:
        later = read(number)
        missed = 0 if later is not None else missed + 1
        if later is not None:
            found[number] = later
        number += 1
    return [found[number] for number in sorted(found)]
