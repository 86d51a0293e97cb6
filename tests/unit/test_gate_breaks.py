"""The gates' self-test, word for word: the documents that pass at every limit, and what each gate says to its break."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from shared.gating.gate_breaks import (
    CERTIFICATE_BREAKS,
    EVIDENCE_BREAKS,
    Trial,
    passing_certificate,
    passing_evidence,
    self_test,
    trials,
)
from shared.gating.metric_facts import least_chance
from shared.gating.verdict import GateResult
from shared.model_yaml.gate_spec import Check, Comparing, Holdout, Sanity, Slices
from shared.runs import comparison, ranked
from shared.spec import CertificateLimits, Gates
from tests.unit.test_gates import FULL

CHECKS = {"fair": Check({"a": "at most 0.5"}), "odd": Check({"b": "at least 20"})}
LIMITS = CertificateLimits(p95_ms=500, start_seconds=60, size_mb=90, p99_ms=900, memory_mb=400, checks=CHECKS)
ALL_SLICES = Slices(columns=("SEX",), where=("AGE >= 60",), depth=2)
WHOLE = replace(FULL, slices=ALL_SLICES, certificate=LIMITS, minimum_gain=100.0)
BELIEVED = "at most 40 % is believed"

# Gate: what it says to the document that passes, and to its break
SAID = {
    "evidence_complete": (
        "mse of candidate and champion 1 on the same rows",
        "champion 1 could not be scored: no such file",
    ),
    "enough_rows": ("holdout rows 15, must be at least 15", "holdout rows 14, must be at least 15"),
    "sane_predictions": (
        "all predictions are finite and they differ",
        "1 predictions are no finite number, must be 0",
    ),
    "plausible": (
        f"better by 1.92903 %, {BELIEVED}",
        f"mse is better by 40.04 % of the champion's, {BELIEVED}: look for the target among the features",
    ),
    "no_overlap": (
        "percent of holdout rows that training saw 0, must be at most 5",
        "percent of holdout rows that training saw 100, must be at most 5",
    ),
    "same_schema": ("the champion's columns", "other columns than the champion's: AGE is gone"),
    "floor": ("mse 5134.78, must be at most 5134.78", "mse 5139.91, must be at most 5134.78"),
    "min_gain": ("gain 101, lower bound 101, must be above 100", "gain 101, lower bound 100, must be above 100"),
    "not_identical": ("it predicts otherwise than the champion", "the same predictions as the champion"),
    "guards": (
        "mae may be worse by 0, at most 2 is allowed; latency may be worse by 0, at most 50 is allowed",
        "mae may be worse by 2, at most 2 is allowed; latency may be worse by 50, at most 50 is allowed",
    ),
    "slices": (
        "of 3 slices none declared is shown to be worse",
        "shown to be worse in A < 0 (gain -1, p 0, 100 rows)",
    ),
    "holdout_budget": (
        "such a gain by chance: p 0.0001, at most 0.025 may be spent now",
        "such a gain by chance: p 1, at most 0.025 may be spent now",
    ),
    "starts": (
        "seconds to the first answer 60, must be at most 60",
        "seconds to the first answer 61, must be at most 60",
    ),
    "cases_pass": ("1 cases passed", "1 of 2 cases failed: case 1: status 500, must be 200"),
    "refuses_malformed": (
        "1 malformed requests refused",
        "malformed requests must get 400 to 499: empty got 500",
    ),
    "right_answers": (
        "1 requests at the boundary got a right answer or a clear refusal",
        "AGE is null: status 500",
    ),
    "invariant": ("no invariance is declared", "the name does not matter: NAME is 2"),
    "fast": (
        "upper bound of p95 in ms 500, must be at most 500; upper bound of p99 in ms 900, must be at most 900",
        "upper bound of p95 in ms 501, must be at most 500",
    ),
    "recovers": ("it answers again after 1 requests a second", "it does not answer after overload"),
    "small": (
        "size in MB 90, must be at most 90; memory in MB 400, must be at most 400",
        "size in MB 91, must be at most 90",
    ),
    "known_files": (
        "the model's files have SHA-256 000000000000",
        "the certificate does not say which files it is about",
    ),
    "check_fair": ("a 0.5, must be at most 0.5", "a 1.5, must be at most 0.5"),
    "check_odd": ("b 20, must be at least 20", "b 19, must be at least 20"),
}


def test_every_gate_says_what_it_should_to_what_passes_and_to_its_break() -> None:
    told = {trial.gate: (trial.good.why, trial.broken.why) for trial in trials(WHOLE) if trial.broken}
    assert told == SAID
    assert [*told] == [*SAID]
    answers = {(trial.good.answer, trial.broken.answer) for trial in trials(WHOLE) if trial.broken}
    assert answers == {("pass", "hold")}
    assert self_test(WHOLE) == ()


def test_the_evidence_that_passes_is_at_the_floor_and_just_beyond_the_minimum() -> None:
    slices = [
        {"slice": name, "rows": 100, "positives": None, "gain": 101.0, "p_worse": 1.0}
        for name in ("SEX = 1", "AGE >= 60")
    ]
    worst = {"slice": "the worst slice", "rows": 100, "positives": None, "gain": 101.0, "p_worse": 1.0, "found": True}
    assert passing_evidence(WHOLE) == {
        "v": 2,
        "metric": "mse",
        "direction": "lower",
        "rows": 15,
        "units": 15,
        "candidate": {"value": 5134.78},
        "champion": {"version": "1", "value": 5235.78},
        "gain": {"mean": 101.0, "lower": 101.0, "upper": 202.0, "confidence": 0.95, "p": 0.0001},
        "sanity": {
            "not_finite": 0, "constant": False, "identical": False, "overlap": 0, "copies": 0,
            "schema": [], "contracts": ["1", "1"],
        },
        "guards": {name: {"lower": 0.0, "confidence": 0.95} for name in ("mae", "latency")},
        "slices": [*slices, worst],
        "holdout": "0" * 64,
    }  # fmt: skip
    assert passing_evidence(replace(WHOLE, slices=Slices()))["slices"] == [worst]
    assert passing_evidence(replace(WHOLE, slices=Slices(where=("A > 1",))))["slices"] == [
        slices[0] | {"slice": "A > 1"}
    ]
    assert [passing_evidence(replace(WHOLE, min_rows=rows))["rows"] for rows in (0, 1, 7)] == [1, 1, 7]
    assert [passing_evidence(replace(WHOLE, min_rows=rows))["units"] for rows in (0, 1, 7)] == [1, 1, 7]


def test_the_certificate_that_passes_is_at_every_limit() -> None:
    assert passing_certificate(LIMITS) == {
        "v": 2,
        "cases": {"passed": 1, "failed": []},
        "malformed": {"not json": 400},
        "refusals": {"broken": []},
        "boundary": {"tried": 1, "broken": []},
        "invariances": {"declared": 0, "tried": 0, "broken": []},
        "start_seconds": 60,
        "latency_ms": {"p50": 500, "p95_upper": 500, "p99_upper": 900, "requests": 299, "errors": 0},
        "overload": {"per_second": 1.0, "recovered": True},
        "size_mb": 90,
        "memory_mb": 400,
        "model_sha256": "0" * 64,
        "checks": {"fair": {"measures": {"a": {"value": 0.5}}}, "odd": {"measures": {"b": {"value": 20.0}}}},
    }
    assert "checks" not in passing_certificate(replace(LIMITS, checks={}))


def pair(gates: Gates) -> tuple[float, float, float, float]:
    found: Any = passing_evidence(gates)
    return found["candidate"]["value"], found["champion"]["value"], found["gain"]["mean"], found["gain"]["lower"]


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        (Gates("mse", "lower", 100.0), (100.0, 101.0, 1.0, 1.0)),
        (Gates("mse", "lower", 100.0, minimum_gain=500.0), (100.0, 601.0, 501.0, 501.0)),
        (Gates("mse", "lower", 900.0, minimum_gain=5000.0), (900.0, 5905.0, 5005.0, 5005.0)),
        (Gates("profit.py", "higher", 12.0, minimum_gain=3), (12.0, 8.0, 4.0, 4.0)),
        (Gates("profit.py", "lower", -12.0, minimum_gain=3), (-12.0, -8.0, 4.0, 4.0)),
        (Gates("mse", "lower", 100.0, sanity=Sanity(max_jump_percent=0.5)), (100.0, 100.2512563, 0.2512563, 0.2512563)),
        (Gates("mse", "lower", 100.0, sanity=Sanity(max_jump_percent=1)), (100.0, 101.0, 1.0, 1.0)),
        (Gates("mse", "lower", 1.0, sanity=Sanity(max_jump_percent=50)), (1.0, 2.0, 1.0, 1.0)),
        (Gates("mse", "lower", 10.0, 2.0, sanity=Sanity(max_jump_percent=25)), (10.0, 13.0, 3.0, 3.0)),
        (Gates("profit.py", "higher", 12.0, sanity=Sanity(max_jump_percent=5)), (12.0, 11.7, 0.3, 0.3)),
        (Gates("profit.py", "higher", 12.0, sanity=Sanity(max_jump_percent=25)), (12.0, 11.0, 1.0, 1.0)),
        (Gates("profit.py", "higher", 100.0, sanity=Sanity(max_jump_percent=1)), (100.0, 99.0, 1.0, 1.0)),
        (Gates("accuracy", "higher", 0.6), (0.9, 0.45, 0.45, 0.45)),
        (Gates("accuracy", "higher", 0.99), (0.99, 0.945, 0.045, 0.045)),
        (Gates("accuracy", "higher", 0.6, sanity=Sanity(max_jump_percent=0)), (1.0, 0.5, 0.5, 0.5)),
        (Gates("brier", "lower", 0.2, 0.5), (0.1, 0.8, 0.7, 0.7)),
        (Gates("accuracy", "higher", 0.6, sanity=Sanity(max_jump_percent=100)), (1.0, 0.5, 0.5, 0.5)),
        (
            Gates("accuracy", "higher", 0.6, 0.02, sanity=Sanity(max_jump_percent=25)),
            (0.6, 0.5233333, 0.0766667, 0.0766667),
        ),
        (Gates("accuracy", "higher", 0.6, sanity=Sanity(max_jump_percent=1e9)), (1.0, 0.5, 0.5, 0.5)),
    ],
)
def test_the_pair_that_passes_gains_between_the_minimum_and_what_is_believed(
    gates: Gates, expected: tuple[float, ...]
) -> None:
    assert pair(gates) == pytest.approx(expected, rel=1e-6)


def broken(gates: Gates, gate: str) -> str:
    (found,) = [trial.broken.why for trial in trials(gates) if trial.gate == gate and trial.broken]
    return found


@pytest.mark.parametrize(
    ("gates", "gate", "says"),
    [
        (Gates("mse", "lower", 100.0), "floor", "mse 101, must be at most 100"),
        (Gates("mse", "lower", 5000.0), "floor", "mse 5005, must be at most 5000"),
        (Gates("brier", "lower", 0.2), "floor", "brier 1, must be at most 0.2"),
        (Gates("accuracy", "higher", 0.6), "floor", "accuracy 0, must be at least 0.6"),
        (Gates("profit.py", "higher", 5000.0), "floor", "profit.py 4995, must be at least 5000"),
        (Gates("profit.py", "higher", -12.0), "floor", "profit.py -13, must be at least -12"),
        (replace(WHOLE, min_rows=0), "enough_rows", "holdout rows 0, must be at least 1"),
        (replace(WHOLE, compare=Comparing(unit="U")), "enough_rows", "holdout units of U 14, must be at least 15"),
        (
            replace(WHOLE, holdout=replace(WHOLE.holdout, error_budget=1.0)),
            "holdout_budget",
            "such a gain by chance: p 1, at most 0.5 may be spent now",
        ),
        (
            Gates("accuracy", "higher", 0.6, sanity=Sanity(max_jump_percent=25)),
            "plausible",
            "accuracy is better by 25.2143 % of what the champion lacks, at most 25 % is believed: look for the target among the features",
        ),
    ],
)
def test_a_break_is_just_beyond_its_limit_or_the_worst_that_can_be(gates: Gates, gate: str, says: str) -> None:
    assert broken(gates, gate) == says


@pytest.mark.parametrize(("direction", "value"), [("lower", 5005.0), ("higher", 4995.0)])
def test_a_limit_of_thousands_is_broken_by_a_thousandth_of_it(direction: Any, value: float) -> None:
    gates = Gates("profit.py", direction, 5000.0)
    found: Any = EVIDENCE_BREAKS["floor"](gates, passing_evidence(gates))
    assert found["candidate"]["value"] == pytest.approx(value, rel=1e-9)


def test_a_break_changes_what_its_gate_reads_and_nothing_else() -> None:
    good, bound = passing_evidence(WHOLE), {"confidence": 1.0}
    guards = {"mae": {"lower": -2.0, **bound}, "latency": {"lower": -50.0, **bound}}
    assert EVIDENCE_BREAKS["guards"](WHOLE, good) == {**good, "guards": guards}
    told: Any = good["slices"]
    worse = {"slice": "A < 0", "rows": 100, "positives": None, "gain": -1.0, "p_worse": 0.0}
    slices = [*({**each, "gain": 0.0} for each in told), worse]
    assert EVIDENCE_BREAKS["slices"](WHOLE, good) == {**good, "slices": slices}
    certificate = passing_certificate(LIMITS)
    unknown = {**certificate, "model_sha256": "unknown"}
    assert CERTIFICATE_BREAKS["known_files"](LIMITS, certificate) == unknown


@pytest.mark.parametrize(
    ("direction", "percent", "mean", "value"),
    [
        ("lower", 25, 50.05, 149.95),
        ("higher", 25, 50.05, 250.05),
        ("lower", 0.1, 0.201, 199.799),
        ("higher", 250, 500.5, 700.5),
    ],
)
def test_a_gain_too_good_is_a_thousandth_beyond_what_is_believed_of_the_champion_as_it_is(
    direction: Any, percent: float, mean: float, value: float
) -> None:
    gates = Gates("profit.py", direction, 200.0, sanity=Sanity(max_jump_percent=percent))
    for champion in (200.0, -200.0):
        good = {**passing_evidence(gates), "champion": {"version": "1", "value": champion}}
        found: Any = EVIDENCE_BREAKS["plausible"](gates, good)
        gain = {**found["gain"], "mean": pytest.approx(mean), "upper": pytest.approx(2 * mean)}
        better = {"value": pytest.approx(value + champion - 200)}
        assert found == {**good, "gain": gain, "candidate": better}


def test_a_gain_too_good_over_a_champion_without_a_value_is_one_over_nothing() -> None:
    gates = Gates("mse", "lower", 100.0, sanity=Sanity(max_jump_percent=25))
    found: Any = EVIDENCE_BREAKS["plausible"](gates, {"gain": {"lower": 1.0}, "champion": {"version": "1"}})
    assert found["gain"] == {"lower": 1.0, "mean": 0.001, "upper": 0.002}
    assert found["candidate"] == {"value": -0.001}


def test_a_break_of_a_large_limit_is_a_thousandth_beyond() -> None:
    large = replace(
        WHOLE,
        certificate=CertificateLimits(p95_ms=50_000, start_seconds=1000, checks={"a": Check({"m": "at least -5000"})}),
    )
    assert broken(large, "fast") == "upper bound of p95 in ms 50050, must be at most 50000"
    assert broken(large, "starts") == "seconds to the first answer 1001, must be at most 1000"
    assert broken(large, "check_a") == "m -5005, must be at least -5000"


GOOD, HELD = GateResult("g", "pass", "good"), GateResult("g", "hold", "bad")


@pytest.mark.parametrize(
    ("trial", "fault"),
    [
        (Trial("g", GOOD, HELD), ""),
        (Trial("g", HELD, HELD), "gate g can never pass: bad"),
        (Trial("g", GOOD, None), "gate g has no break that shows that it can hold"),
        (Trial("g", GOOD, GOOD), "gate g lets through what was made to break it: good"),
    ],
)
def test_a_gate_that_decides_nothing_is_a_fault_in_one_sentence(trial: Trial, fault: str) -> None:
    assert trial.fault == fault


def test_a_limit_that_no_words_make_is_a_check_that_never_passes() -> None:
    odd = replace(WHOLE, certificate=CertificateLimits(checks={"a": Check({"m": "small", "n": "at most 1"})}))
    assert self_test(odd) == ("gate check_a can never pass: m: 'small' is no limit",)
    assert math.isfinite(passing_evidence(odd)["candidate"]["value"])  # type: ignore[index]


def test_a_gain_over_a_champion_near_the_best_is_halfway_to_it() -> None:
    """90 % of 0.001 and a thousandth more would be better than the best."""
    gates = Gates("accuracy", "higher", 0.6)
    found: Any = EVIDENCE_BREAKS["plausible"](
        gates, {**passing_evidence(gates), "champion": {"version": "1", "value": 0.999}}
    )
    assert found["gain"]["mean"] == pytest.approx(0.00095)
    assert found["candidate"]["value"] == pytest.approx(0.99995)


@pytest.mark.parametrize(("rows", "seen"), [(2, 3), (3, 3), (15, 15)])
def test_what_breaks_no_overlap_has_more_copies_than_few(rows: int, seen: int) -> None:
    found: Any = EVIDENCE_BREAKS["no_overlap"](WHOLE, passing_evidence(replace(WHOLE, min_rows=rows)))
    assert (found["rows"], found["sanity"]["overlap"], found["sanity"]["copies"]) == (seen, seen, seen)
    assert self_test(Gates("mse", "lower", 100.0, min_rows=rows)) == ()


def test_copies_of_unknown_rows_are_three() -> None:
    assert EVIDENCE_BREAKS["no_overlap"](WHOLE, {"sanity": {}})["rows"] == 3


def test_a_minimum_that_no_believed_gain_within_the_floor_reaches_is_a_fault() -> None:
    assert self_test(Gates("mse", "lower", 100.0, minimum_gain=899.0)) == ()
    faults = self_test(Gates("mse", "lower", 100.0, minimum_gain=901.0))
    assert any(fault.startswith("gate min_gain can never pass: gain 900.5") for fault in faults)


BOUNDED = Gates("accuracy", "higher", 0.6)


@pytest.mark.parametrize(
    ("guards", "fault"),
    [
        ({"brier": "1"}, ""),
        ({"brier": "1", "latency": "500"}, ""),
        ({"brier": "1.5"}, "brier may be worse by 1, at most 1.5 is allowed"),
        (
            {"mae": "3", "auc": "2", "brier": "1"},
            "mae may be worse by 0, at most 3 is allowed; auc may be worse by 1, at most 2 is allowed; "
            "brier may be worse by 0, at most 1 is allowed",
        ),
    ],
)
def test_a_guard_that_may_lose_more_than_its_metric_can_decides_nothing(guards: dict[str, str], fault: str) -> None:
    told = (f"gate guards lets through what was made to break it: {fault}",) if fault else ()
    assert self_test(replace(BOUNDED, guards=guards)) == told


@pytest.mark.parametrize(("margin", "faults"), [(0.99, 0), (1.0, 1), (3.0, 1)])
def test_a_margin_of_slices_that_no_slice_can_lose_decides_nothing(margin: float, faults: int) -> None:
    asked = Slices(columns=("SEX",), margin=margin)
    assert len(self_test(replace(BOUNDED, slices=asked))) == faults
    assert self_test(replace(WHOLE, slices=asked)) == ()


@pytest.mark.parametrize(
    ("metric", "budget", "faults"),
    [
        ("accuracy", 0.0002, ()),
        ("accuracy", 0.0001, ("p 0.0001, at most 5e-05 may be spent now",)),
        ("average_precision", 0.0005, ("p 0.0005, at most 0.00025 may be spent now",)),
        ("auc", 0.0001, ()),
    ],
)
def test_an_error_budget_that_no_resamples_can_show_passes_nothing(
    metric: str, budget: float, faults: tuple[str, ...]
) -> None:
    gates = Gates(metric, "higher", 0.6, holdout=Holdout(budget))
    told = tuple(f"gate holdout_budget can never pass: such a gain by chance: {fault}" for fault in faults)
    assert self_test(gates) == told


def test_the_least_chance_is_that_of_the_resamples_that_are_drawn() -> None:
    assert least_chance("mse") == 1 / (comparison.RESAMPLES + 1)
    assert least_chance("average_precision") == 1 / (ranked.RESAMPLES + 1)
