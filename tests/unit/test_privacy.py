"""Membership inference finds what a model remembers, and nothing where it remembers nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.runs.check_one import Row
from shared.runs.checks import privacy
from tests.known import Known, Model, value


def drawn(seed: int, count: int) -> list[Row]:
    draw = random.Random(seed)
    return [{"ID": f"{seed}-{place}", "X": draw.random(), "Y": int(draw.random() < 0.5)} for place in range(count)]


INSIDE, OUTSIDE = drawn(1, 400), drawn(2, 300)


def checked(model: Model, **more: Any) -> dict[str, Any]:
    return privacy.check(Known(OUTSIDE, model, trained=INSIDE, **more))


def test_a_model_that_knows_its_rows_by_heart_gives_them_all_away() -> None:
    remembered = {row["ID"]: row["Y"] for row in INSIDE}
    found = checked(lambda row: 0.01 + 0.98 * remembered.get(row["ID"], 0.5))

    assert value(found, "advantage") == 1.0
    assert value(found, "auc") == 1.0
    assert value(found, "advantage", "lower") > 0.95


def test_a_model_that_remembers_nothing_gives_nobody_an_advantage() -> None:
    found = checked(lambda row: 0.2 + 0.6 * row["X"])

    assert value(found, "advantage", "lower") < 0 < value(found, "advantage", "upper")
    assert value(found, "auc", "lower") < 0.5 < value(found, "auc", "upper")


def test_half_of_the_rows_by_heart_is_an_advantage_of_a_half() -> None:
    remembered = {row["ID"]: row["Y"] for row in INSIDE if int(row["ID"].split("-")[1]) % 4 < 2}
    found = checked(lambda row: remembered.get(row["ID"], 0.5))

    assert value(found, "advantage") == 0.5
    assert value(found, "auc") == 0.75  # half are surely nearer, half are equal


def test_numbers_are_told_by_their_error() -> None:
    inside, outside = ([{**row, "Y": 7.5 + row["X"]} for row in rows] for rows in (INSIDE, OUTSIDE))
    known = {row["ID"] for row in inside}
    model = Known(outside, lambda row: 7.5 + row["X"] + (row["ID"] not in known), trained=inside)

    assert value(privacy.check(model), "advantage") == 1.0


def test_chances_of_several_classes_are_looked_up_by_the_true_one() -> None:
    assert privacy._chance([0.1, 0.7, 0.2], 2) == 0.2
    with pytest.raises(ValueError, match=r"1\.5 is no probability"):
        privacy._chance(1.5, 1)


def test_rows_that_nobody_knows_measure_nothing() -> None:
    with pytest.raises(ValueError, match="it is not known which rows it was trained on"):
        privacy.check(Known(OUTSIDE, lambda row: 0.5))
    with pytest.raises(ValueError, match="5 training and 300 holdout rows, 20 of each are needed"):
        privacy.check(Known(OUTSIDE, lambda row: 0.5, trained=INSIDE[:5]))
