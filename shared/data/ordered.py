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
        places = np.flatnonzero(again)
        firsts = np.flatnonzero(np.diff(places, prepend=-2) > 1)
        return ordered[places[firsts]], np.diff(firsts, append=len(places)) + 1, True
    starts = np.concatenate(([0], np.flatnonzero(~again) + 1))
    return ordered[starts], np.diff(starts, append=len(ordered)), False
