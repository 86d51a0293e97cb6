"""What guards and slices answer, word for word, and where exactly they begin to hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from shared.gating.guard_gates import holm
from shared.model_yaml.gate_spec import Slices
from tests.unit.gate_asking import answer, told
from tests.unit.test_gates import FULL, a_slice, full_evidence


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
        ({"units": 15}, True),
        ({"units": 14}, False),
        ({"rows": None, "units": 14}, True),
    ],
)
def test_a_slice_is_judged_from_the_stated_rows_positives_and_units_on(more: dict[str, Any], judged: bool) -> None:
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
