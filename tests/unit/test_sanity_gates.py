"""What is not believed by default: a jump that leaves almost nothing wrong, copies of training rows, columns without a raised version."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from shared import gates
from shared.gating import remedies
from shared.gating.sanity_gates import form_of, is_raised, jump_limit, sanity_asked, wrong_of
from shared.gating.verdict import GateResult
from shared.model_yaml.gate_spec import Sanity
from shared.spec import Gates
from tests.unit.test_gates import RULES, evidence_of

ACCURACY = Gates("accuracy", "higher", 0.6)
OWN = Gates("profit.py", "higher", 12.0)


def stated(rules: Gates, **sanity: Any) -> Gates:
    return replace(rules, sanity=Sanity(**sanity))


def answer(gate: str, rules: Gates, evidence: dict[str, Any]) -> GateResult | None:
    return next((one for one in gates.judge(rules, evidence).results if one.gate == gate), None)


def told(gate: str, rules: Gates, evidence: dict[str, Any]) -> tuple[str, str, dict[str, float]]:
    found = answer(gate, rules, evidence)
    assert found is not None
    return found.answer, found.why, dict(found.numbers)


# Which are asked of which form


@pytest.mark.parametrize(("v", "form"), [(1, 1), (2, 2), (3, 2), (None, 2), ("1", 2)])
def test_evidence_that_is_not_of_form_1_is_judged_by_todays_rules(v: object, form: int) -> None:
    assert form_of({"v": v}) == form
    assert form_of({}) == 2


@pytest.mark.parametrize(
    ("rules", "first", "second"),
    [
        (RULES, (False, False, False), (True, True, True)),
        (ACCURACY, (False, False, False), (True, True, True)),
        (OWN, (False, False, False), (False, True, True)),
        (stated(OWN, max_jump_percent=20.0), (True, False, False), (True, True, True)),
        (stated(OWN, max_jump_percent=0.0), (False, False, False), (False, True, True)),
        (stated(OWN, max_jump_percent=400.0), (True, False, False), (True, True, True)),
        (stated(RULES, max_jump_percent=0.0), (False, False, False), (False, True, True)),
        (stated(RULES, max_jump_percent=99.9), (True, False, False), (True, True, True)),
        (stated(RULES, max_jump_percent=100.0), (True, False, False), (False, True, True)),
        (stated(RULES, max_overlap_percent=99.9), (False, True, False), (True, True, True)),
        (stated(RULES, max_overlap_percent=100.0), (False, False, False), (True, False, True)),
        (stated(RULES, schema="same"), (False, False, True), (True, True, True)),
        (stated(RULES, schema="any"), (False, False, False), (True, True, False)),
    ],
)
def test_what_is_asked_of_older_evidence_is_only_what_the_folder_states(
    rules: Gates, first: tuple[bool, ...], second: tuple[bool, ...]
) -> None:
    names = ("plausible", "no_overlap", "same_schema")
    assert sanity_asked(rules, 1) == dict(zip(names, first, strict=True))
    assert sanity_asked(rules, 2) == dict(zip(names, second, strict=True))


def test_evidence_in_flight_is_not_held_by_a_gate_that_its_folder_did_not_have() -> None:
    leaking = evidence_of(
        candidate={"value": 1.0}, champion={"version": "1", "value": 3000.0}, mean=2999.0, lower=2900.0
    )
    leaking["gain"] = {"mean": 2999.0, "lower": 2900.0, "upper": 2999.0, "confidence": 0.95}
    leaking["sanity"] |= {"overlap": 88, "copies": 88, "schema": ["AGE is gone"]}
    held = [one.gate for one in gates.judge(RULES, leaking).results if not one.passed]
    assert held == ["plausible", "no_overlap", "same_schema"]
    older = {
        **leaking,
        "v": 1,
        "sanity": {name: leaking["sanity"][name] for name in ("not_finite", "constant", "identical")},
    }
    assert gates.judge(RULES, older).passed


# The jump


def jump(mean: float, champion: float, **more: Any) -> dict[str, Any]:
    return {"v": 2, "champion": {"version": "1", "value": champion}, "gain": {"mean": mean}} | more


@pytest.mark.parametrize(
    ("rules", "limit", "older"),
    [
        (RULES, 90.0, 0.0),
        (ACCURACY, 90.0, 0.0),
        (OWN, 0.0, 0.0),
        (stated(OWN, max_jump_percent=250.0), 250.0, 250.0),
        (stated(ACCURACY, max_jump_percent=95.5), 95.5, 95.5),
        (stated(ACCURACY, max_jump_percent=100.0), 0.0, 100.0),
        (stated(ACCURACY, max_jump_percent=0.0), 0.0, 0.0),
    ],
)
def test_the_limit_is_what_is_stated_or_90_percent_of_what_is_wrong(rules: Gates, limit: float, older: float) -> None:
    assert (jump_limit(rules), jump_limit(rules, 2), jump_limit(rules, 1)) == (limit, limit, older)


@pytest.mark.parametrize(
    ("rules", "champion", "now", "older"),
    [
        (RULES, 3000.0, 3000.0, 3000.0),
        (ACCURACY, 0.7, 0.3, 0.7),
        (replace(ACCURACY, metric="brier", direction="lower"), 0.2, 0.2, 0.2),
        (OWN, -40.0, 40.0, 40.0),
    ],
)
def test_what_is_wrong_is_how_far_the_champion_is_from_the_best(
    rules: Gates, champion: float, now: float, older: float
) -> None:
    assert wrong_of(rules, champion) == pytest.approx(now)
    assert wrong_of(rules, champion, 1) == pytest.approx(older)


def test_an_error_may_fall_by_the_limit_and_not_by_more() -> None:
    assert told("plausible", RULES, jump(900.0, 1000.0)) == (
        "pass",
        "better by 90 %, at most 90 % is believed",
        {"jump_percent": 90.0, "limit": 90.0},
    )
    assert told("plausible", RULES, jump(901.0, 1000.0)) == (
        "hold",
        "mse is better by 90.1 % of the champion's, at most 90 % is believed: look for the target among the features",
        {"jump_percent": 90.1, "limit": 90.0},
    )


def test_of_a_score_what_is_missing_may_come_by_the_limit_and_not_by_more() -> None:
    """0.5 is missing of 1: from 0.5 to 0.953125 is 90.625 %, to 0.9375 is 87.5 %. Of its value it is 87.5 % and more alike."""
    assert told("plausible", ACCURACY, jump(0.4375, 0.5))[:2] == ("pass", "better by 87.5 %, at most 90 % is believed")
    why = "accuracy is better by 90.625 % of what the champion lacks, at most 90 % is believed"
    assert told("plausible", ACCURACY, jump(0.453125, 0.5))[:2] == (
        "hold",
        f"{why}: look for the target among the features",
    )
    assert told("plausible", ACCURACY, jump(0.25, 0.25))[2] == {"jump_percent": pytest.approx(100 / 3), "limit": 90.0}


def test_older_evidence_is_judged_by_the_value_as_it_was() -> None:
    rules = stated(ACCURACY, max_jump_percent=40.0)
    assert told("plausible", rules, jump(0.25, 0.625, v=1))[:2] == ("pass", "better by 40 %, at most 40 % is believed")
    why = (
        "accuracy is better by 50 % of the champion's, at most 40 % is believed: look for the target among the features"
    )
    assert told("plausible", rules, jump(0.25, 0.5, v=1))[:2] == ("hold", why)
    wide = told("plausible", stated(ACCURACY, max_jump_percent=150.0), jump(0.5, 0.5, v=1))
    assert wide == ("pass", "better by 100 %, at most 150 % is believed", {"jump_percent": 100.0, "limit": 150.0})


@pytest.mark.parametrize(("mean", "passes"), [(0.0, True), (-0.5, True), (1e-9, False)])
def test_of_a_champion_that_has_nothing_wrong_nothing_is_left_to_gain(mean: float, passes: bool) -> None:
    found = answer("plausible", ACCURACY, jump(mean, 1.0))
    assert found is not None
    assert found.passed is passes
    assert found.numbers["jump_percent"] in (0.0, 1e12)


def test_a_metric_of_the_folder_is_told_by_its_value() -> None:
    rules = stated(OWN, max_jump_percent=50.0)
    why = "profit.py is better by 75 % of the champion's, at most 50 % is believed: look for the target among the features"
    assert told("plausible", rules, jump(30.0, 40.0))[:2] == ("hold", why)
    assert answer("plausible", OWN, jump(30.0, 40.0)) is None


# Copies


def seen(copies: object, overlap: object = 88, rows: object = 200) -> dict[str, Any]:
    return {"v": 2, "rows": rows, "sanity": {"overlap": overlap, "copies": copies}}


MAY = "at most 1 % or 2 rows may be"


@pytest.mark.parametrize(
    ("rows", "copies", "passes"),
    [
        (200, 0, True),
        (10, 2, True),
        (10, 3, False),
        (299, 3, False),
        (300, 3, True),
        (301, 3, True),
        (1000, 10, True),
        (1000, 11, False),
    ],
)
def test_copies_are_held_beyond_one_percent_and_more_than_two_rows(rows: int, copies: int, passes: bool) -> None:
    share = 100 * copies / rows
    why = f"{copies} holdout rows ({share:.6g} %) are copies of training rows under another key, {MAY}"
    numbers = {"copies": float(copies), "value": share, "limit": 1.0}
    found = told("no_overlap", RULES, seen(copies, copies, rows))
    assert found == ("pass" if passes else "hold", why, numbers)


@pytest.mark.parametrize(
    "document",
    [
        seen(None),
        seen(-1),
        seen(math.nan),
        seen(3, 2),
        seen(1, 0),
        seen(2, None),
        seen(2, 201),
        seen(201, 201),
        seen(0, 0, 0),
        seen(0, 0, None),
        {"v": 2},
    ],
)
def test_copies_that_are_not_known_or_cannot_be_are_held(document: dict[str, Any]) -> None:
    why = f"holdout rows that are copies of training rows not known, {MAY}"
    assert told("no_overlap", RULES, document) == ("hold", why, {"limit": 1.0})


def test_repeats_hold_only_where_a_limit_is_stated() -> None:
    every = seen(0, 200)
    assert told("no_overlap", RULES, every)[0] == "pass"
    assert told("no_overlap", stated(RULES, max_overlap_percent=50.0), every)[0] == "hold"
    assert answer("no_overlap", stated(RULES, max_overlap_percent=100.0), seen(200, 200)) is None
    assert told("no_overlap", stated(RULES, max_overlap_percent=100.0 - 1e-9), seen(None, 200))[0] == "hold"


# The contract's columns


def columns(schema: object, contracts: object, **more: object) -> dict[str, Any]:
    return {"v": 2, "champion": {"version": "1"}, "sanity": {"schema": schema, "contracts": contracts} | more}


GONE = ["AGE is gone", "BMI is new"]
OTHER = "other columns than the champion's: AGE is gone; BMI is new"


@pytest.mark.parametrize(
    ("document", "answered", "why"),
    [
        (columns([], None), "pass", "the champion's columns"),
        (columns(GONE, ["1.0.0", "1.1.0"]), "pass", "AGE is gone; BMI is new; the contract's version was raised from 1.0.0 to 1.1.0"),
        (columns(GONE, ["", "1"]), "pass", "AGE is gone; BMI is new; the contract's version was raised from none to 1"),
        (columns(GONE, ("1", "2")), "pass", "AGE is gone; BMI is new; the contract's version was raised from 1 to 2"),
        (
            columns(GONE, ["1.0.0", "1.0.0"]),
            "hold",
            f"{OTHER}; the contract's version is 1.0.0, the champion's 1.0.0: raise it if that is meant",
        ),
        (columns(GONE, ["", ""]), "hold", f"{OTHER}; the contract's version is none, the champion's none: raise it if that is meant"),
        (columns(GONE, None), "hold", f"{OTHER}; the contract's version is not known"),
        (columns(GONE, ["1"]), "hold", f"{OTHER}; the contract's version is not known"),
        (columns(GONE, ["1", "2", "3"]), "hold", f"{OTHER}; the contract's version is not known"),
        (columns(GONE, "12"), "hold", f"{OTHER}; the contract's version is not known"),
        (columns(None, None, schema_error="no contract.yaml"), "hold", "the champion's columns could not be read: no contract.yaml"),
        (columns(None, None), "hold", "nobody compared the columns with the champion's"),
    ],
)  # fmt: skip
def test_other_columns_need_a_raised_version(document: dict[str, Any], answered: str, why: str) -> None:
    assert told("same_schema", RULES, document) == (answered, why, {})


def test_long_lists_and_versions_are_cut() -> None:
    document = columns(["x" * 301], ["1" * 50, "2" * 50])
    assert (
        told("same_schema", RULES, document)[1]
        == f"{'x' * 300}; the contract's version was raised from {'1' * 40} to {'2' * 40}"
    )


def test_same_holds_other_columns_whatever_their_version() -> None:
    raised = columns(GONE, ["1.0.0", "2.0.0"])
    assert told("same_schema", stated(RULES, schema="same"), raised) == ("hold", OTHER, {})
    assert told("same_schema", stated(RULES, schema="same"), {**columns(GONE, None), "v": 1}) == ("hold", OTHER, {})
    assert answer("same_schema", stated(RULES, schema="any"), raised) is None


@pytest.mark.parametrize(
    ("before", "now", "raised"),
    [
        ("1.0.0", "1.0.1", True),
        ("1.9.0", "1.10.0", True),
        ("1.0", "1.0.0", False),
        ("1.0.0", "1", False),
        ("1.0.0", "1.0.0", False),
        ("2.0.0", "1.9.9", False),
        ("", "0.1", True),
        ("", "0.0", False),
        ("v1", "v2", True),
        ("draft", "final", False),
        ("2026-01-31", "2026-02-01", True),
    ],
)
def test_a_version_is_raised_if_its_numbers_are(before: str, now: str, raised: bool) -> None:
    assert is_raised(before, now) is raised


@pytest.mark.parametrize(
    ("gate", "entry"),
    [("plausible", "max_jump_percent"), ("no_overlap", "max_overlap_percent"), ("same_schema", "version")],
)
def test_what_would_let_pass_names_the_entry(gate: str, entry: str) -> None:
    assert entry in remedies.of_gate(gate, {"limit": 1.0})
