"""Drift statistics against published or independently computed values."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from scipy import stats

from shared.data.drift import (
    Profile,
    ReferenceUnreadable,
    bin_counts,
    chi_square_limit,
    chi_square_tail,
    drift,
    profiles,
    psi,
    psi_limit,
)
from shared.runs.reference import reference

DECILES = [-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816]  # of the standard normal


def normal(rows: int = 1000) -> Profile:
    return Profile(tuple(DECILES), (rows // 10,) * 10, 0)


def draws(shift: float, rows: int, seed: int, columns: str = "x") -> list[dict[str, object]]:
    random_ = random.Random(seed)
    return [{name: random_.gauss(shift, 1) for name in columns} for _ in range(rows)]


def test_psi_of_a_small_change_has_the_known_value() -> None:
    assert psi([0.25] * 4, [0.3, 0.25, 0.25, 0.2]) == pytest.approx(0.0202732554, abs=5e-11)


def test_psi_of_reversed_shares_has_the_known_value() -> None:
    assert psi([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]) == pytest.approx(0.9128696383, abs=5e-11)


def test_psi_with_a_new_category_and_a_filler_has_the_known_value() -> None:
    assert psi([0.5, 0.5, 0], [0.5, 0.4, 0.1], filler=1e-4) == pytest.approx(0.7123991075, abs=5e-11)


def test_psi_with_a_new_category_and_no_filler_is_refused() -> None:
    with pytest.raises(ValueError, match="filler"):
        psi([0.5, 0.5, 0], [0.5, 0.4, 0.1])


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 24])
def test_the_chi_square_tail_is_scipys(degrees: int) -> None:
    for value in (0.0, 0.5, 3.0, 21.666, 80.0):
        assert chi_square_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-6])
def test_the_chi_square_limit_is_scipys(alpha: float) -> None:
    assert chi_square_limit(alpha, 9) == pytest.approx(stats.chi2.isf(alpha, 9), rel=1e-7)


def test_the_limit_shrinks_with_more_rows() -> None:
    # 16.919 is the 95 % point of chi-square with 9 degrees of freedom in every table.
    assert psi_limit(0.05, 10, 500, 500) == pytest.approx(16.919 * (1 / 500 + 1 / 500), rel=1e-4)


def test_a_value_on_an_edge_belongs_to_the_bin_below() -> None:
    assert bin_counts([1.0, 2.0], [1.0, 1.5, 2.0, 2.5]) == ([1, 2, 1], 0)


def test_what_is_no_finite_number_is_missing() -> None:
    assert bin_counts([1.0], [None, float("nan"), float("inf"), "7", 0]) == ([1, 0], 4)


def test_a_shift_of_half_a_deviation_is_drift_of_the_known_size() -> None:
    # Over deciles a normal shift of 0.5 standard deviations tends to PSI 0.23775.
    (column,) = drift({"x": normal(100_000)}, draws(0.5, 20_000, seed=1))
    assert column.drifted
    assert column.psi == pytest.approx(0.23775, rel=0.1)


def test_a_tiny_shift_in_many_rows_is_significant_but_no_drift() -> None:
    (column,) = drift({"x": normal(100_000)}, draws(0.1, 50_000, seed=2))
    assert column.p_value < 1e-6
    assert not column.drifted


def test_unchanged_columns_raise_hardly_any_alarm() -> None:
    unchanged = {name: normal(300) for name in "abcdefghij"}
    alarms = sum(
        any(column.drifted for column in drift(unchanged, draws(0.0, 50, seed=seed, columns="abcdefghij")))
        for seed in range(300)
    )
    assert alarms <= 8  # the chance of more than 8 at a true 1 % is below 0.4 %


def test_a_column_that_is_no_longer_sent_has_drifted() -> None:
    (column,) = drift({"x": normal()}, [{"y": 1.0}] * 100)
    assert column.drifted
    assert (column.missing, column.missing_before) == (1.0, 0.0)


def test_a_column_of_two_values_is_compared_over_its_own_bins() -> None:
    sex = Profile((1.0, 2.0), (50, 50, 0), 0)
    (same,) = drift({"SEX": sex}, [{"SEX": 1 + i % 2} for i in range(100)])
    (other,) = drift({"SEX": sex}, [{"SEX": 1}] * 100)
    assert (same.drifted, other.drifted) == (False, True)


def test_a_column_that_was_never_there_and_is_not_now_has_not_drifted() -> None:
    nothing = profiles({"features": {"x": {"missing": 100, "edges": [], "counts": []}}})
    (column,) = drift(nothing, [{}] * 60)
    assert not column.drifted


def test_the_most_drifted_column_comes_first() -> None:
    rows = [{"a": row["a"], "b": 9.0} for row in draws(0.0, 100, seed=3, columns="a")]
    assert [column.column for column in drift({"a": normal(), "b": normal()}, rows)] == ["b", "a"]


def test_the_training_runs_own_reference_is_read() -> None:
    table = pa.table({"AGE": [20.0, 30.0, 40.0, None, 50.0] * 20, "Y": [1.0] * 100})
    profile = profiles(reference(table, without=["Y"]))["AGE"]
    assert (sum(profile.counts), profile.missing) == (80, 20)
    assert bin_counts(profile.edges, table["AGE"].to_pylist()) == (list(profile.counts), 20)


def test_a_reference_that_is_something_else_is_refused() -> None:
    with pytest.raises(ReferenceUnreadable, match=r"Next: train the model again"):
        profiles({"features": {"AGE": {"edges": [1.0], "counts": [5], "missing": 0}}})
