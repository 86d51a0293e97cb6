"""The gates of declared checks: only a finite measure on the right side of its limit passes, and nothing passes unmeasured."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.certificates.certificate import certify
from shared.certificates.declared_checks import declared_checks, limit_of
from shared.gating.gate_breaks import passing_certificate, self_test, trials
from shared.gating.gate_words import certificate_sentences
from shared.model_yaml.gate_spec import Check
from shared.spec import CertificateLimits, Gates

FAIR = Check(limits={"difference": "at most 0.2"})
FINITE = some.floats(min_value=-1e6, max_value=1e6)


def answer(found: Any, check: Check = FAIR) -> Any:
    certificate = {} if found is None else {"checks": {"fairness": found}}
    (result,) = declared_checks({"fairness": check}, certificate)
    return result


def measured(**parts: Any) -> dict[str, Any]:
    return {"measures": {"difference": parts}, "words": []}


def test_a_measure_at_its_limit_passes_and_says_so() -> None:
    result = answer(measured(value=0.1, lower=0.0, upper=0.2))

    assert result.passed
    assert (result.gate, result.why) == ("check_fairness", "upper bound of difference 0.2, must be at most 0.2")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "it was not run"),
        ("passed", "it was not run"),
        ({}, "difference was not measured, must be at most 0.2"),
        ({"error": ""}, "nothing was measured: "),
        ({"error": "KeyError: 'SEX'", **measured(value=0.0)}, "nothing was measured: KeyError: 'SEX'"),
        ({"measures": {"other": {"value": 0.0}}}, "difference was not measured, must be at most 0.2"),
        (measured(value=math.nan), "difference is no finite number, must be at most 0.2"),
        (measured(value=True), "difference is no finite number, must be at most 0.2"),
        (measured(value="0.1"), "difference is no finite number, must be at most 0.2"),
        (measured(upper=0.1), "difference is no finite number, must be at most 0.2"),
        (measured(value=0.1, upper=math.inf), "upper bound of difference not known, must be at most 0.2"),
        (measured(value=0.1, upper=None), "upper bound of difference not known, must be at most 0.2"),
        (measured(value=0.1, upper=0.05), "difference 0.1 lies outside its own bounds"),
        (measured(value=0.1, lower=0.15, upper=0.2), "difference 0.1 lies outside its own bounds"),
        (measured(value=0.1, lower=0.0, upper=0.3), "upper bound of difference 0.3, must be at most 0.2"),
        (measured(value=0.3), "difference 0.3, must be at most 0.2"),
    ],
)
def test_what_is_missing_broken_or_beyond_the_limit_holds_with_its_reason(found: Any, why: str) -> None:
    assert (answer(found).passed, answer(found).why) == (False, why)


def test_a_limit_below_is_held_against_the_lower_bound() -> None:
    check = Check(limits={"difference": "at least 0.8"})

    assert not answer(measured(value=0.9, lower=0.7, upper=1.0), check).passed
    assert answer(measured(value=0.9, lower=0.8, upper=1.0), check).passed


def test_who_asks_for_values_is_judged_by_values() -> None:
    check = Check(limits={"difference": "at most 0.2"}, judge="values")

    assert answer(measured(value=0.1, lower=0.0, upper=0.9), check).passed


def test_every_limit_must_be_kept() -> None:
    check = Check(limits={"difference": "at most 0.2", "ratio": "at least 0.8"})

    assert answer(measured(value=0.1), check).why == "ratio was not measured, must be at least 0.8"
    both = {"measures": {"difference": {"value": 0.1}, "ratio": {"value": 0.9}}}
    assert answer(both, check).why == "difference 0.1, must be at most 0.2; ratio 0.9, must be at least 0.8"


def test_a_check_without_a_limit_decides_nothing_and_holds() -> None:
    assert answer(measured(value=0.0), Check(limits={})).why == "it has no limit, so it decides nothing"
    assert answer(measured(value=0.0), Check(limits={"difference": "small"})).why == "difference: 'small' is no limit"


@given(value=FINITE, worse=some.floats(min_value=0, max_value=1e6), limit=FINITE)
def test_a_worse_measure_never_passes_where_a_better_one_is_held(value: float, worse: float, limit: float) -> None:
    check = Check(limits={"difference": f"at most {limit!r}"})
    if not answer(measured(value=value), check).passed:
        assert not answer(measured(value=value + worse), check).passed


@pytest.mark.parametrize(
    "words", ["", "0.1", "at most", "at most x", "at most 1.2.3", "at most nan", "at most 0.1 or so"]
)
def test_what_is_no_limit_is_none(words: str) -> None:
    assert limit_of(words) is None


LIMITS = CertificateLimits(
    checks={"fairness": FAIR, "odd": Check(limits={"share": "at least 0.5"}, parameters={"by": "SEX"})}
)
GATES = Gates("mse", "lower", 4.0, certificate=LIMITS)


def test_each_declared_check_is_a_gate_that_can_pass_and_can_hold() -> None:
    tried = {trial.gate: trial for trial in trials(GATES)}

    assert certify(LIMITS, passing_certificate(LIMITS)).passed
    assert tried["check_fairness"].broken.why == "difference 1.2, must be at most 0.2"  # type: ignore[union-attr]
    assert self_test(GATES) == ()


def test_each_declared_check_is_read_out_with_its_limits() -> None:
    told = dict(certificate_sentences(LIMITS))

    assert [*told][-2:] == ["check_fairness", "check_odd"]
    assert "(by SEX) finds share at least 0.5" in told["check_odd"]


def test_a_certificate_of_the_first_form_knows_no_checks_and_holds_where_one_is_asked_for() -> None:
    first = {**passing_certificate(LIMITS), "v": 1, "latency_ms": {"p95": 1.0, "requests": 100}}

    assert certify(CertificateLimits(), first).passed
    assert certify(LIMITS, {**first, "checks": {}}).first_failure.gate == "check_fairness"  # type: ignore[union-attr]
