"""What each gate answers to a candidate, word for word: the sentence, its numbers, and where exactly it begins to hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from shared import gates
from shared.gating.guard_gates import holm, slices
from shared.gating.holdout_budget import FINGERPRINT, REMEMBERED, Looks, budget_left, spend
from shared.gating.metric_facts import COUNTED, METRICS, OF_TWO, PER_UNIT, RANKED, best, facts, is_custom, worst
from shared.gating.verdict import GateResult, Verdict, at, at_least, at_most, is_number, number, text
from shared.model_yaml.gate_spec import Comparing, Holdout, Sanity, Slices
from shared.spec import Gates, Rollout
from tests.unit.test_gates import FULL, RULES, a_slice, evidence_of, full_evidence, without

ANY_SLICE = replace(FULL, slices=Slices())  # nothing is declared, so what is told is what was looked at
OFF = Sanity(max_jump_percent=0, max_overlap_percent=100, schema="any")
BARE = replace(RULES, sanity=OFF)
ACCURACY = Gates(metric="accuracy", direction="higher", floor=0.7, guards={"log_loss": "0.1"})


def answer(gate: str, evidence: dict[str, Any], rules: Gates = FULL, **more: Any) -> GateResult:
    if gate == "slices" and rules is FULL:
        bare = slices(ANY_SLICE, evidence)
        assert bare.gate == "slices"
        return bare
    (found,) = [one for one in gates.judge(rules, evidence, **{"share": 0.5, **more}).results if one.gate == gate]
    return found


def told(gate: str, evidence: dict[str, Any], rules: Gates = FULL, **more: Any) -> tuple[str, str, dict[str, float]]:
    found = answer(gate, evidence, rules, **more)
    return found.answer, found.why, dict(found.numbers)


def changed(path: tuple[str, ...], value: object, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
    document = full_evidence() if evidence is None else evidence
    name, *below = path
    return {**document, name: changed((*below,), value, document[name]) if below else value}


# Which gates are asked


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


# The evidence itself


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


# Rows, predictions, floor and gain


def test_rows_are_counted_and_where_there_are_units_those() -> None:
    rules = replace(RULES, min_rows=88)
    assert told("enough_rows", evidence_of(), rules) == (
        "pass",
        "holdout rows 88, must be at least 88",
        {"value": 88.0, "limit": 88.0},
    )
    assert told("enough_rows", evidence_of(rows=87), rules)[:2] == ("hold", "holdout rows 87, must be at least 88")
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


# What is not believed


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


# Guards and slices


def guarded(mae: dict[str, Any], latency: dict[str, Any]) -> dict[str, Any]:
    return full_evidence(guards={"mae": mae, "latency": latency})


def sure(lower: float) -> dict[str, Any]:
    return {"lower": lower, "confidence": 0.95}


def test_guards_that_are_kept_are_told_with_their_margins() -> None:
    assert told("guards", guarded(sure(-1.5), sure(3.0))) == (
        "pass",
        "mae may be worse by 1.5, at most 2 is allowed; latency may be worse by 0, at most 50 is allowed",
        {"mae_lower": -1.5, "mae_margin": 2.0, "latency_lower": 3.0, "latency_margin": 50.0},
    )
    assert answer("guards", guarded(sure(0.0), sure(0.0))).why.startswith("mae may be worse by 0, at most 2")


def test_guards_that_are_lost_are_told_without_those_that_are_kept() -> None:
    first = {"mae_lower": -2.0, "mae_margin": 2.0, "latency_lower": -49.9, "latency_margin": 50.0}
    assert told("guards", guarded(sure(-2.0), sure(-49.9))) == (
        "hold",
        "mae may be worse by 2, at most 2 is allowed",
        first,
    )
    both = "mae may be worse by 3, at most 2 is allowed; latency may be worse by 60, at most 50 is allowed"
    assert answer("guards", guarded(sure(-3.0), sure(-60.0))).why == both


@pytest.mark.parametrize(
    ("mae", "why"),
    [
        ({}, "mae was not compared"),
        ({"error": "no such column"}, "mae was not compared: no such column"),
        ({"lower": 1.0}, "mae was not compared"),
        ({"lower": 1.0, "confidence": 0.949}, "mae was not compared"),
        ({"lower": math.nan, "confidence": 0.95}, "mae was not compared"),
    ],
)
def test_a_guard_that_was_not_compared_does_not_keep_the_next_from_being_told(mae: dict[str, Any], why: str) -> None:
    lost = "; latency may be worse by 50, at most 50 is allowed"
    numbers = {"latency_lower": -50.0, "latency_margin": 50.0}
    assert told("guards", guarded(mae, sure(-50.0))) == ("hold", f"{why}{lost}", numbers)


@pytest.mark.parametrize(
    ("chances", "rejected"),
    [
        ([], []),
        ([0.05], [True]),
        ([0.0501], [False]),
        ([0.025, 0.05], [True, True]),
        ([0.05, 0.025], [True, True]),
        ([0.026, 0.026], [False, False]),
        ([0.2, 0.04, 0.01, 0.02, 0.001], [False, False, True, False, True]),
        ([0.3, 0.01, 0.03], [False, True, False]),
    ],
)
def test_holm_compares_the_smallest_with_the_level_over_all_that_are_left(
    chances: list[float], rejected: list[bool]
) -> None:
    assert holm(chances, 0.05) == rejected


def sliced(*told_of: Any) -> dict[str, Any]:
    return full_evidence(slices=[*told_of])


def test_slices_that_lose_nothing_are_counted() -> None:
    expected = ("pass", "of 2 slices none declared is shown to be worse", {})
    assert told("slices", sliced(a_slice("A"), a_slice("B", p=0.06))) == expected
    assert told("slices", full_evidence(slices=(a_slice("A"), a_slice("B")))) == expected


def test_slices_that_lose_are_told_with_gain_chance_and_rows() -> None:
    worse = sliced(a_slice("A", p=0.01), a_slice("B", p=0.0, gain=-7.25), a_slice("C", rows=99))
    assert told("slices", worse) == (
        "hold",
        "shown to be worse in A (gain -5, p 0.01, 120 rows); B (gain -7.25, p 0, 120 rows)"
        "; not judged for too few rows: C",
        {"worse": 2.0},
    )


@pytest.mark.parametrize("nothing", [None, [], (), "A", {"A": 1}])
def test_without_a_slice_nothing_was_looked_at(nothing: object) -> None:
    assert told("slices", full_evidence(slices=nothing)) == ("hold", "no slice was looked at", {})


@pytest.mark.parametrize("chance", [None, -0.01, 1.01, "0.5"])
def test_a_slice_without_a_chance_was_not_compared(chance: object) -> None:
    assert told("slices", sliced(a_slice("A"), a_slice("B", p=chance))) == ("hold", "a slice was not compared", {})


@pytest.mark.parametrize("chance", [0.2, 1])
def test_a_chance_may_be_any_share(chance: float) -> None:
    assert answer("slices", sliced(a_slice("A", p=chance))).passed


DECLARED = replace(FULL, slices=Slices(columns=("SEX", "AGE"), where=("BMI > 30", "BMI < 20"), depth=1))
LOOKED_AT = [a_slice(name) for name in ("SEX = 1", "AGE = 20", "AGE = 30", "BMI > 30", "BMI < 20")]


@pytest.mark.parametrize(
    ("looked_at", "missing"),
    [
        ([a_slice("BMI")], "values of SEX; values of AGE; BMI > 30; BMI < 20; the worst slice"),
        ([*LOOKED_AT[1:], a_slice("f", found=True)], "values of SEX"),
        ([*LOOKED_AT[:1], *LOOKED_AT[3:], a_slice("SEXAGE = 1", found=True)], "values of AGE"),
        ([*LOOKED_AT[:4], a_slice("f", found=True), "BMI < 20"], "BMI < 20"),
        (LOOKED_AT, "the worst slice"),
        ([*LOOKED_AT, a_slice("f", found=1)], "the worst slice"),
    ],
)
def test_a_slice_that_is_asked_for_must_have_been_looked_at(looked_at: list[Any], missing: str) -> None:
    assert told("slices", sliced(*looked_at), DECLARED) == ("hold", f"asked for and not looked at: {missing}", {})


def test_what_is_asked_for_and_was_looked_at_passes() -> None:
    assert answer("slices", sliced(*LOOKED_AT, a_slice("worst", found=True)), DECLARED).passed
    assert answer("slices", sliced(*LOOKED_AT), replace(DECLARED, slices=replace(DECLARED.slices, depth=0))).passed


def test_slices_that_could_not_be_compared_say_why() -> None:
    error = {"slice": "A = 1", "error": "only 60 slices are"}
    found = answer("slices", sliced(a_slice("A"), error, error | {"slice": "B"}))
    assert found.why == "a slice was not compared: A = 1, only 60 slices are; B, only 60 slices are"


def test_what_is_no_slice_was_not_compared() -> None:
    assert answer("slices", sliced(a_slice("A"), "B")).why == "a slice was not compared"


@pytest.mark.parametrize(
    ("more", "judged"),
    [
        ({"rows": 100}, True),
        ({"rows": 99}, False),
        ({"rows": None}, True),
        ({"positives": 30}, True),
        ({"positives": 29}, False),
        ({"positives": "many"}, True),
        ({"rows": 99, "positives": 30}, False),
    ],
)
def test_a_slice_is_judged_from_the_stated_rows_and_positives_on(more: dict[str, Any], judged: bool) -> None:
    found = answer("slices", sliced(a_slice("A") | more))
    few = "" if judged else "; not judged for too few rows: A"
    assert found.why == f"of {int(judged)} slices none declared is shown to be worse{few}"


def test_slices_that_are_not_judged_are_all_named() -> None:
    found = answer("slices", sliced(a_slice("A", rows=1), a_slice("B"), a_slice("C", rows=2)))
    assert found.why == "of 1 slices none declared is shown to be worse; not judged for too few rows: A, C"


def test_a_slice_that_says_little_of_itself_is_told_with_noughts() -> None:
    bare = {"slice": "A", "p_worse": 0.0}
    assert answer("slices", sliced(bare)).why == "shown to be worse in A (gain 0, p 0, 0 rows)"


def test_a_found_slice_that_loses_is_told_and_a_declared_one_beside_it_holds() -> None:
    found = a_slice("BMI > 30", p=0.001, found=True)
    told_of = "of 1 slices none declared is shown to be worse, but the found slice BMI > 30 (gain -5, p 0.001, 120 rows): look at it"
    assert told("slices", sliced(found)) == ("pass", told_of, {})
    assert answer("slices", sliced(found, a_slice("A", p=0.0))).why.startswith("shown to be worse in BMI > 30")


def test_a_long_answer_is_cut() -> None:
    worse = [a_slice(f"slice number {number}", p=0.0) for number in range(50)]
    few = [a_slice(f"slice number {number}", rows=1) for number in range(100)]
    errors = [{"slice": f"slice number {number}", "error": "only 60 slices are"} for number in range(60)]
    many = replace(DECLARED, slices=Slices(where=tuple(f"BMI > {number}" for number in range(300))))
    assert len(answer("slices", sliced(*worse)).why) == 1500
    assert len(answer("slices", sliced(*errors)).why) == 1500
    assert len(answer("slices", sliced(a_slice("A")), many).why) == 1500
    assert len(answer("slices", sliced(*few)).why) == 1500


# The error budget of a holdout


def chance(p: object, share: float | None = 0.5, **more: Any) -> tuple[str, str, dict[str, float]]:
    found = budget_left(FULL, {"champion": {}, "gain": {"p": p}, "holdout": "ab", **more}, share)
    assert found.gate == "holdout_budget"
    return found.answer, found.why, dict(found.numbers)


def test_a_gain_is_paid_for_to_the_last_of_its_share() -> None:
    rules = {"p": 0.025, "level": 0.025, "share": 0.5}
    assert chance(0.025) == ("pass", "such a gain by chance: p 0.025, at most 0.025 may be spent now", rules)
    assert chance(0.0251)[0] == "hold"
    assert chance(0.05, 1)[0] == "pass"
    assert chance(0, 0)[0] == "pass"
    assert chance(1.0, 1)[0] == "hold"
    assert budget_left(replace(FULL, holdout=Holdout(1.0)), {"gain": {"p": 1}, "holdout": "a"}, 1.0).passed


@pytest.mark.parametrize("share", [None, -0.01, 1.01, math.nan])
def test_a_share_that_is_none_was_not_counted(share: float | None) -> None:
    assert chance(0.0, share) == ("hold", "nobody counted how often these holdout rows were used", {})
    assert chance(0.0, holdout="")[1] == "nobody counted how often these holdout rows were used"


@pytest.mark.parametrize("p", [None, -0.01, 1.01, "0", math.nan])
def test_a_chance_that_is_none_is_not_known(p: object) -> None:
    assert chance(p) == ("hold", "the chance of such a gain is not known", {})


def look(holdout: str, rows: float = 100, fresh: float = 0) -> dict[str, Any]:
    return {"holdout": holdout, "rows": rows, "rows_new": fresh}


def test_a_comparison_is_remembered_by_the_beginning_of_its_holdouts_fingerprint() -> None:
    after, share = spend(Looks(0.5, 3, 7, ("x",)), look("a" * 17, 40.9, 10))
    assert after == Looks((0.5 + 10 / 40.9) / 2, 4, 40, ("x", "a" * FINGERPRINT))
    assert share == after.left
    assert FINGERPRINT == 16


def test_holdouts_are_remembered_so_long_that_fresh_rows_count_once() -> None:
    looks = Looks(left=0.0)
    for place in range(REMEMBERED + 1):
        looks, _ = spend(looks, look(f"h{place}"))
    assert looks.seen == tuple(f"h{place}" for place in range(1, 21))
    assert spend(replace(looks, left=0.0), look("h1", fresh=100))[1] == 0
    assert spend(replace(looks, left=0.0), look("h0", fresh=100))[1] == 0.5


def test_nothing_is_spent_before_the_first_comparison() -> None:
    assert Looks() == Looks(left=1.0, looks=0, rows=0, seen=())


@pytest.mark.parametrize(
    ("evidence", "share", "seen"),
    [
        ({}, 0.1, ()),
        ({"rows": 100, "rows_new": 100}, 0.1, ()),
        (look("a", rows=0, fresh=9), 0.1, ("a",)),
        (look("a", rows=-5, fresh=-9), 0.1, ("a",)),
        (look("a", rows=100, fresh=-9), 0.1, ("a",)),
        (look("a", rows=1, fresh=0.2), 0.2, ("a",)),
        (look("a", rows=100, fresh=1000), 0.5, ("a",)),
        (look("a", rows=100, fresh=60), 0.4, ("a",)),
        ({"holdout": "a", "rows": 100}, 0.1, ("a",)),
        ({"holdout": "a", "rows_new": 100}, 0.1, ("a",)),
    ],
)
def test_only_fresh_rows_of_a_holdout_that_is_new_give_back(
    evidence: dict[str, Any], share: float, seen: tuple[str, ...]
) -> None:
    after, spent = spend(Looks(left=0.2), evidence)
    assert (spent, after.left) == (pytest.approx(share), pytest.approx(share))
    assert (after.seen, after.looks) == (seen, 1)


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        (Looks(), "100 % is left after 0 comparisons; 0 fresh holdout rows fill it"),
        (Looks(0.5, 1, 81), "50 % is left after 1 comparison; 41 fresh holdout rows fill it"),
    ],
)
def test_what_is_left_is_told_in_one_line(looks: Looks, words: str) -> None:
    assert str(looks) == words


# Roll-out


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


# How rules read and keep limits


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


# What a metric can be

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
    assert facts("profit.py").words == "the folder's own metric"
    assert (is_custom("profit.py"), is_custom("mse"), is_custom("py.mse")) == (True, False, False)


def test_metrics_are_of_kinds_that_need_something() -> None:
    kinds = {"per unit": PER_UNIT, "ranked": RANKED, "of two": OF_TWO, "counted": COUNTED}
    assert kinds == {
        "per unit": ("precision_at_k", "ndcg"),
        "ranked": ("auc", "average_precision"),
        "of two": ("auc", "average_precision", "brier", "calibration_error"),
        "counted": ("accuracy", "macro_recall"),
    }
