"""What the gates of sanity answer, word for word: jumps, overlap and other columns."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.unit.gate_asking import answer, changed, told


def jump(mean: float, champion: float = 1000.0) -> dict[str, Any]:
    return {"champion": {"version": "1", "value": champion}, "gain": {"mean": mean}}


def test_a_jump_is_told_in_percent_of_the_champions_value() -> None:
    assert told("plausible", jump(400.0)) == (
        "pass",
        "better by 40 %, at most 40 % is believed",
        {"jump_percent": 40.0, "limit": 40},
    )
    assert told("plausible", jump(401.0)) == (
        "hold",
        "mse is better by 40.1 % of the champion's, at most 40 % is believed: look for the target among the features",
        {"jump_percent": 40.1, "limit": 40},
    )
    assert answer("plausible", jump(401.0, -1000.0)).numbers["jump_percent"] == 40.1
    assert answer("plausible", jump(-900.0)).passed


@pytest.mark.parametrize(("mean", "passes", "percent"), [(0.0, True, 0.0), (-1.0, True, 0.0), (1e-9, False, 1e12)])
def test_any_gain_over_nothing_is_a_jump_without_end(mean: float, passes: bool, percent: float) -> None:
    found = answer("plausible", jump(mean, 0.0))
    assert (found.passed, found.numbers["jump_percent"]) == (passes, percent)


@pytest.mark.parametrize("document", [jump(math.nan), jump(1.0, math.inf)])
def test_a_jump_that_is_not_known_is_not_believed(document: dict[str, Any]) -> None:
    assert told("plausible", document) == ("hold", "the gain over the champion is not known", {})


@pytest.mark.parametrize(
    ("rows", "overlap", "share"),
    [(200, 10, 5.0), (200, 0, 0.0), (200, 200, 100.0), (1, 1, 100.0), (200, -1, None), (200, 201, None), (0, 0, None)],
)
def test_overlap_is_a_share_of_the_holdouts_rows(rows: int, overlap: int, share: float | None) -> None:
    what = "percent of holdout rows that training saw"
    found = told("no_overlap", {"rows": rows, "sanity": {"overlap": overlap}})
    if share is None:
        assert found == ("hold", f"{what} not known, must be at most 5", {"limit": 5})
    else:
        answered = "pass" if share <= 5 else "hold"
        assert found == (answered, f"{what} {share:g}, must be at most 5", {"value": share, "limit": 5})


@pytest.mark.parametrize(
    ("schema", "answered", "why"),
    [
        ([], "pass", "the champion's columns"),
        ((), "pass", "the champion's columns"),
        (None, "hold", "nobody compared the columns with the champion's"),
        ("", "hold", "nobody compared the columns with the champion's"),
        (["A is gone", "B is new"], "hold", "other columns than the champion's: A is gone; B is new"),
        (["x" * 301], "hold", f"other columns than the champion's: {'x' * 300}"),
    ],
)
def test_other_columns_are_named(schema: object, answered: str, why: str) -> None:
    assert told("same_schema", changed(("sanity", "schema"), schema)) == (answered, why, {})
