"""Files in which nothing changed raise hardly any alarm, and profiles decide as all their rows would.

`BATON_DRIFT` multiplies the number of draws (1: half a minute); `python -m tests.drift` draws as many as are asked for.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from tests.drift.rates import Pair, rate_of
from tests.drift.rows import drifted
from tests.drift.rows import tests_of as found_of
from tests.drift.shapes import SHAPES

TIMES = int(os.environ.get("BATON_DRIFT", "1"))
DRAWS = {500: 30 * TIMES, 5_000: 8 * TIMES, 50_000: TIMES}
RATE = 0.01
SURPRISE = 0.001


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_twenty_unchanged_columns_raises_an_alarm_in_one_of_a_hundred_at_most(shape: str) -> None:
    rates = [rate_of(shape, rows, draws) for rows, draws in DRAWS.items()]
    alarms, draws = sum(rate.alarms for rate in rates), sum(rate.draws for rate in rates)
    assert stats.binom.sf(alarms - 1, draws, RATE) > SURPRISE, rates


@pytest.mark.parametrize("shape", SHAPES)
def test_profiles_decide_as_all_rows_would(shape: str) -> None:
    """A true share of 99 % of equal decisions would give fewer of them than this once in a thousand times."""
    rates = [rate_of(shape, rows, draws, seed=7, changed=True) for rows, draws in DRAWS.items()]
    equal, draws = sum(rate.equal for rate in rates), sum(rate.draws for rate in rates)
    assert stats.binom.cdf(equal, draws, 1 - RATE) > SURPRISE, rates


def test_all_rows_call_a_changed_file_drift_and_an_unchanged_one_not() -> None:
    assert [Pair("few categories", 500, (0,), changed).by_rows() for changed in (True, False)] == [True, False]


def test_one_significant_test_is_drift_if_it_is_large_and_survives_the_correction() -> None:
    calm = [(0.5, 0.01, 0.1)] * 9
    assert drifted([*calm, (0.0009, 0.2, 0.1)])
    assert not drifted([*calm, (0.0011, 0.2, 0.1)])
    assert not drifted([*calm, (0.0009, 0.05, 0.1)])


def test_all_rows_are_judged_as_scipy_judges_them() -> None:
    pair = Pair("heavy-tailed", 500, (0,), changed=True)
    for before, now in pair.columns():
        (missing, _, _), (values, size, _) = found_of(before, now)
        table = [[before.missing, before.present], [now.missing, now.present]]
        assert missing == pytest.approx(stats.chi2_contingency(table, correction=True).pvalue)
        here, there = (np.concatenate(column.batches) for column in (before, now))
        assert (values, size) == pytest.approx(stats.ks_2samp(here, there, method="asymp")[:2][::-1])
