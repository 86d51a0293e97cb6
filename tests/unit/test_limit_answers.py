"""How rules read and keep limits, what a step of a roll-out counts, and what a metric can be."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shared import gates
from shared.gating.metric_facts import (
    COUNTED,
    METRICS,
    OF_NUMBERS,
    OF_TWO,
    PER_UNIT,
    RANKED,
    best,
    facts,
    is_custom,
    worst,
)
from shared.gating.verdict import GateResult, Verdict, at, at_least, at_most, is_number, number, text
from shared.spec import Gates, Rollout


@pytest.mark.parametrize(
    ("plan", "requests", "errors", "expected"),
    [
        ((10, 1), 100, 1, ("pass", "1 errors of 100 requests", {"min_requests": 10})),
        ((10, 1), 10, 0, ("pass", "0 errors of 10 requests", {"min_requests": 10})),
        ((10, 1), 9, 0, ("hold", "9 requests, at least 10 are needed", {"min_requests": 10})),
        ((0, 1), 0, 0, ("hold", "0 requests, at least 1 are needed", {"min_requests": 0})),
        ((0, 1), 1, 0, ("pass", "0 errors of 1 requests", {"min_requests": 0})),
        ((0, 60), 1, 1, ("fail", "1 errors of 1 requests, at most 60 % may fail", {"min_requests": 0, "max_error_percent": 60})),
        ((10, 20), 3, 3, ("fail", "3 errors of 3 requests, at most 20 % may fail", {"min_requests": 10, "max_error_percent": 20})),
        ((10, 20), 3, 2, ("hold", "3 requests, at least 10 are needed", {"min_requests": 10})),
        ((10, 20), 9, 9, ("fail", "9 errors of 9 requests, at most 20 % may fail", {"min_requests": 10, "max_error_percent": 20})),
        ((10, math.nan), 100, 0, ("fail", "0 errors of 100 requests, at most nan % may fail", None)),
    ],
)  # fmt: skip
def test_a_rollout_step_says_what_it_counted(
    plan: tuple[int, float], requests: int, errors: int, expected: tuple[str, str, dict[str, float] | None]
) -> None:
    found = gates.rollout_step(
        Rollout(min_requests=plan[0], max_error_percent=plan[1]), requests=requests, errors=errors
    )
    answered, why, numbers = expected
    assert (found.gate, found.answer, found.why) == ("rollout_step", answered, why)
    if numbers is not None:
        assert found.numbers == {"requests": requests, "errors": errors, **numbers}


@pytest.mark.parametrize(("requests", "errors"), [(5, 6), (5, -1), (-1, -1), (math.inf, 0), (math.nan, 0)])
def test_counts_that_cannot_be_are_counted_again(requests: Any, errors: int) -> None:
    found = gates.rollout_step(Rollout(min_requests=1), requests=requests, errors=errors)
    why = f"{errors} errors of {requests} requests cannot be: counted again next time"
    assert found == GateResult("rollout_step", "hold", why, {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (99999.5, "99999.5"),
        (1e5, "100000"),
        (123456.7, "123457"),
        (-123456.7, "-123457"),
        (1234567.0, "1234567"),
        (0.12345678, "0.123457"),
    ],
)
def test_numbers_are_told_with_six_digits_and_large_ones_whole(value: float, words: str) -> None:
    assert text(value) == words


@pytest.mark.parametrize("wrong", [True, False, None, "1", [], math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_finite_number_is_none(wrong: object) -> None:
    assert not is_number(wrong)
    assert number({"a": {"b": wrong}}, "a", "b") is None


def test_a_number_is_read_by_its_path_and_nothing_where_the_path_ends_early() -> None:
    assert number({"a": {"b": 3}}, "a", "b") == 3.0
    assert isinstance(number({"a": 3}, "a"), float)
    assert at({"a": "text"}, "a", "b") is None
    assert at({"a": {"b": None}}, "a", "b", "c") is None


@pytest.mark.parametrize(("value", "most", "least"), [(1.0, True, False), (2.0, True, True), (3.0, False, True)])
def test_limits_are_kept_at_the_limit_and_one_that_is_no_number_never(value: float, most: bool, least: bool) -> None:
    assert (at_most("g", "w", value, 2.0).passed, at_least("g", "w", value, 2.0).passed) == (most, least)
    assert at_most("g", "w", value, 2.0).numbers == {"value": value, "limit": 2.0}
    for limit in (math.inf, -math.inf, math.nan):
        assert not at_most("g", "w", value, limit).passed
        assert not at_least("g", "w", value, limit).passed


def test_a_verdict_passes_with_all_its_answers_and_tells_the_first_that_does_not() -> None:
    good, bad, worse = (GateResult(*each) for each in (("a", "pass", ""), ("b", "hold", ""), ("c", "fail", "")))
    assert Verdict((good,)).passed
    assert Verdict((good,)).first_failure is None
    assert not Verdict((good, worse)).passed
    assert Verdict((good, bad, worse)).first_failure == bad
    assert not Verdict(()).passed
    assert GateResult("a", "pass", "").numbers == {}


INF = math.inf


@pytest.mark.parametrize(
    ("names", "better", "least", "most"),
    [
        (("mse", "mae", "rmse", "wape", "log_loss"), "lower", 0.0, INF),
        (("brier", "calibration_error"), "lower", 0.0, 1.0),
        (("accuracy", "macro_recall", "auc", "average_precision", "precision_at_k", "ndcg"), "higher", 0.0, 1.0),
        (("profit.py", "unknown"), None, -INF, INF),
    ],
)
def test_what_a_metric_can_be_at_all(names: tuple[str, ...], better: Any, least: float, most: float) -> None:
    for name in names:
        found = facts(name)
        assert (found.better, found.least, found.most) == (better, least, most)
        low, high = (Gates(metric=name, direction=way, floor=1.0) for way in ("lower", "higher"))
        assert (best(low), worst(low), best(high), worst(high)) == (least, most, most, least)


WORDS = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "rmse": "root of the mean squared error",
    "wape": "sum of the absolute errors over that of the absolute true values",
    "accuracy": "share of rows predicted right",
    "macro_recall": "mean over classes of the share found",
    "log_loss": "log loss of the probability of what came true",
    "brier": "mean squared error of the probability of 1",
    "calibration_error": "mean difference of probability and frequency in ten bins",
    "auc": "area under the ROC curve of the score",
    "average_precision": "mean precision over the rows that are 1, by falling score",
    "precision_at_k": "share of wanted items among each unit's first k",
    "ndcg": "normalised discounted cumulated gain of each unit's first k",
}


def test_every_metric_is_told_in_words() -> None:
    """`baton gates explain` reads them out."""
    assert {name: known.words for name, known in METRICS.items()} == WORDS
    assert facts("profit.py").words == "own metric"
    assert (is_custom("profit.py"), is_custom("mse"), is_custom("py.mse")) == (True, False, False)


def test_metrics_are_of_kinds_that_need_something() -> None:
    kinds = {"per unit": PER_UNIT, "ranked": RANKED, "of two": OF_TWO, "counted": COUNTED, "numbers": OF_NUMBERS}
    assert kinds == {
        "numbers": ("mse", "mae", "rmse", "wape"),
        "per unit": ("precision_at_k", "ndcg"),
        "ranked": ("auc", "average_precision"),
        "of two": ("auc", "average_precision", "brier", "calibration_error"),
        "counted": ("accuracy", "macro_recall"),
    }
