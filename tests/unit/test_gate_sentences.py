"""What is read out of a model's gates, word for word, and what would let pass each gate that held. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.gates import CANDIDATE_GATES
from shared.gating.gate_words import candidate_sentences, certificate_sentences, not_asked, production_sentences
from shared.gating.remedies import PASSES, of_gate
from shared.model_yaml.gate_spec import Check, Comparing, Holdout, Sanity, Slices
from shared.model_yaml.spec_file import load_folder
from shared.spec import Approval, CertificateLimits, Gates, Rollout

PLAIN = Gates("mse", "lower", 5134.5)
BARE = replace(PLAIN, sanity=Sanity(max_jump_percent=0, max_overlap_percent=100, schema="any"))
FULL = replace(
    PLAIN,
    minimum_gain=12.25,
    confidence=0.975,
    min_rows=77,
    guards={"mae": "2", "latency": "50", "size": "10.50"},
    slices=Slices(("SEX", "AGE"), ("BMI > 30", "BP < 80"), 1.5, 90, 20, 2),
    sanity=Sanity(max_jump_percent=40, max_overlap_percent=5, schema="same"),
    holdout=Holdout(error_budget=0.1),
)
BUDGET = (
    "the chance of such a gain fits what is left of 0.1 for this holdout: each comparison may spend half of that, "
    "fresh rows give back"
)
SLICES = (
    "it is not shown to be worse by more than 1.5 in a value of SEX, AGE; BMI > 30; BP < 80; the worst slice of up to 2 "
    "conditions (found, then told); Holm's correction, 2.5 % for all; slices under 90 rows, or 20 of the rarer kind, are "
    "named as not judged"
)
SAID: Mapping[str, str] = {
    "evidence_complete": "candidate and champion score the same holdout rows now, each through its own score.py; whatever "
    "cannot be scored, measured or read holds the candidate, and so does another champion than the one that serves",
    "enough_rows": "it is judged by at least 77 holdout rows, which no training sees",
    "sane_predictions": "every prediction is a finite number, and not all are the same",
    "plausible": "at most 40 % of what the champion has wrong is gone: more is not believed",
    "no_overlap": "at most 5 % of the holdout rows have the features of a training row",
    "same_schema": "its contract has the columns of the champion's, of the same kinds",
    "floor": "its mean squared error (mse, lower is better) is at most 5134.5, also where there is no champion",
    "min_gain": "it is better than the champion by more than 12.25 in mse, row by row, with 97.5 % confidence (one-sided)",
    "not_identical": "it does not predict exactly what the champion predicts",
    "guards": "it is shown not to be worse in mae by 2 or more, latency by 50 % or more, size by 10.5 % or more, with 97.5 % "
    "confidence each",
    "slices": SLICES,
    "holdout_budget": BUDGET,
}


def test_every_gate_of_a_candidate_is_read_out_in_its_order() -> None:
    assert candidate_sentences(FULL) == tuple(SAID.items())
    always = ["evidence_complete", "enough_rows", "sane_predictions", "floor", "min_gain", "not_identical"]
    assert [gate for gate, _ in candidate_sentences(BARE)] == always
    default = [*always[:3], "plausible", "no_overlap", "same_schema", *always[3:]]
    assert [gate for gate, _ in candidate_sentences(PLAIN)] == default


@pytest.mark.parametrize(
    ("gates", "gate", "sentence"),
    [
        (PLAIN, "plausible", "at most 90 % of what the champion has wrong is gone: more is not believed"),
        (
            Gates("profit.py", "higher", 5.0, sanity=Sanity(max_jump_percent=40)),
            "plausible",
            "it is better than the champion by at most 40 % of its value: more is not believed",
        ),
        (
            PLAIN,
            "no_overlap",
            "at most 1 % of the holdout rows, or 2 of them, are copies of training rows under another key; repeats of a table "
            "of few coarse features are none",
        ),
        (
            PLAIN,
            "same_schema",
            "its contract has the columns of the champion's, of the same kinds, or its version was raised",
        ),
        (replace(PLAIN, min_rows=0), "enough_rows", "it is judged by at least 1 holdout rows, which no training sees"),
        (
            replace(PLAIN, compare=Comparing(unit="USER")),
            "enough_rows",
            "it is judged by at least 15 holdout units (by USER), which no training sees",
        ),
        (
            replace(PLAIN, compare=Comparing(unit="DAY", block_days=7.0)),
            "min_gain",
            "it is better than the champion by anything at all in mse, by blocks of 7 days of DAY, "
            "with 95 % confidence (one-sided)",
        ),
        (
            Gates("accuracy", "higher", 0.75),
            "floor",
            "its share of rows predicted right (accuracy, higher is better) is at least 0.75, also where there is no champion",
        ),
        (
            replace(PLAIN, slices=Slices(depth=3, found="hold")),
            "slices",
            "it is not shown to be worse by more than 0 in the worst slice of up to 3 conditions (found, then held); Holm's "
            "correction, 5 % for all; slices under 100 rows, or 30 of the rarer kind, are named as not judged",
        ),
        (
            replace(PLAIN, slices=Slices(where=("A > 1",))),
            "slices",
            "it is not shown to be worse by more than 0 in A > 1; Holm's "
            "correction, 5 % for all; slices under 100 rows, or 30 of the rarer kind, are named as not judged",
        ),
        (
            replace(PLAIN, slices=Slices(where=("A > 1",)), compare=Comparing(unit="USER")),
            "slices",
            "it is not shown to be worse by more than 0 in A > 1; Holm's correction, 5 % for all; slices under 100 rows, or "
            "30 of the rarer kind, or 15 units of USER, are named as not judged",
        ),
    ],
)
def test_a_gate_is_read_out_as_the_spec_has_it(gates: Gates, gate: str, sentence: str) -> None:
    assert dict(candidate_sentences(gates))[gate] == sentence


LEFT_OUT = (
    "a gain too large to be true (gates.sanity.max_jump_percent)",
    "holdout rows that training saw under another key (gates.sanity.max_overlap_percent)",
    "columns unlike the champion's (gates.sanity.schema: versioned)",
    "what it must not lose beside the metric (gates.guards)",
    "parts of the rows in which it is worse (gates.slices)",
    "how often one holdout was used (gates.holdout.error_budget)",
)


def test_what_is_not_asked_is_read_out_with_the_entry_that_asks_for_it() -> None:
    assert not_asked(BARE) == LEFT_OUT
    assert not_asked(PLAIN) == LEFT_OUT[3:]
    assert not_asked(Gates("profit.py", "higher", 5.0)) == (LEFT_OUT[0], *LEFT_OUT[3:])
    assert not_asked(FULL) == ()
    assert not_asked(replace(BARE, holdout=Holdout(0.1))) == LEFT_OUT[:-1]
    assert not_asked(replace(FULL, holdout=Holdout())) == LEFT_OUT[-1:]


LIMITS = CertificateLimits(p95_ms=431, start_seconds=57, size_mb=33, p99_ms=877, memory_mb=222)
CERTIFIED: Mapping[str, str] = {
    "starts": "its server answers at most 57 s after it was started",
    "cases_pass": "all cases of tests/cases.json get the expected answer, and there is at least 1",
    "refuses_malformed": "malformed requests get a status from 400 to 499",
    "right_answers": "requests at the boundary get a right answer or a clear refusal",
    "invariant": "the invariances of tests/invariances.json hold",
    "fast": "95 % of the requests are answered within 431 ms, 99 % within 877 ms, with 95 % confidence",
    "recovers": "it answers again after twice the load that one worker can bear",
    "small": "its files take at most 33 MB, its worker at most 222 MB of memory",
    "known_files": "the certificate names the hash of the files that it is about",
}


def test_every_gate_of_the_certificate_is_read_out_and_then_the_declared_checks() -> None:
    assert certificate_sentences(LIMITS) == tuple(CERTIFIED.items())
    checked = replace(LIMITS, checks={"fair": Check({"gap": "at most 0.1"})})
    said = "the check fair finds gap at most 0.1, each by its bound of the 95 % interval, where it has one"
    assert certificate_sentences(checked) == (*CERTIFIED.items(), ("check_fair", said))


def test_what_the_certificate_does_not_limit_is_not_read_out() -> None:
    bare = dict(certificate_sentences(replace(LIMITS, p99_ms=0, memory_mb=0)))
    assert bare["fast"] == "95 % of the requests are answered within 431 ms, with 95 % confidence"
    assert bare["small"] == "its files take at most 33 MB"
    least = dict(certificate_sentences(replace(LIMITS, p99_ms=0.5, memory_mb=0.5)))
    assert ", 99 % within 0.5 ms, " in least["fast"]
    assert least["small"].endswith(", its worker at most 0.5 MB of memory")


def test_what_stands_before_all_of_the_traffic_is_read_out() -> None:
    spec = replace(
        load_folder(Path(__file__).parents[2] / "models" / "diabetes"),
        approval=Approval(("risk", "ann@example.org"), expires_hours=31),
        rollout=Rollout((7, 100), bake_seconds=19, min_requests=23, max_error_percent=1.5),
    )
    approval = "risk or ann@example.org approves it within 31 hours, otherwise it expires"
    rollout = (
        "it gets 7, 100 % of the traffic; each step lasts at least 19 s and 23 requests, of which at most 1.5 % may fail, "
        "otherwise it is taken back"
    )
    assert production_sentences(spec) == (("approval", approval), ("rollout_step", rollout))
    none = replace(spec, rollout=replace(spec.rollout, min_requests=0))
    assert " s and 1 requests, " in dict(production_sentences(none))["rollout_step"]


# What would let pass what a gate held

HELPS: Mapping[str, str] = {
    "evidence_complete": "a judge run that measures candidate and champion on the same rows",
    "enough_rows": "at least 15 holdout rows; newer files bring them",
    "sane_predictions": "predictions that are finite and differ",
    "plausible": "features without the target; where the gain is real, gates.sanity.max_jump_percent above it",
    "no_overlap": "rows that keep their key when they are dropped again; where they repeat honestly, gates.sanity.max_overlap_percent",
    "same_schema": "the champion's columns, or a raised version of the contract, which says that the change is meant",
    "floor": "a candidate on the right side of 15",
    "min_gain": "a gain whose lower bound is above 15: a better model, or more holdout rows for the same gain",
    "not_identical": "newer data or other code, so that it predicts otherwise than the champion",
    "starts": "a server that starts within 15",
    "cases_pass": "answers as tests/cases.json has them",
    "refuses_malformed": "a clear 4xx to malformed requests",
    "fast": "a p95 of at most 15",
    "small": "an artefact of at most 15",
}


@pytest.mark.parametrize(("gate", "helps"), HELPS.items())
def test_each_gate_that_held_says_what_would_let_pass(gate: str, helps: str) -> None:
    assert of_gate(gate, {"limit": 15.0}) == helps
    assert of_gate(gate, {}) == re.sub(r"\b15\b", "its limit", helps)


def test_a_gate_without_a_phrase_of_its_own_is_named_with_its_limit() -> None:
    assert of_gate("guards", {"limit": 0.123456789}) == "a candidate that keeps guards at its limit, 0.123457"
    assert of_gate("guards", {"lower": 1.0}) == "a candidate that passes guards"


def test_phrases_are_those_of_gates_that_there_are() -> None:
    known: Any = {*CANDIDATE_GATES, "evidence_complete", *CERTIFIED}
    assert {*PASSES} <= known
    assert {*PASSES} == {*HELPS}
