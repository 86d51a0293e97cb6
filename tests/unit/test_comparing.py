"""Drift of a profile against another: sizes and chances against scipy over all rows, and what is called drift."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from shared.data.cells import cells
from shared.data.comparing import Change, compare
from shared.data.profile import ColumnProfile, Profile
from shared.data.rules import Kind
from shared.data.significance import distance_limit, distance_tail, shares_limit, shares_tail, unseen_tail


def profile(kind: Kind = "number", *, personal: bool = False, **columns: object) -> Profile:
    found = {}
    for name, values in columns.items():
        found[name] = ColumnProfile(kind, personal)
        found[name].add(cells(pa.array(values), kind))
    return Profile(len(next(iter(columns.values()))), found)


def normal(rows: int, shift: float = 0.0, seed: int = 1, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, spread, rows)


def test_of(changes: tuple[Change, ...], test: str) -> Change:
    (found,) = [change for change in changes if change.test == test]
    return found


test_of.__test__ = False  # type: ignore[attr-defined]


# Chances


@pytest.mark.parametrize("rows", [50, 500, 50_000])
def test_the_tail_of_a_distance_is_kolmogorovs(rows: int) -> None:
    for scaled in (0.8, 1.36, 1.95):
        distance = scaled / np.sqrt(rows)
        assert distance_tail(distance, rows) == pytest.approx(stats.kstwo.sf(distance, rows), rel=0.05)


@pytest.mark.parametrize("alpha", [0.01, 1e-4])
def test_a_limit_has_its_chance(alpha: float) -> None:
    assert distance_tail(distance_limit(alpha, 700), 700) == pytest.approx(alpha, rel=1e-3)
    counts = (20, 900), (35, 700)
    assert shares_tail(shares_limit(alpha, *counts), *counts) == pytest.approx(alpha)


def test_the_chance_of_two_shares_is_that_of_the_corrected_chi_square_test() -> None:
    expected = stats.chi2_contingency([[100, 9_900], [45, 1_955]], correction=True).pvalue
    assert shares_tail(45 / 2_000 - 100 / 10_000, (100, 10_000), (45, 2_000)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("count", "expected"), [(3, 0.01), (10, 0.02), (60, 0.1)])
def test_the_chance_of_unseen_values_is_never_below_the_binomial_one(count: int, expected: float) -> None:
    assert unseen_tail(count / 200, expected, 200) >= stats.binom.sf(count - 1, 200, expected)


# Sizes


def test_the_size_of_a_numeric_change_is_the_kolmogorov_smirnov_distance() -> None:
    before, now = normal(40_000), normal(20_000, 0.4, seed=2)
    found = test_of(compare(profile(x=before), profile(x=now)), "values")
    assert found.size == pytest.approx(stats.ks_2samp(before, now).statistic, abs=0.01)
    assert found.drifted


def test_the_size_of_a_change_of_categories_is_half_of_all_differences() -> None:
    before, now = ["a"] * 500 + ["b"] * 300 + ["c"] * 200, ["a"] * 300 + ["b"] * 400 + ["c"] * 300
    found = test_of(compare(profile("string", x=before), profile("string", x=now)), "values")
    assert (found.size, found.what) == (pytest.approx(0.2), "a 50.0% → 30.0%")
    # three tests, and Holm multiplies the smallest chance by their number
    plain = stats.chi2_contingency([[500, 300, 200], [300, 400, 300]], correction=False).pvalue
    assert found.p_value == pytest.approx(plain * 3)


def test_a_limit_is_a_size_that_is_drift_for_certain() -> None:
    before = ["a"] * 50 + ["b"] * 50
    limit = test_of(compare(profile("string", x=before), profile("string", x=before)), "values").limit
    moved = int(np.ceil(100 * limit))
    now = ["a"] * (50 + moved) + ["b"] * (50 - moved)
    assert test_of(compare(profile("string", x=before), profile("string", x=now)), "values").drifted


# What is drift


@pytest.mark.parametrize("rows", [500, 5_000, 50_000])
def test_the_same_rows_are_no_drift(rows: int) -> None:
    values = normal(rows)
    assert not any(change.drifted for change in compare(profile(x=values), profile(x=values)))


def test_a_tiny_shift_in_many_rows_is_significant_and_no_drift() -> None:
    found = test_of(compare(profile(x=normal(200_000)), profile(x=normal(200_000, 0.1, seed=2))), "values")
    assert (found.p_value < 1e-6, found.drifted) == (True, False)


def test_a_large_shift_in_few_rows_may_be_chance() -> None:
    found = test_of(compare(profile(x=normal(12)), profile(x=normal(12, 0.5, seed=4))), "values")
    assert (found.size > 0.1, found.drifted) == (True, False)


def test_a_wider_spread_around_the_same_middle_is_drift() -> None:
    assert test_of(compare(profile(x=normal(5_000)), profile(x=normal(5_000, spread=2.0))), "values").drifted


def test_a_constant_that_becomes_another_one_is_drift_and_stays_none_while_it_is_the_same() -> None:
    before, other = profile("integer", x=[7] * 100), profile("integer", x=[8] * 100)
    assert {change.test for change in compare(before, other) if change.drifted} == {"values", "unseen"}
    assert not any(change.drifted for change in compare(before, before))


def test_more_missing_values_are_drift_of_their_own() -> None:
    before, now = normal(2_000), [None if number % 10 == 0 else 0.1 * number for number in range(2_000)]
    found = test_of(compare(profile(x=before), profile(x=pa.array(now, pa.float64()))), "missing")
    assert (found.drifted, found.what) == (True, "0.0% → 10.0% missing")


def test_a_column_that_is_gone_is_missing_everywhere() -> None:
    (found,) = compare(profile(x=normal(500)), profile(y=normal(500)))
    assert (found.column, found.test, found.size, found.drifted) == ("x", "missing", 1.0, True)


def test_a_category_that_was_never_seen_is_drift_from_two_percent_on() -> None:
    before = ["a", "b"] * 1_000
    for share, drifted in ((0.01, False), (0.05, True)):
        now = ["new"] * int(2_000 * share) + ["a", "b"] * int(1_000 * (1 - share))
        found = test_of(compare(profile("string", x=before), profile("string", x=now)), "unseen")
        assert (found.size, found.drifted) == (pytest.approx(share), drifted)


def test_rare_categories_that_the_reference_may_have_overlooked_are_no_drift() -> None:
    """Each of 60 names is there once: of those to come, many will be new."""
    before = ["common"] * 500 + [f"rare {number}" for number in range(60)]
    now = ["common"] * 500 + [f"other {number}" for number in range(60)]
    assert not test_of(compare(profile("string", x=before), profile("string", x=now)), "unseen").drifted


def test_of_texts_that_hardly_repeat_the_lengths_are_compared() -> None:
    before, now = ([f"{word} {number}" for number in range(3_000)] for word in ("short", "much, much longer"))
    found = test_of(compare(profile("string", x=before), profile("string", x=now)), "lengths")
    assert (found.drifted, found.what) == (True, "mean length 9.63 → 21.63")


def test_of_a_time_and_of_a_personal_column_only_missing_values_are_compared() -> None:
    earlier, later = (profile("date", t=[f"20{year}-01-01"] * 300) for year in (25, 26))
    ages = profile(personal=True, age=normal(300)), profile(personal=True, age=normal(300, 5.0))
    assert [change.test for pair in ((earlier, later), ages) for change in compare(*pair)] == ["missing", "missing"]


def test_a_key_is_left_out() -> None:
    before, now = (profile("integer", key=list(range(first, first + 500))) for first in (0, 500))
    assert any(change.drifted for change in compare(before, now))
    assert compare(before, now, without=["key"]) == ()


def test_the_most_drifted_column_comes_first() -> None:
    before = profile(a=normal(2_000), b=normal(2_000, seed=2), c=normal(2_000, seed=3))
    now = profile(a=normal(2_000, seed=4), b=normal(2_000, 0.6, seed=5), c=normal(2_000, 2.0, seed=6))
    assert [change.column for change in compare(before, now)][:2] == ["c", "b"]


def test_without_rows_there_is_nothing_to_compare() -> None:
    assert compare(profile(x=normal(100)), Profile(0, {})) == ()
