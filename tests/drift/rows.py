"""The same decision from all rows instead of profiles, by numpy and scipy, and columns that drifted by any amount."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import special, stats

from shared.data.comparing import FLOOR, SHARE_FLOOR
from shared.data.significance import ALPHA
from tests.drift.shapes import Drawn, Random, Values

OTHERS = 400
FEW, KNOWN, EXPECTED = 10, 512, 5
POINTS = 100
Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
Found = tuple[float, float, float]  # p-value, size, the least size that matters


def touched(column: Drawn, random: Random, strength: float) -> Drawn:
    """A share `strength` of the rows, taken by chance, is of another kind."""
    return replace(column, batches=tuple(_touched(column.kind, values, random, strength) for values in column.batches))


def _touched(kind: str, values: Values, random: Random, strength: float) -> Values:
    other = (values + OTHERS) % (OTHERS + 5) if kind == "string" else values + 3 * (values.std() + 1)
    return np.sort(np.where(random.random(len(values)) < strength, other, values))


def drifted(found: list[Found]) -> bool:
    """Holm's decision over the tests of all columns, of which one at least must be large as well."""
    ordered = sorted(found)
    for rank, (p_value, _, _) in enumerate(ordered):
        if p_value * (len(ordered) - rank) > ALPHA:
            return any(size >= floor for _, size, floor in ordered[:rank])
    return any(size >= floor for _, size, floor in ordered)


def could_drift(before: Drawn, now: Drawn) -> bool:
    """Whether a test of the column is large enough to matter, and by itself significant. If none is, none is with Holm either."""
    moved = abs(before.missing / before.rows - now.missing / now.rows)
    found = [_missing(before, now)] if moved >= SHARE_FLOOR else []
    if _values_matter(before, now):
        found += _of_values(before, now)
    return any(p_value <= ALPHA and size >= floor for p_value, size, floor in found)


def _values_matter(before: Drawn, now: Drawn) -> bool:
    if not _counted(before, now):
        return _distance_at_most(before, now) >= FLOOR and _distance(before, now) >= FLOOR
    counts, counts_now = _counts(before, now)
    shares, shares_now = counts / before.present, counts_now / now.present
    return bool(np.abs(shares - shares_now).sum() / 2 >= FLOOR or shares_now[counts == 0].sum() >= SHARE_FLOOR)


def _distance_at_most(before: Drawn, now: Drawn) -> float:
    """No less than the largest distance of two distributions: from one of some points to the next it grows by no more than the
    values between them, which are between them in either file.
    """
    middle = before.batches[0]
    points = middle[np.linspace(0, len(middle) - 1, POINTS).astype(int)]
    below, at = (np.stack([_shares(column, points, side) for column in (before, now)]) for side in SIDES)
    between = np.concatenate((below, np.ones((2, 1))), axis=1) - np.concatenate((np.zeros((2, 1)), at), axis=1)
    return float(max(np.abs(one[0] - one[1]).max() for one in (below, at)) + between.max())


def _distance(before: Drawn, now: Drawn) -> float:
    """The largest distance of two distributions (Kolmogorov-Smirnov)."""
    points = np.concatenate([*before.batches, *now.batches])
    points.sort()
    return float(np.abs(_shares(before, points, "right") - _shares(now, points, "right")).max())


def _shares(column: Drawn, points: Values, side: Side) -> Values:
    return np.sum([np.searchsorted(values, points, side) for values in column.batches], axis=0) / column.present


def tests_of(before: Drawn, now: Drawn) -> list[Found]:
    """Every test of a column, by the definitions of `shared.data.comparing` over every row."""
    return [_missing(before, now), *_of_values(before, now)]


def _of_values(before: Drawn, now: Drawn) -> Iterator[Found]:
    if _counted(before, now):
        counts, counts_now = _counts(before, now)
        yield _categories(counts, counts_now)
        yield from _unseen(counts, counts_now)
    else:
        size, rows = _distance(before, now), before.present * now.present / (before.present + now.present)
        yield float(stats.kstwo.sf(size, round(rows))), size, FLOOR


def _counted(before: Drawn, now: Drawn) -> bool:
    """Whether the values are compared one by one."""
    if before.kind == "string":
        return True
    batches = (*before.batches, *now.batches)
    return all(_kinds(values) <= FEW for values in batches) and len(_every(batches)) <= FEW


def _kinds(values: Values) -> int:
    return 1 + np.count_nonzero(values[1:] != values[:-1])


def _every(batches: Iterable[Values]) -> Values:
    """Each value once, in order."""
    return np.unique(np.concatenate([values[np.append(True, values[1:] != values[:-1])] for values in batches]))


def _counts(before: Drawn, now: Drawn) -> tuple[Values, Values]:
    """How often each value is there in either."""
    every = _every((*before.batches, *now.batches))

    def count(column: Drawn) -> Values:
        places = (np.append(np.searchsorted(values, every), len(values)) for values in column.batches)
        return np.sum([np.diff(place) for place in places], axis=0)

    return count(before), count(now)


def _missing(before: Drawn, now: Drawn) -> Found:
    """Pearson's test of a table of two by two, with Yates' correction."""
    rows, missing, present = before.rows + now.rows, before.missing + now.missing, before.present + now.present
    apart = abs(before.missing * now.present - now.missing * before.present)
    beyond = max(0.0, apart - rows / 2)
    even = missing == 0 or present == 0
    statistic = 0.0 if even else rows * beyond**2 / (missing * present * before.rows * now.rows)
    return float(special.chdtrc(1, statistic)), abs(before.missing / before.rows - now.missing / now.rows), SHARE_FLOOR


def _categories(counts: Values, counts_now: Values) -> Found:
    """Pearson's test, with values that are expected less than 5 times in the smaller file put together."""
    n, m = counts.sum(), counts_now.sum()
    enough = min(n, m) * (counts + counts_now) / (n + m) >= EXPECTED
    table = np.stack((counts[enough], counts_now[enough]))
    rest = np.array([n, m]) - table.sum(axis=1)
    if rest.sum():
        table = np.column_stack((table, rest))
    if table.shape[1] < 2:
        return 1.0, 0.0, FLOOR
    size = float(np.abs(table[0] / n - table[1] / m).sum() / 2)
    expected = table.sum(axis=0) * (np.array([[n], [m]]) / (n + m))
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(special.chdtrc(table.shape[1] - 1, statistic)), size, FLOOR


def _unseen(counts: Values, counts_now: Values) -> Iterator[Found]:
    """Only where the reference has few enough values to be known completely."""
    known = counts > 0
    if known.sum() > KNOWN:
        return
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    overlooked = min(0.5, (once + 3 * math.sqrt(once + 2 * twice + 1)) / counts.sum())
    share = float(counts_now[~known].sum() / counts_now.sum())
    if share <= overlooked:
        yield 1.0, share, SHARE_FLOOR
        return
    apart = stats.entropy([share, 1 - share], [overlooked, 1 - overlooked])
    yield math.exp(-int(counts_now.sum()) * apart), share, SHARE_FLOOR
