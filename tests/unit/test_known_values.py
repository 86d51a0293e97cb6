"""Rules against numbers that were computed elsewhere, by SciPy and statsmodels, to the digits shown.

DeLong, McNemar and the paired accuracy stand in test_metrics.py, the bootstrap in test_comparison.py, fairlearn's differences in
test_checks.py, and the signed bytes in test_signing.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.data.comparing import compare
from shared.data.significance import chi_square_tail, shares_tail
from shared.data.significance import holm as adjusted_by_holm
from shared.gating.guard_gates import holm
from shared.runs.checks.intervals import wilson
from tests.unit.test_comparing import profile, test_of

FIVE = [0.001, 0.01, 0.02, 0.04, 0.2]


def named(counts: Sequence[int]) -> list[str]:
    return [name for name, count in zip("abcd", counts, strict=False) for _ in range(count)]


@pytest.mark.parametrize(
    ("before", "now", "variation"),
    [((100, 200, 300, 400), (400, 300, 200, 100), 0.4), ((250, 250, 250, 250), (300, 250, 250, 200), 0.05)],
)
def test_the_size_of_a_change_of_categories_is_the_total_variation(
    before: Sequence[int], now: Sequence[int], variation: float
) -> None:
    found = compare(profile("string", x=named(before)), profile("string", x=named(now)))
    assert test_of(found, "values").size == pytest.approx(variation)


@pytest.mark.parametrize(
    ("before", "now", "distance"),
    [((1, 2, 3, 4, 5), (3, 4, 5, 6, 7), 0.4), (tuple(range(10)), tuple(range(5, 15)), 0.5)],
)
def test_the_size_of_a_numeric_change_is_the_known_distance(
    before: Sequence[int], now: Sequence[int], distance: float
) -> None:
    reference, current = ([float(one) for one in values] * 20 for values in (before, now))
    found = compare(profile(x=reference), profile(x=current))
    assert test_of(found, "values").size == pytest.approx(distance)


def test_the_chance_of_two_shares_is_that_of_the_known_table_with_yates_correction() -> None:
    assert shares_tail(0.2, (30, 50), (20, 50)) == pytest.approx(0.0718606382, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "degrees", "chance"),
    [(4.0, 1, 0.0455002639), (3.24, 1, 0.0718606382), (16 / 3, 2, 0.0694834512), (10.1053079460, 2, 0.0063923458)],
)
def test_the_chances_of_the_known_tables(value: float, degrees: int, chance: float) -> None:
    assert chi_square_tail(value, degrees) == pytest.approx(chance, abs=1e-9)


def test_of_the_five_chances_holm_rejects_two() -> None:
    assert holm(FIVE, 0.05) == [True, True, False, False, False]
    assert adjusted_by_holm(FIVE) == pytest.approx([0.005, 0.04, 0.06, 0.08, 0.2])


@pytest.mark.parametrize(
    ("hits", "of", "bounds"),
    [
        (8, 10, (0.4901624715, 0.9433178485)),
        (0, 100, (0.0, 0.0369934982)),
        (3, 1000, (0.0010207839, 0.0087830141)),
    ],
)
def test_wilsons_interval_of_the_known_shares(hits: int, of: int, bounds: tuple[float, float]) -> None:
    assert wilson(hits, of) == pytest.approx(bounds, abs=1e-9)
