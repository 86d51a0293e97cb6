"""What each gate answers to a candidate, word for word: which are asked, whole evidence, rows, predictions, floor and gain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared import gates
from shared.model_yaml.gate_spec import Comparing, Slices
from tests.unit.gate_asking import ACCURACY, BARE, OFF, answer, changed, told
from tests.unit.test_gates import FULL, RULES, evidence_of, without


def test_the_gates_are_asked_in_one_order() -> None:
    always = ["enough_rows", "sane_predictions", "floor", "min_gain", "not_identical"]
    default = [*always[:2], "plausible", "no_overlap", "same_schema", *always[2:]]
    every = ["enough_rows", "sane_predictions", "plausible", "no_overlap", "same_schema"]
    every += ["floor", "min_gain", "not_identical", "guards", "slices"]
    assert [*gates.asked(RULES)] == default
    assert [*gates.asked(BARE)] == [*gates.asked(RULES, 1)] == always
    assert [*gates.asked(FULL)] == every
    judged = [result.gate for result in gates.judge(FULL, {}).results]
    assert judged == ["evidence_complete", *every, "holdout_budget"]
    assert [result.gate for result in gates.judge(RULES, {}).results] == ["evidence_complete", *default]
    assert [result.gate for result in gates.judge(RULES, {"v": 1}).results] == ["evidence_complete", *always]


@pytest.mark.parametrize(
    ("more", "gate"),
    [
        ({"sanity": replace(OFF, max_jump_percent=0.5)}, "plausible"),
        ({"sanity": replace(OFF, max_jump_percent=99.9)}, "plausible"),
        ({"sanity": replace(OFF, max_overlap_percent=99.9)}, "no_overlap"),
        ({"sanity": replace(OFF, schema="same")}, "same_schema"),
        ({"sanity": replace(OFF, schema="versioned")}, "same_schema"),
        ({"guards": {"mae": "1"}}, "guards"),
        ({"slices": Slices(columns=("SEX",))}, "slices"),
        ({"slices": Slices(where=("AGE > 1",))}, "slices"),
        ({"slices": Slices(depth=1)}, "slices"),
    ],
)
def test_one_entry_asks_for_one_gate_more(more: dict[str, Any], gate: str) -> None:
    assert {*gates.asked(replace(BARE, **more))} - {*gates.asked(BARE)} == {gate}


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (evidence_of(v=3), "v is 3, must be 1 or 2"),
        (evidence_of(v=None, metric="mae"), "v is None, must be 1 or 2; metric is 'mae', must be 'mse'"),
        (evidence_of(direction="higher"), "direction is 'higher', must be 'lower'"),
        (
            evidence_of(candidate={"value": 1.0, "error": "no score.py"}),
            "the candidate could not be scored: no score.py",
        ),
        (evidence_of(candidate={}, champion=None), "the candidate has no mse"),
        (without(evidence_of(), ("champion",)), "it does not say whether there is a champion"),
        (evidence_of(champion={"value": 3.0}), "the champion has no version"),
        (evidence_of(champion={"version": "3", "error": "gone"}), "champion 3 could not be scored: gone"),
        (evidence_of(champion={"version": "1"}), "the champion has no mse"),
        (evidence_of(candidate={}), "the candidate has no mse; the champion has no mse"),
        (evidence_of(gain={}), "the gain has no interval"),
        (evidence_of(gain={}, gain_error="few rows"), "the gain has no interval: few rows"),
        (
            evidence_of(mean=120.0, lower=30.0, candidate={"value": 3070.2}),
            "the gain 120 contradicts its bounds or the values that it is the difference of",
        ),
        (
            evidence_of(mean=120.0, lower=220.5),
            "the gain 120 contradicts its bounds or the values that it is the difference of",
        ),
    ],
)
def test_evidence_that_is_not_whole_says_what_it_lacks(evidence: dict[str, Any], why: str) -> None:
    assert told("evidence_complete", evidence, RULES) == ("hold", why, {})


@pytest.mark.parametrize("part", ["mean", "lower", "upper", "confidence"])
def test_a_gain_without_one_of_its_numbers_has_no_interval(part: str) -> None:
    assert answer("evidence_complete", changed(("gain", part), None)).why == "the gain has no interval"


@pytest.mark.parametrize("v", [1, 2])
def test_evidence_of_either_form_is_whole(v: int) -> None:
    assert answer("evidence_complete", evidence_of(v=v), RULES).passed


def test_whole_evidence_says_who_was_compared() -> None:
    both = "mse of candidate and champion 1 on the same rows"
    assert told("evidence_complete", evidence_of(), RULES) == ("pass", both, {})
    alone = evidence_of(champion=None, gain=None)
    assert answer("evidence_complete", alone, RULES).why == "mse of the candidate on the same rows"


@pytest.mark.parametrize(
    ("champion", "against", "why"),
    [
        ({"version": "1", "value": 3000.0}, "2", "it is about champion '1', but '2' serves"),
        ({"version": "1", "value": 3000.0}, "", "it is about champion '1', but 'none' serves"),
        (None, "2", "it is about champion 'none', but '2' serves"),
    ],
)
def test_evidence_about_another_champion_names_both(champion: Any, against: str, why: str) -> None:
    assert answer("evidence_complete", evidence_of(champion=champion), RULES, against=against).why == why


def test_a_gain_of_nothing_and_a_bound_on_the_gain_contradict_nothing() -> None:
    same = evidence_of(mean=0.0, lower=-5.0)
    assert answer("evidence_complete", same, RULES).passed
    sure = changed(("gain", "upper"), 30.0, evidence_of(mean=30.0, lower=30.0))
    assert answer("evidence_complete", sure, RULES).passed


def test_of_a_metric_that_is_better_when_higher_the_difference_is_the_other_way() -> None:
    about = {"metric": "accuracy", "direction": "higher", "candidate": {"value": 0.9}}
    better = evidence_of(mean=0.1, lower=0.05, champion={"version": "1", "value": 0.8}, **about)
    worse = evidence_of(mean=0.1, lower=0.05, champion={"version": "1", "value": 0.95}, **about)
    assert answer("evidence_complete", better, ACCURACY).passed
    assert not answer("evidence_complete", worse, ACCURACY).passed


def test_confidence_is_enough_at_what_the_spec_asks() -> None:
    weak = changed(("gain", "confidence"), 0.949)
    assert answer("evidence_complete", weak).why == "the gain's confidence is 0.949, must be at least 0.95"
    assert answer("evidence_complete", changed(("gain", "confidence"), 0.95)).passed


def test_rows_are_counted_and_where_there_are_units_those() -> None:
    rules = replace(RULES, min_rows=88)
    assert told("enough_rows", evidence_of(), rules) == (
        "pass",
        "holdout rows 88, must be at least 88",
        {"value": 88.0, "limit": 88.0},
    )
    assert told("enough_rows", evidence_of(rows=87), rules)[:2] == ("hold", "holdout rows 87, must be at least 88")
    assert answer("enough_rows", evidence_of(units=88), rules).why == "holdout rows 88, must be at least 88"
    repeated = told("enough_rows", evidence_of(rows=200, units=87), rules)
    assert repeated[:2] == ("hold", "holdout rows of different keys 87, must be at least 88")
    users = replace(rules, compare=Comparing(unit="USER"))
    assert answer("enough_rows", evidence_of(units=3), users).why == "holdout units of USER 3, must be at least 88"
    assert told("enough_rows", evidence_of(), users) == (
        "hold",
        "holdout units of USER not known, must be at least 88",
        {"limit": 88.0},
    )


@pytest.mark.parametrize(("rows", "passes"), [(0, False), (1, True)])
def test_one_row_is_asked_for_in_any_case(rows: int, passes: bool) -> None:
    assert answer("enough_rows", evidence_of(rows=rows), replace(RULES, min_rows=0)).passed is passes


@pytest.mark.parametrize(
    ("sanity", "expected"),
    [
        ({"not_finite": 0, "constant": False}, ("pass", "all predictions are finite and they differ", {})),
        ({"not_finite": 0, "constant": True}, ("hold", "the same prediction for every row", {})),
        ({"not_finite": 0}, ("hold", "nobody looked at the predictions", {})),
        ({"constant": False}, ("hold", "nobody looked at the predictions", {})),
        (
            {"not_finite": 1, "constant": False},
            ("hold", "1 predictions are no finite number, must be 0", {"not_finite": 1}),
        ),
    ],
)
def test_predictions_are_sane_or_it_is_said_how_not(sanity: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert told("sane_predictions", evidence_of(sanity=sanity), RULES) == expected


def test_the_floor_is_kept_at_the_floor() -> None:
    numbers = {"value": 5134.78, "limit": 5134.78}
    at_floor = evidence_of(candidate={"value": 5134.78}, champion=None)
    assert told("floor", at_floor, RULES) == ("pass", "mse 5134.78, must be at most 5134.78", numbers)
    assert not answer("floor", evidence_of(candidate={"value": 5134.79}), RULES).passed
    assert told("floor", {}, RULES) == ("hold", "mse not known, must be at most 5134.78", {"limit": 5134.78})
    higher = {"candidate": {"value": 0.7}}
    assert told("floor", higher, ACCURACY)[:2] == ("pass", "accuracy 0.7, must be at least 0.7")
    assert told("floor", {"candidate": {"value": 0.69}}, ACCURACY)[0] == "hold"


def test_a_gain_is_told_with_its_bound_and_the_limit() -> None:
    rules = replace(RULES, minimum_gain=29.5)
    numbers = {"gain": 120.0, "lower": 30.0, "limit": 29.5}
    assert told("min_gain", evidence_of(), rules) == ("pass", "gain 120, lower bound 30, must be above 29.5", numbers)
    assert told("min_gain", evidence_of(lower=29.5), rules)[0] == "hold"
    unknown = ("hold", "the gain over the champion is not known", {})
    assert told("min_gain", changed(("gain", "lower"), None), RULES) == unknown
    assert told("min_gain", changed(("gain", "mean"), None), RULES) == unknown


@pytest.mark.parametrize(
    ("identical", "answered", "why"),
    [
        (False, "pass", "it predicts otherwise than the champion"),
        (True, "hold", "the same predictions as the champion"),
        (None, "hold", "nobody compared predictions"),
        (0, "hold", "nobody compared predictions"),
    ],
)
def test_other_predictions_than_the_champions_must_be_known_to_be_others(
    identical: object, answered: str, why: str
) -> None:
    assert told("not_identical", changed(("sanity", "identical"), identical)) == (answered, why, {})


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("min_gain", "no champion to compare with: the floor decides"),
        ("not_identical", "no champion to compare with"),
        ("plausible", "no champion to jump from"),
        ("same_schema", "no champion to compare columns with"),
        ("guards", "no champion to fall behind"),
        ("slices", "no champion to lose against"),
        ("holdout_budget", "no champion to compare with: nothing is spent"),
    ],
)
def test_where_nothing_serves_a_comparison_passes_and_says_so(gate: str, why: str) -> None:
    nothing = {"champion": None, "sanity": {}, "gain": {}, "slices": [], "guards": {}}
    assert told(gate, nothing) == ("pass", why, {})
    assert not answer(gate, {"sanity": {}}).passed
