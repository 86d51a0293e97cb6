"""The attack finds the boundary where it is: on models whose nearest other decision is known by geometry."""

from __future__ import annotations

import random
from statistics import pstdev
from typing import Any

import pytest

from shared.runs.check_one import Row
from shared.runs.checks import adversarial
from tests.known import Known, value

DRAW = random.Random(5)
ROWS: list[Row] = [{"A": DRAW.gauss(0, 2), "B": DRAW.gauss(10, 5), "WORD": "x", "Y": place % 2} for place in range(60)]
SPREADS = [pstdev(row[column] for row in ROWS) for column in ("A", "B")]


def above_ten(row: Row) -> float:
    """A line as boundary: A + B = 10."""
    return 1.0 if row["A"] + row["B"] > 10 else 0.0


def margin(row: Row) -> float:
    """The distance to that line in standard deviations: |wx + b| / |w|, with w by the spreads."""
    return abs(row["A"] + row["B"] - 10) / sum(spread**2 for spread in SPREADS) ** 0.5


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return adversarial.check(Known(ROWS, above_ten, rows="6", queries="400", distance="0.6"))


def test_the_attack_comes_near_the_boundary_and_never_claims_to_be_nearer_than_it_is(found: dict[str, Any]) -> None:
    nearest, margins = found["attachments"]["nearest"], [margin(ROWS[place]) for place in range(0, 60, 10)]

    assert value(found, "reached") == 1.0
    for one, exact in zip(nearest, margins, strict=True):
        assert exact * 0.999 <= one["distance"] <= exact * 1.2 + 0.02
        assert one["row"]["WORD"] == "x"


def test_what_is_within_the_distance_is_counted_with_bounds(found: dict[str, Any]) -> None:
    within = sum(one["distance"] <= 0.6 for one in found["attachments"]["nearest"])

    assert 0 < within < 6
    assert value(found, "flipped") == pytest.approx(within / 6)
    assert value(found, "flipped", "lower") < within / 6 < value(found, "flipped", "upper")
    assert value(found, "queries") <= 400


def test_the_same_seed_finds_the_same(found: dict[str, Any]) -> None:
    assert adversarial.check(Known(ROWS, above_ten, rows="6", queries="400", distance="0.6")) == found


def test_more_queries_than_the_budget_are_not_asked() -> None:
    asked = 0

    def counted(row: Row) -> float:
        nonlocal asked
        asked += 1
        return above_ten(row)

    adversarial.check(Known(ROWS, counted, rows="2", queries="70"))

    assert asked == len(ROWS) + 2 * 70  # each row once without an attack


def test_whole_numbers_stay_whole_and_inside_their_range() -> None:
    rows = [{"N": place, "Y": place % 2} for place in range(30)]
    found = adversarial.check(Known(rows, lambda row: float(row["N"] > 14), rows="5", queries="200"))

    nearest = {one["row"]["N"] for one in found["attachments"]["nearest"]}
    assert nearest <= {14, 15}
    assert all(isinstance(number, int) for number in nearest)


def test_a_number_is_turned_over_where_it_moves_by_so_many_standard_deviations() -> None:
    rows = [{"X": float(place), "Y": float(place)} for place in range(40)]
    found = adversarial.check(Known(rows, lambda row: 3 * row["X"], rows="4", queries="300", change="0.5"))

    assert value(found, "median_distance") == pytest.approx(0.5, rel=0.02)


def test_an_attack_that_finds_nothing_measures_nothing() -> None:
    with pytest.raises(ValueError, match=r"no other decision was found for any of 3 rows, by up to 100 queries each"):
        adversarial.check(Known(ROWS, lambda row: 1.0, rows="3", queries="100"))


def test_words_alone_cannot_be_attacked() -> None:
    rows = [{"WORD": "a", "Y": 0}, {"WORD": "b", "Y": 1}]
    with pytest.raises(ValueError, match="no feature is a number"):
        adversarial.check(Known(rows, lambda row: 1.0))
