"""Files in which nothing changed raise hardly any alarm, and profiles decide as all their rows would.

`BATON_DRIFT` multiplies the number of draws (1: half a minute); `python -m tests.drift` draws as many as are asked for.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from shared.data.comparing import compare
from tests.drift.rates import false_alarms
from tests.drift.rows import drifted_by_rows, file_of
from tests.drift.shapes import SHAPES, profile_of

TIMES = int(os.environ.get("BATON_DRIFT", "1"))
DRAWS = {500: 30 * TIMES, 5_000: 8 * TIMES, 50_000: TIMES}
RATE = 0.01
SURPRISE = 0.001


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_twenty_unchanged_columns_raises_an_alarm_in_one_of_a_hundred_at_most(shape: str) -> None:
    rates = [false_alarms(shape, rows, draws) for rows, draws in DRAWS.items()]
    alarms, draws = sum(rate.alarms for rate in rates), sum(rate.draws for rate in rates)
    assert stats.binom.sf(alarms - 1, draws, RATE) > SURPRISE, rates


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "constant"])
def test_profiles_decide_as_all_rows_would(shape: str) -> None:
    """A true share of 99 % of equal decisions would give fewer of them than this once in a thousand times."""
    equal, draws = 0, 0
    for rows, times in DRAWS.items():
        for number in range(times):
            random = np.random.default_rng([7, rows, number])
            before, now = file_of(shape, random, rows), file_of(shape, random, rows, strength=random.uniform(0, 0.4))
            found = compare(*(profile_of(shape, *file) for file in (before, now)))
            equal += any(change.drifted for change in found) == drifted_by_rows(shape, before, now)
            draws += 1
    assert stats.binom.cdf(equal, draws, 1 - RATE) > SURPRISE, f"{equal} of {draws}"
