"""Chances and limits against independently computed values."""

from __future__ import annotations

import pytest
from scipy import stats

from shared.data.significance import chi_square_limit, chi_square_tail, holm


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 24])
def test_the_chi_square_tail_is_scipys(degrees: int) -> None:
    for value in (0.0, 0.5, 3.0, 21.666, 80.0):
        assert chi_square_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-6])
def test_the_chi_square_limit_is_scipys(alpha: float) -> None:
    assert chi_square_limit(alpha, 9) == pytest.approx(stats.chi2.isf(alpha, 9), rel=1e-7)


def test_holms_adjustment_rejects_two_of_the_known_five() -> None:
    # decisions.md, known value 13: Holm rejects 2 at 0.05.
    adjusted = holm([0.001, 0.01, 0.02, 0.04, 0.2])
    assert sum(p <= 0.05 for p in adjusted) == 2
