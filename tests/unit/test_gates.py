"""The gates: each can pass, each can hold, and what is not known never passes."""

import math
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import gates
from shared.certificates.certificate import CERTIFICATE_GATES
from shared.gating.gate_breaks import (
    CERTIFICATE_BREAKS,
    EVIDENCE_BREAKS,
    passing_certificate,
    passing_evidence,
    self_test,
)
from shared.gating.guard_gates import holm
from shared.model_yaml.gate_spec import Holdout, Sanity, Slices
from shared.spec import CertificateLimits, Direction, Gates, Rollout

RULES = Gates(metric="mse", direction="lower", floor=5134.78)
FULL = Gates(
    metric="mse",
    direction="lower",
    floor=5134.78,
    guards={"mae": "2", "latency": "50"},
    slices=Slices(columns=("SEX",)),
    sanity=Sanity(max_jump_percent=40, max_overlap_percent=5, schema="same"),
    holdout=Holdout(error_budget=0.05),
)
LIMITS = CertificateLimits()
STRICT = CertificateLimits(p99_ms=900, memory_mb=400)  # asks for everything that a certificate can tell
ROLLOUT = Rollout(min_requests=10, max_error_percent=1)

BESIDE = {"overlap": 0, "copies": 0, "schema": [], "contracts": ["1.0.0", "1.0.0"]}

finite = st.floats(-1e6, 1e6)
errors = st.builds(
    Gates,
    metric=st.sampled_from(["mse", "mae"]),
    direction=st.just("lower"),
    floor=st.floats(0.001, 1e6),
    minimum_gain=st.floats(0, 1e6),
    min_rows=st.integers(0, 100),
).filter(lambda some: some.minimum_gain < 8.99 * some.floor)  # within the floor a larger gain is not believed
shares = st.builds(
    Gates,
    metric=st.just("accuracy"),
    direction=st.just("higher"),
    floor=st.floats(0.001, 0.999),
    minimum_gain=st.floats(0, 0.899),
).filter(lambda some: some.minimum_gain < 8.99 * (1 - some.floor))
owners = st.builds(Gates, metric=st.just("profit.py"), direction=st.sampled_from(get_args(Direction)), floor=finite)
choices = st.fixed_dictionaries(
    {
        "guards": st.dictionaries(st.sampled_from(["mae", "latency", "size"]), st.sampled_from(["0.1", "20"])),
        "slices": st.builds(
            Slices,
            columns=st.sampled_from([(), ("SEX",)]),
            where=st.sampled_from([(), ("AGE >= 60",)]),
            depth=st.integers(0, 2),
            found=st.sampled_from(["tell", "hold"]),
        ),
        "sanity": st.builds(
            Sanity,
            max_jump_percent=st.sampled_from([None, 0.0, 5.0, 50.0, 99.0, 400.0]),
            max_overlap_percent=st.floats(0, 99) | st.just(100.0) | st.none(),
            schema=st.sampled_from(["any", "same", "versioned"]),
        ),
        "holdout": st.builds(Holdout, error_budget=st.sampled_from([0.0, 0.05, 0.5])),
    }
)
rules = errors | shares | owners


def evidence_of(mean=120.0, lower=30.0, **changes):
    """Evidence as the judge writes it: candidate 2950.1, champion worse by `mean`."""
    return {
        "v": 2,
        "metric": "mse",
        "direction": "lower",
        "rows": 88,
        "candidate": {"value": 2950.1},
        "champion": {"version": "1", "value": 2950.1 + mean},
        "gain": {"mean": mean, "lower": lower, "upper": mean + 100, "confidence": 0.95, "method": "paired"},
        "sanity": {"not_finite": 0, "constant": False, "identical": False, **BESIDE},
    } | changes


def full_evidence(**changes):
    """Evidence that tells all that `FULL` asks for."""
    evidence = evidence_of(
        guards={"mae": {"lower": -1.0, "confidence": 0.95}, "latency": {"lower": -10.0, "confidence": 0.95}},
        slices=[a_slice("SEX = 1"), a_slice("SEX = 2")],
        holdout="ab12",
    )
    evidence["gain"] |= {"p": 0.001}
    evidence["sanity"] |= {"overlap": 2}
    return evidence | changes


def a_slice(name, p=0.5, rows=120, **more):
    """A slice as judging tells it: no loss is shown unless its chance `p` is small."""
    return {"slice": name, "rows": rows, "positives": None, "gain": -5.0, "lower": -9.0, "p_worse": p} | more


def swapped(evidence):
    """The same comparison told from the champion's side."""
    gain = evidence["gain"]
    return evidence | {
        "candidate": {"value": evidence["champion"]["value"]},
        "champion": {"version": "2", "value": evidence["candidate"]["value"]},
        "gain": gain | {"mean": -gain["mean"], "lower": -gain["upper"], "upper": -gain["lower"]},
    }


def test_a_candidate_whose_lower_bound_is_above_the_limit_passes():
    assert gates.judge(RULES, evidence_of(lower=30.0)).passed


def test_a_gain_that_noise_could_explain_is_held_with_its_numbers_and_the_limit():
    verdict = gates.judge(RULES, evidence_of(mean=73.4, lower=-99.6))

    assert verdict.first_failure == gates.GateResult(
        "min_gain", "hold", "gain 73.4, lower bound -99.6, must be above 0", {"gain": 73.4, "lower": -99.6, "limit": 0}
    )


def test_a_lower_bound_at_the_limit_is_held():
    assert not gates.judge(RULES, evidence_of(lower=0.0)).passed


def test_without_a_champion_the_floor_decides_and_the_verdict_says_so():
    first = evidence_of(champion=None, gain=None)

    verdict = gates.judge(RULES, first)

    assert verdict.passed
    assert "no champion to compare with: the floor decides" in [result.why for result in verdict.results]
    assert not gates.judge(RULES, first | {"candidate": {"value": 5134.79}}).passed


def test_a_champion_that_could_not_be_scored_is_no_missing_champion():
    verdict = gates.judge(RULES, evidence_of(champion={"version": "3", "error": "no score.py"}, gain=None))

    assert verdict.first_failure.gate == "evidence_complete"
    assert verdict.first_failure.why == "champion 3 could not be scored: no score.py"


@pytest.mark.parametrize(("against", "passed"), [("1", True), ("2", False), ("", False), (None, True)])
def test_evidence_about_another_champion_than_the_one_that_serves_is_held(against, passed):
    assert gates.judge(RULES, evidence_of(), against=against).passed is passed


def test_evidence_of_no_champion_is_held_where_one_serves():
    assert not gates.judge(RULES, evidence_of(champion=None, gain=None), against="1").passed


def test_evidence_of_another_metric_is_held_with_both_names():
    verdict = gates.judge(RULES, evidence_of(metric="mae"))

    assert verdict.first_failure.why == "metric is 'mae', must be 'mse'"


def test_a_gain_that_contradicts_the_values_is_held():
    assert not gates.judge(RULES, evidence_of(candidate={"value": 4000.0})).passed


def test_less_confidence_than_the_spec_asks_is_held():
    weak = evidence_of()["gain"] | {"confidence": 0.8}

    assert not gates.judge(RULES, evidence_of(gain=weak)).passed


def test_a_higher_metric_is_held_below_its_floor():
    accuracy = Gates(metric="accuracy", direction="higher", floor=0.7)
    first = evidence_of(metric="accuracy", direction="higher", champion=None, gain=None, candidate={"value": 0.69})

    verdict = gates.judge(accuracy, first)

    assert verdict.first_failure.why == "accuracy 0.69, must be at least 0.7"


@settings(max_examples=50)
@given(rules)
def test_every_gate_of_any_spec_can_pass_and_can_hold(some):
    assert self_test(some) == ()


@settings(max_examples=50)
@given(st.sampled_from([RULES, Gates("accuracy", "higher", 0.6), Gates("profit.py", "higher", 12.0)]), choices)
def test_every_gate_that_a_spec_chooses_can_pass_and_can_hold(some, chosen):
    assert self_test(replace(some, **chosen)) == ()


def test_a_jump_that_no_gain_beyond_the_minimum_keeps_to_is_found_by_the_self_test():
    faults = self_test(Gates("mse", "lower", 100.0, minimum_gain=50.0, sanity=Sanity(max_jump_percent=10.0)))

    assert any("can never pass" in fault for fault in faults)


def test_every_gate_has_a_break():
    asked = [result.gate for result in gates.judge(FULL, {}).results]

    assert sorted(EVIDENCE_BREAKS) == sorted(asked)
    assert sorted(CERTIFICATE_BREAKS) == sorted(CERTIFICATE_GATES)


@pytest.mark.parametrize("floor", [math.inf, -math.inf, math.nan])
def test_a_floor_that_decides_nothing_is_found_by_the_self_test(floor):
    assert self_test(Gates(metric="mse", direction="lower", floor=floor))


@pytest.mark.parametrize(("floor", "gain"), [(0.0, 0.0), (-1.0, 0.0), (1.5, 0.0), (0.7, 1.0)])
def test_a_limit_that_a_share_cannot_miss_or_cannot_reach_is_found_by_the_self_test(floor, gain):
    assert self_test(Gates(metric="accuracy", direction="higher", floor=floor, minimum_gain=gain))


def test_a_fault_names_the_gate_and_what_it_answered():
    (fault,) = self_test(Gates(metric="accuracy", direction="higher", floor=0.0))

    assert fault == "gate floor lets through what was made to break it: accuracy 0, must be at least 0"


# What a candidate that gains must show besides


def test_evidence_that_tells_all_that_is_asked_passes():
    assert gates.judge(FULL, full_evidence(), share=0.5).passed


@pytest.mark.parametrize(
    "path",
    [
        ("guards",),
        ("guards", "mae"),
        ("guards", "latency", "lower"),
        ("guards", "mae", "confidence"),
        ("slices",),
        ("sanity", "overlap"),
        ("sanity", "schema"),
        ("gain", "p"),
        ("holdout",),
    ],
    ids=".".join,
)
def test_what_a_chosen_gate_asks_for_and_is_not_told_holds(path):
    assert not gates.judge(FULL, without(full_evidence(), path), share=0.5).passed


def test_a_guard_may_be_worse_by_less_than_its_margin_only():
    lost = {"mae": {"lower": -2.0, "confidence": 0.95}, "latency": {"lower": 3.0, "confidence": 0.95}}

    verdict = gates.judge(FULL, full_evidence(guards=lost), share=0.5)

    assert verdict.first_failure.why == "mae may be worse by 2, at most 2 is allowed"


def test_a_slice_that_is_shown_to_be_worse_holds_an_overall_gain():
    worse = [a_slice("SEX = 1", p=0.02), a_slice("SEX = 2", p=0.4)]

    verdict = gates.judge(FULL, full_evidence(slices=worse), share=0.5)

    assert verdict.first_failure.why == "shown to be worse in SEX = 1 (gain -5, p 0.02, 120 rows)"


def test_with_more_slices_a_loss_must_be_surer():
    """Holm: .02 is more than .05 / 3."""
    many = [a_slice("SEX = 0", p=0.02), a_slice("SEX = 1"), a_slice("SEX = 2")]

    assert gates.judge(FULL, full_evidence(slices=many), share=0.5).passed


@pytest.mark.parametrize("few", [{"rows": 99}, {"positives": 29}])
def test_a_slice_with_too_few_rows_is_not_judged_and_said_so(few):
    verdict = gates.judge(FULL, full_evidence(slices=[a_slice("SEX = 1", p=0.0) | few, a_slice("SEX = 2")]), share=0.5)

    (told,) = [result.why for result in verdict.results if result.gate == "slices"]
    assert verdict.passed
    assert told.endswith("; not judged for too few rows: SEX = 1")


def test_a_found_slice_is_told_and_holds_only_where_the_spec_says_so():
    found = full_evidence(slices=[a_slice("SEX = 1"), a_slice("BMI > 30", p=0.001, found=True)])
    strict = replace(FULL, slices=replace(FULL.slices, found="hold"))

    verdict = gates.judge(FULL, found, share=0.5)

    assert verdict.passed
    assert "but the found slice BMI > 30" in " ".join(result.why for result in verdict.results)
    assert gates.judge(strict, found, share=0.5).first_failure.gate == "slices"


def test_holm_rejects_the_two_of_the_known_example():
    assert holm([0.001, 0.01, 0.02, 0.04, 0.2], 0.05) == [True, True, False, False, False]


def test_a_gain_too_large_to_be_true_is_held_before_it_is_believed():
    huge = full_evidence(candidate={"value": 1000.0}, champion={"version": "1", "value": 3000.0})
    huge["gain"] |= {"mean": 2000.0, "upper": 2100.0}

    verdict = gates.judge(FULL, huge, share=0.5)

    assert verdict.first_failure.why == (
        "mse is better by 66.6667 % of the champion's, at most 40 % is believed: look for the target among the features"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"overlap": 44}, "percent of holdout rows that training saw 50, must be at most 5"),
        ({"overlap": 89}, "percent of holdout rows that training saw not known, must be at most 5"),
        (
            {"schema": ["BMI is gone", "AGE was number, is string"]},
            "other columns than the champion's: BMI is gone; AGE was number, is string",
        ),
    ],
)
def test_a_leak_or_another_schema_is_held_with_its_reason(changes, why):
    evidence = full_evidence()
    evidence["sanity"] |= changes

    assert gates.judge(FULL, evidence, share=0.5).first_failure.why == why


def test_without_a_champion_only_the_rows_themselves_are_asked_about():
    first = full_evidence(champion=None, gain=None, guards=None, slices=None)

    assert gates.judge(FULL, first, share=None).passed


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_surer_gain_never_turns_a_pass_into_a_hold(p, less, share, more):
    def passes(chance, part):
        evidence = full_evidence()
        evidence["gain"] |= {"p": chance}
        return gates.judge(FULL, evidence, share=part).passed

    assert passes(min(p, less), max(share, more)) or not passes(p, share)


def every_path(document, above=()):
    for name, part in document.items():
        yield (*above, name)
        if isinstance(part, dict):
            yield from every_path(part, (*above, name))


def without(document, path):
    name, *below = path
    rest = {key: part for key, part in document.items() if key != name}
    return rest | {name: without(document[name], below)} if below else rest


def replaced(document, path, value):
    name, *below = path
    return document | {name: replaced(document[name], below, value) if below else value}


# Told to people and asked by no gate, and both contracts' versions only where the columns differ
TOLD = {("gain", "method"), ("latency_ms", "p50"), ("sanity", "contracts")}
EVIDENCE_PATHS = [path for path in every_path(evidence_of()) if path not in TOLD]
NUMBERED_PATHS = [path for path in EVIDENCE_PATHS if len(path) > 1 and path[-1] not in ("version", "schema")]
CERTIFICATE_PATHS = [
    path for path in every_path(passing_certificate(STRICT)) if path not in TOLD | {("v",), ("malformed", "not json")}
]


@pytest.mark.parametrize("path", EVIDENCE_PATHS, ids=".".join)
def test_evidence_that_misses_anything_is_held(path):
    assert not gates.judge(RULES, without(evidence_of(), path)).passed


@pytest.mark.parametrize("path", CERTIFICATE_PATHS, ids=".".join)
def test_a_certificate_that_misses_anything_is_held(path):
    assert not gates.certify(STRICT, without(passing_certificate(STRICT), path)).passed


@pytest.mark.parametrize("wrong", [math.nan, math.inf, "much", [], {}], ids=repr)
@pytest.mark.parametrize("path", NUMBERED_PATHS, ids=".".join)
def test_evidence_that_is_unreadable_anywhere_is_held(path, wrong):
    assert not gates.judge(RULES, replaced(evidence_of(), path, wrong)).passed


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from([p for path in EVIDENCE_PATHS for p in path]), inner),
    max_leaves=12,
)


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from([*(path[0] for path in EVIDENCE_PATHS), "guards", "slices", "holdout"]), anything)
)
def test_nonsense_is_held_and_never_raises(document):
    assert not gates.judge(RULES, document).passed
    assert not gates.judge(FULL, document, share=0.5).passed


@given(st.floats(0.1, 1000), st.floats(-1000, 1000), st.floats(0, 1000))
def test_a_larger_gain_never_turns_a_pass_into_a_hold(mean, lower, more):
    lower = min(mean, lower)
    before = gates.judge(RULES, evidence_of(mean=mean, lower=lower)).passed
    after = gates.judge(RULES, evidence_of(mean=mean + more, lower=lower + more)).passed

    assert after or not before


@given(finite, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_of_two_models_never_both_replace_each_other(mean, below, above, minimum_gain):
    lenient = Gates(metric="mse", direction="lower", floor=1e9, minimum_gain=minimum_gain)
    evidence = evidence_of(mean=mean)
    evidence["gain"] |= {"lower": mean - below, "upper": mean + above}

    assert not (gates.judge(lenient, evidence).passed and gates.judge(lenient, swapped(evidence)).passed)


def test_a_certificate_within_all_limits_passes():
    assert gates.certify(LIMITS, passing_certificate(LIMITS)).passed
    assert gates.certify(STRICT, passing_certificate(STRICT)).passed


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("latency_ms", {"errors": 2}, "good requests under load without status 200: 2, must be 0"),
        ("latency_ms", {"p99_upper": 901.0}, "upper bound of p99 in ms 901, must be at most 900"),
        ("latency_ms", {"requests": 298}, "timed requests 298, must be at least 299"),
        ("overload", {"recovered": False}, "it does not answer after overload"),
        ("boundary", {"broken": ["AGE is null: status 500"]}, "AGE is null: status 500"),
        ("invariances", {"broken": ["any order: 1, must be 2"]}, "any order: 1, must be 2"),
        ("refusals", {"broken": ["empty: status 400 without a reason"]}, "empty: status 400 without a reason"),
    ],
)
def test_what_a_certificate_finds_broken_is_held_with_that_reason(part, change, why):
    good = passing_certificate(STRICT)

    assert gates.certify(STRICT, good | {part: good[part] | change}).first_failure.why == why


def test_a_certificate_of_form_1_is_judged_by_what_was_measured_then():
    older = {
        "v": 1,
        "cases": {"passed": 1, "failed": []},
        "malformed": {"not json": 400},
        "start_seconds": 2.0,
        "latency_ms": {"p50": 1.0, "p95": 500.0, "requests": 59},
        "size_mb": 1.0,
        "model_sha256": "0" * 64,
    }

    assert gates.certify(LIMITS, older).passed
    assert not gates.certify(LIMITS, older | {"v": 2}).passed
    slow = gates.certify(LIMITS, older | {"latency_ms": {"p95": 500.1, "requests": 59}})
    assert slow.first_failure.why == "p95 in ms 500.1, must be at most 500"


def test_more_memory_than_the_rules_allow_is_held():
    large = passing_certificate(STRICT) | {"memory_mb": 401.0}

    assert gates.certify(STRICT, large).first_failure.why == "memory in MB 401, must be at most 400"


def test_a_server_that_did_not_start_is_held_with_the_reason():
    verdict = gates.certify(LIMITS, {"v": 1, "error": "score.py raised KeyError: 'weights' in init()"})

    assert verdict.first_failure.why == "the server did not start: score.py raised KeyError: 'weights' in init()"


def test_a_latency_from_too_few_requests_proves_nothing():
    few = passing_certificate(LIMITS) | {"latency_ms": {"p50": 1.0, "p95": 2.0, "requests": 58}}

    assert gates.certify(LIMITS, few).first_failure.why == "timed requests 58, must be at least 59"


def test_a_malformed_request_answered_with_a_server_error_is_held():
    crashing = passing_certificate(LIMITS) | {"malformed": {"not json": 400, "empty": 500}}

    assert gates.certify(LIMITS, crashing).first_failure.why == "malformed requests must get 400 to 499: empty got 500"


@pytest.mark.parametrize(
    ("requests", "errors", "answer"),
    [
        (0, 0, "hold"),
        (9, 0, "hold"),
        (10, 0, "pass"),
        (100, 1, "pass"),
        (100, 2, "fail"),
        (1, 1, "fail"),
        (-3, 0, "hold"),
        (5, 6, "hold"),
    ],
)
def test_a_rollout_step_needs_traffic_and_few_errors(requests, errors, answer):
    assert gates.rollout_step(ROLLOUT, requests=requests, errors=errors).answer == answer


def test_a_step_without_traffic_never_passes_even_if_no_request_is_asked_for():
    assert gates.rollout_step(Rollout(min_requests=0), requests=0, errors=0).answer == "hold"


def test_the_answer_to_too_many_errors_names_count_and_limit():
    result = gates.rollout_step(ROLLOUT, requests=100, errors=2)

    assert result.why == "2 errors of 100 requests, at most 1 % may fail"


def test_a_verdict_without_any_gate_does_not_pass():
    assert not gates.Verdict(()).passed


def test_the_evidence_made_to_pass_does_pass():
    assert gates.judge(RULES, passing_evidence(RULES)).passed
