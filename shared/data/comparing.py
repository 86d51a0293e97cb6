"""Drift of a profile against another: which columns changed, by how much, and whether that can be chance.

A change is drift if it is significant, at a level that all tests of all columns share (Holm), and large: every size is a share of
rows (0 to 1) that must have moved, so that one floor serves all tests of values. Nothing here reads a row: what the sketches do
not know exactly counts as fewer rows, or is taken off the difference.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from shared.data.profile import NUMBERS, ColumnProfile, Profile
from shared.data.significance import (
    ALPHA,
    NORMAL,
    chi_square_limit,
    chi_square_tail,
    distance_limit,
    distance_tail,
    holm,
    means_tail,
    shares_limit,
    shares_tail,
    unseen_limit,
    unseen_tail,
)
from shared.data.sketches import Floats, Quantiles, Value

FLOOR = 0.1
SHARE_FLOOR = 0.02
FEW = 10
RANKS = [place / 100 for place in range(101)]
NEARER = 20
EXPECTED = 5
ERRORS_A_DEVIATION = 2.576  # a sketch states the error that it keeps to 99 times in 100
Test = Literal["values", "lengths", "missing", "unseen"]


@dataclass(frozen=True, slots=True)
class Change:
    """One test of one column. `size` is the share of rows that must have moved, `floor` the least that matters, and from `limit` on
    a size is drift for certain, at these numbers of rows; `p_value` is corrected for all tests. `what` says it in numbers.
    """

    column: str
    test: Test
    size: float
    floor: float
    limit: float
    p_value: float
    what: str
    drifted: bool = False


def compare(
    reference: Profile, current: Profile, *, without: Collection[str] = (), alpha: float = ALPHA
) -> tuple[Change, ...]:
    """Every test of every column of the reference, drifted and largest ones first; nothing if either has no rows.

    The chance that any is called drift although nothing changed is at most `alpha`. `without` names columns that always change,
    as keys do. A time moves on by itself: of times, and of what is personal, only missing values are compared.
    """
    if not (reference.rows and current.rows):
        return ()
    names = [name for name in reference.columns if name not in without]
    level = alpha / max(1, 3 * len(names))
    found = [change for name in names for change in _column(name, *_both(name, reference, current), level)]
    corrected = holm([change.p_value for change in found])
    judged = [
        replace(change, p_value=p, drifted=p <= alpha and change.size >= change.floor)
        for change, p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(judged, key=lambda change: (not change.drifted, -change.size / change.limit)))


def _both(name: str, reference: Profile, current: Profile) -> tuple[ColumnProfile, ColumnProfile]:
    before = reference.columns[name]
    return before, current.columns.get(name) or ColumnProfile(before.kind, missing=current.rows)


def _column(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Iterator[Change]:
    yield _missing(name, before, now, level)
    if before.kind != now.kind or before.personal or now.personal or not (before.present and now.present):
        return
    if before.kind in ("string", "boolean") or (before.kind in NUMBERS and _has_few(before, now)):
        yield from _categories(name, before, now, level)
    elif before.kind in NUMBERS:
        yield _numbers(name, before, now, level)


def _has_few(before: ColumnProfile, now: ColumnProfile) -> bool:
    exact = not before.frequent.error and not now.frequent.error
    return exact and len(before.frequent.counts.keys() | now.frequent.counts.keys()) <= FEW


def _missing(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Change:
    counts = (before.missing, before.rows), (now.missing, now.rows)
    (share, then) = (now.missing / now.rows, before.missing / before.rows)
    limit = max(SHARE_FLOOR, shares_limit(level, *counts))
    p_value = shares_tail(abs(share - then), *counts)
    return Change(name, "missing", abs(share - then), SHARE_FLOOR, limit, p_value, f"{then:.1%} → {share:.1%} missing")


def _numbers(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Change:
    """Kolmogorov-Smirnov: the largest difference between the shares of values up to any point."""
    size, median, median_now = _distance(before.quantiles, now.quantiles)
    rows = _together(_worth(before), _worth(now))
    deviations = f"deviation {before.numbers.deviation:.4g} → {now.numbers.deviation:.4g}"
    limit = max(FLOOR, distance_limit(level, rows))
    what = f"median {median:.4g} → {median_now:.4g}, {deviations}"
    return Change(name, "values", size, FLOOR, limit, distance_tail(size, rows), what)


def _distance(before: Quantiles, now: Quantiles) -> tuple[float, float, float]:
    """The largest difference, and both medians. It is looked for at each hundredth of the reference, and more closely around the
    place where it is largest.
    """
    points = before.points(RANKS)
    (below, at), (below_now, at_now) = before.shares(points), now.shares(points)
    apart = np.maximum(np.abs(below - below_now), np.abs(at - at_now))
    place = int(apart.argmax())
    first, last = max(0, place - 1), min(len(points) - 1, place + 1)
    nearer = sorted(
        {
            *before.points(_ranks(float(below[first]), float(at[last]))),
            *now.points(_ranks(float(below_now[first]), float(at_now[last]))),
        }
    )
    closer = np.abs(np.subtract(before.shares(nearer), now.shares(nearer))).max()
    return max(float(apart[place]), float(closer)), before.median, now.median


def _ranks(low: float, high: float) -> list[float]:
    return [low + (high - low) * step / NEARER for step in range(NEARER + 1)]


def _worth(column: ColumnProfile) -> float:
    """How many rows would know a share as well as the sketch does: its own error adds to that of the rows."""
    deviation = column.quantiles.error / ERRORS_A_DEVIATION
    return 1 / (1 / column.present + (2 * deviation) ** 2)


def _together(n: float, m: float) -> float:
    return n * m / (n + m)


def _categories(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Iterator[Change]:
    moved = _moved(before, now)
    if len(moved.values) > 1:
        yield _homogeneity(name, before, now, moved, level)
    elif before.kind == "string" and before.frequent.error:
        yield _lengths(name, before, now, level)
    if not before.frequent.error:
        yield _unseen(name, before, now, level)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Of each value the share before, the share now, and what of their difference no error can explain; None is all others."""

    values: list[Value | None]
    then: Floats
    share: Floats
    apart: Floats


def _moved(before: ColumnProfile, now: ColumnProfile) -> _Moved:
    """Values that are too rare for the chi-square distribution, or too rare to be told from the error, count as others."""
    counts, counts_now = before.frequent.counts, now.frequent.counts
    rows = n, m = before.present, now.present
    halves = before.frequent.error / 2, now.frequent.error / 2
    slack = halves[0] / n + halves[1] / m
    either = list(counts | counts_now)
    known = [
        [each.get(one, 0) + half for one in either] for each, half in ((counts, halves[0]), (counts_now, halves[1]))
    ]
    shares = np.array(known) / np.array(rows)[:, None]
    common = min(n, m) / (n + m) * (np.array(rows) @ shares) >= EXPECTED
    if slack:
        common &= shares.max(axis=0) > 4 * slack
    values: list[Value | None] = [one for one, kept in zip(either, common.tolist(), strict=True) if kept]
    shares = shares[:, common]
    apart = np.maximum(0.0, np.abs(shares[1] - shares[0]) - slack)
    rest, rest_now = (max(0.0, 1 - float(total)) for total in shares.sum(axis=1))
    if n * rest + m * rest_now >= 0.5:
        apart = np.append(apart, max(0.0, abs(rest_now - rest) - slack * len(values)))
        values, shares = [*values, None], np.column_stack((shares, (rest, rest_now)))
    return _Moved(values, shares[0], shares[1], apart)


def _homogeneity(name: str, before: ColumnProfile, now: ColumnProfile, moved: _Moved, level: float) -> Change:
    """Pearson's chi-square of a table of two rows, and half the sum of all differences (the total variation distance)."""
    n, m = before.present, now.present
    spread = 1 / n + 1 / m
    pooled = (n * moved.then + m * moved.share) / (n + m)
    statistic = float((moved.apart**2 / pooled).sum() / spread)
    size = float(moved.apart.sum() / 2)
    degrees = len(moved.values) - 1
    limit = max(FLOOR, math.sqrt(chi_square_limit(level, degrees) * spread) / 2)
    return Change(name, "values", size, FLOOR, limit, chi_square_tail(statistic, degrees), _most_moved(moved))


def _most_moved(moved: _Moved) -> str:
    farthest = np.flatnonzero(moved.apart == moved.apart.max()).tolist()
    place = max(farthest, key=lambda place: str(moved.values[place]))
    value, then, share = moved.values[place], moved.then[place], moved.share[place]
    return f"{'others' if value is None else value} {then:.1%} → {share:.1%}"


def _lengths(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Change:
    """Of texts that hardly repeat only the lengths are compared: the means, as the share that a normal value's shift moves."""
    rows = _together(before.present, now.present)
    deviation = math.sqrt((before.lengths.squares + now.lengths.squares) / (before.present + now.present)) or 1.0
    apart = abs(now.lengths.mean - before.lengths.mean) / deviation
    limit = max(FLOOR, _share_of_shift(-NORMAL.inv_cdf(level / 2) / math.sqrt(rows)))
    what = f"mean length {before.lengths.mean:.4g} → {now.lengths.mean:.4g}"
    return Change(name, "lengths", _share_of_shift(apart), FLOOR, limit, means_tail(apart, rows), what)


def _share_of_shift(deviations: float) -> float:
    return 2 * NORMAL.cdf(deviations / 2) - 1


def _unseen(name: str, before: ColumnProfile, now: ColumnProfile, level: float) -> Change:
    """Values that the reference has not, against what it may have overlooked (Good-Turing, with three deviations)."""
    once, twice = (sum(count == times for count in before.frequent.counts.values()) for times in (1, 2))
    overlooked = min(0.5, (once + 3 * math.sqrt(once + 2 * twice + 1)) / before.present)
    new = {value: count for value, count in now.frequent.counts.items() if value not in before.frequent.counts}
    share = sum(new.values()) / now.present
    listed = ", ".join(str(value) for value in sorted(new, key=lambda value: -new[value])[:3]) or "none"
    limit = max(SHARE_FLOOR, unseen_limit(level, overlooked, now.present))
    p_value = unseen_tail(share, overlooked, now.present)
    return Change(name, "unseen", share, SHARE_FLOOR, limit, p_value, f"{share:.1%} unseen before: {listed}")
