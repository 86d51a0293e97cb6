"""The same decision from all rows instead of profiles, by numpy and scipy, and files that drifted by any amount."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from scipy import stats

from shared.data.comparing import FLOOR, SHARE_FLOOR
from shared.data.significance import ALPHA
from tests.drift.shapes import COLUMNS, SHAPES, Random, Values, drawn, gaps

OTHERS = 400
File = tuple[list[Values], list[Values]]


def file_of(shape: str, random: Random, rows: int, *, strength: float = 0.0) -> File:
    """A file, in a few of whose columns a share `strength` of the rows is of another kind or missing."""
    columns, missing = drawn(shape, random, rows), gaps(random, rows)
    for number in random.choice(COLUMNS, 2, replace=False):
        touched = random.random(rows) < strength
        columns[number] = np.where(touched, _foreign(shape, columns[number]), columns[number])
    missing[random.integers(COLUMNS)] |= random.random(rows) < strength / 5
    return columns, missing


def _foreign(shape: str, values: Values) -> Values:
    kind, _ = SHAPES[shape]
    return (values + OTHERS) % (OTHERS + 5) if kind == "string" else values + 3 * (values.std() + 1)


def drifted_by_rows(shape: str, before: File, now: File) -> bool:
    """Whether any column drifted, by the definitions of `shared.data.comparing` over every row."""
    kind, _ = SHAPES[shape]
    found: list[tuple[float, float, float]] = []
    for values, absent, values_now, absent_now in zip(*before, *now, strict=True):
        found.append(_missing(absent, absent_now))
        here, there = values[~absent], values_now[~absent_now]
        few = len(np.union1d(here, there)) <= 10
        if kind == "string" or few:
            found += [_categories(here, there), *_unseen(here, there)]
        else:
            found.append(_distance(here, there))
    ordered = sorted(found)
    for rank, (p_value, _, _) in enumerate(ordered):
        if p_value * (len(ordered) - rank) > ALPHA:
            return any(size >= floor for _, size, floor in ordered[:rank])
    return any(size >= floor for _, size, floor in ordered)


def _missing(before: Values, now: Values) -> tuple[float, float, float]:
    table = [[before.sum(), (~before).sum()], [now.sum(), (~now).sum()]]
    even = min(map(sum, zip(*table, strict=True))) == 0
    p_value = 1.0 if even else stats.chi2_contingency(table, correction=True).pvalue
    return p_value, abs(before.mean() - now.mean()), SHARE_FLOOR


def _distance(before: Values, now: Values) -> tuple[float, float, float]:
    found = stats.ks_2samp(before, now, method="asymp")
    return found.pvalue, found.statistic, FLOOR


def _categories(before: Values, now: Values) -> tuple[float, float, float]:
    """Pearson's test, with values that are expected less than 5 times in the smaller file put together."""
    counts, counts_now = Counter(before.tolist()), Counter(now.tolist())
    n, m = len(before), len(now)
    enough = [value for value in counts | counts_now if min(n, m) * (counts[value] + counts_now[value]) / (n + m) >= 5]
    table = [[each[value] for value in enough] for each in (counts, counts_now)]
    rest = [n - sum(table[0]), m - sum(table[1])]
    if sum(rest):
        table = [[*row, other] for row, other in zip(table, rest, strict=True)]
    if len(table[0]) < 2:
        return 1.0, 0.0, FLOOR
    size = sum(abs(a / n - b / m) for a, b in zip(*table, strict=True)) / 2
    return stats.chi2_contingency(table, correction=False).pvalue, size, FLOOR


def _unseen(before: Values, now: Values) -> list[tuple[float, float, float]]:
    """Only where the reference has few enough values to be known completely."""
    counts = Counter(before.tolist())
    if len(counts) > 64:
        return []
    once, twice = (sum(count == times for count in counts.values()) for times in (1, 2))
    overlooked = min(0.5, (once + 3 * math.sqrt(once + 2 * twice + 1)) / len(before))
    share = float(np.isin(now, list(counts), invert=True).mean())
    if share <= overlooked:
        return [(1.0, share, SHARE_FLOOR)]
    apart = stats.entropy([share, 1 - share], [overlooked, 1 - overlooked])
    return [(math.exp(-len(now) * apart), share, SHARE_FLOOR)]
