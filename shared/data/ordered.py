"""A batch's numbers in order: whether they came so, and which of them repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared.data.sketches import KEPT, Floats

GLANCE = 100
FEW = 1 << 12  # whole numbers no further apart are counted, not sorted


def counted_numbers(
    numbers: Floats, ends: tuple[float, float]
) -> tuple[Floats, tuple[Floats, NDArray[np.int64], bool]]:
    """The numbers in order, and what `repeated` says of them; `ends` are the least and the greatest."""
    least, most = ends
    if most - least < min(FEW, len(numbers)) and least.is_integer():
        places = (numbers - least).astype(np.int64)
        if (places + least == numbers).all():
            found = np.bincount(places)
            there = np.flatnonzero(found)
            values: Floats = there.astype(np.float64) + least
            counts: NDArray[np.int64] = found[there]
            return np.repeat(values, counts), (values, counts, False)
    ordered = numbers.copy() if in_order(numbers) else np.sort(numbers)
    ordered += 0.0  # -0.0 is 0.0
    return ordered, repeated(ordered)


def in_order(numbers: Floats) -> bool:
    """Keys and times often are; others show in their first few that they are not."""
    return all(bool((part[1:] >= part[:-1]).all()) for part in (numbers[:GLANCE], numbers))


def repeated(ordered: Floats) -> tuple[Floats, NDArray[np.int64], bool]:
    """Of sorted values the distinct ones and how often each is there; where nearly all are there once (True), only the others.

    >>> repeated(np.array([1.0, 2.0, 2.0]))
    (array([1., 2.]), array([1, 2]), False)
    """
    again = ordered[1:] == ordered[:-1]
    if len(ordered) > 2 * KEPT and 4 * np.count_nonzero(again) < len(ordered):
        places = again.nonzero()[0]
        firsts = _starts(places[1:] - places[:-1] > 1)[: len(places)]
        return ordered[places[firsts]], _lengths(firsts, len(places)) + 1, True
    starts = _starts(ordered[1:] != ordered[:-1])
    return ordered[starts], _lengths(starts, len(ordered)), False


def _starts(is_other: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where runs begin, by whether each but the first is another than the one before."""
    others = is_other.nonzero()[0]
    found = np.empty(len(others) + 1, np.int64)
    found[0] = 0
    np.add(others, 1, out=found[1:])
    return found


def _lengths(starts: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """How long runs are, the last up to the end."""
    found = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=found[:-1])
    found[-1:] = end - starts[-1:]
    return found
