"""Drift: whether the rows that are scored still look like the rows that the model was trained on.

Each column is compared by the population stability index over bins that the training run left in reference.json.
Without any change PSI is about (1/n + 1/m) times a chi-square value with bins - 1 degrees of freedom, for n and m rows
("Statistical Properties of Population Stability Index", Western Michigan University 2018; arXiv 2307.11878): the limit
follows the sample sizes, and an alarm needs a change that is both significant and large.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.errors import Permanent

ALPHA = 0.01
FLOOR = 0.1
UNDERFLOWS = 700  # e to the minus this is less than any chance that matters


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column: its PSI, and the chance `p_value` of such a PSI without any change, corrected for the number of columns.

    `limit` is the PSI that this column alone would need to be significant; `missing` is the share of rows (0 to 1)
    without a number now, `missing_before` in the reference.
    """

    column: str
    psi: float
    limit: float
    p_value: float
    drifted: bool
    missing: float
    missing_before: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A training column: inner bin edges, rows in each bin (edges[i-1] < x <= edges[i], the outer ones open), rows without a number."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins, not {len(self.counts)}")


class ReferenceUnreadable(Permanent):
    """A version's reference.json is not what the training run writes."""


def profiles(document: Mapping[str, Any]) -> dict[str, Profile]:
    """The columns of a reference.json: {"features": {name: {"edges": [...], "counts": [...], "missing": n}}}."""
    try:
        return {
            name: Profile(tuple(column["edges"]), tuple(column["counts"]) or (0,), int(column["missing"]))
            for name, column in document["features"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReferenceUnreadable(
            f"reference.json cannot be read ({error!r}).", next="train the model again: the run writes it"
        ) from error


def psi(reference: Sequence[float], current: Sequence[float], *, filler: float = 0.0) -> float:
    """Population stability index of two distributions over the same bins: sum of (q - p) ln(q / p), in nats.

    `filler` stands in for a zero; without it a bin that only one side has raises `ValueError`.

    >>> round(psi([0.25] * 4, [0.3, 0.25, 0.25, 0.2]), 10)
    0.0202732554
    """
    pairs = [(p or filler, q or filler) for p, q in zip(reference, current, strict=True) if p or q]
    if any(p == 0 or q == 0 for p, q in pairs):
        raise ValueError("a bin is empty on one side only: smooth the counts, or give a filler")
    return sum((q - p) * math.log(q / p) for p, q in pairs)


def psi_limit(alpha: float, bins: int, n: int, m: int) -> float:
    """The PSI that samples of `n` and `m` rows from one distribution exceed with chance `alpha`, over `bins` bins.

    >>> round(psi_limit(0.05, 10, 500, 500), 4)
    0.0677
    """
    return chi_square_limit(alpha, bins - 1) * (1 / n + 1 / m)


def drift(
    reference: Mapping[str, Profile],
    rows: Sequence[Mapping[str, object]],
    *,
    alpha: float = ALPHA,
    floor: float = FLOOR,
) -> tuple[ColumnDrift, ...]:
    """Every column of the reference against the scored rows, the most drifted first; nothing without rows.

    Columns are drifted that are significant at `alpha` after Holm's correction and whose PSI is above `floor`.
    A value that is no finite number is missing, and missing is a bin of its own.
    """
    found = [_column(name, profile, rows, alpha) for name, profile in reference.items() if rows]
    corrected = holm([column.p_value for column in found])
    judged = [
        replace(column, p_value=p, drifted=p <= alpha and column.psi > floor)
        for column, p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(judged, key=lambda column: (not column.drifted, -column.psi)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: rejecting those <= alpha keeps the chance of any false one below it.

    >>> [round(p, 3) for p in holm([0.001, 0.01, 0.02, 0.04, 0.2])]
    [0.005, 0.04, 0.06, 0.08, 0.2]
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted


def chi_square_tail(value: float, degrees: int) -> float:
    """The chance that a chi-square variable exceeds `value`; closed form for whole degrees (Abramowitz and Stegun 26.4.4-5).

    >>> round(chi_square_tail(16.919, 9), 4)
    0.05
    """
    half = value / 2
    if half > UNDERFLOWS:
        return 0.0
    if degrees % 2:
        terms = [math.pow(half, i - 0.5) / math.gamma(i + 0.5) for i in range(1, (degrees + 1) // 2)]
        return math.erfc(math.sqrt(half)) + math.exp(-half) * sum(terms)
    return math.exp(-half) * sum(math.pow(half, i) / math.factorial(i) for i in range(degrees // 2))


def chi_square_limit(alpha: float, degrees: int) -> float:
    """The value that a chi-square variable exceeds with chance `alpha`, by bisection.

    >>> round(chi_square_limit(0.01, 9), 3)
    21.666
    """
    low, high = 0.0, 1.0
    while chi_square_tail(high, degrees) > alpha:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if chi_square_tail(middle, degrees) > alpha else (low, middle)
    return high


def bin_counts(edges: Sequence[float], values: Iterable[object]) -> tuple[list[int], int]:
    """How many values fall into each bin (edges[i-1] < x <= edges[i], the outer ones open), and how many are no number."""
    counts, missing = [0] * (len(edges) + 1), 0
    for value in values:
        if isinstance(value, int | float) and math.isfinite(value):
            counts[bisect_left(edges, value)] += 1
        else:
            missing += 1
    return counts, missing


def _column(name: str, before: Profile, rows: Sequence[Mapping[str, object]], alpha: float) -> ColumnDrift:
    counts, missing = bin_counts(before.edges, (row.get(name) for row in rows))
    both = zip((*before.counts, before.missing), (*counts, missing), strict=True)
    pairs = [(p, q) for p, q in both if p or q]
    n, m, bins = sum(p for p, _ in pairs), len(rows), len(pairs)
    same = ColumnDrift(name, 0.0, math.inf, 1.0, False, missing / m, before.missing / n if n else 0.0)
    if n == 0 or bins == 1:
        return same
    size = psi([_share(p, n, bins) for p, _ in pairs], [_share(q, m, bins) for _, q in pairs])
    p_value = chi_square_tail(size / (1 / n + 1 / m), bins - 1)
    return replace(same, psi=size, limit=psi_limit(alpha, bins, n, m), p_value=p_value)


def _share(count: int, rows: int, bins: int) -> float:
    """A bin's share, smoothed so that an empty one does not make PSI infinite."""
    return (count + 0.5) / (rows + 0.5 * bins)
