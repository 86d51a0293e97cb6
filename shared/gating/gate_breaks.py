"""The gates' self-test: for every gate, documents that pass and the smallest change that must make it hold.

A gate that no document can pass, or that lets its own break through, is a fault of the spec (a floor of infinity, or
an accuracy of at least 0) or of the gate. Nothing is asked of a metric that it cannot be. `baton gates test` shows the
trials; `baton publish`, `baton doctor` and the tests ask `self_test`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.certificates.certificate import P99_NEEDS_REQUESTS, certify
from shared.certificates.declared_checks import PREFIX, limit_of
from shared.gates import judge
from shared.gating.metric_facts import best, least_chance, span, worst
from shared.gating.sanity_gates import FEW_COPIES, FORM, jump_limit, wrong_of
from shared.gating.verdict import Document, GateResult, Verdict, number
from shared.model_yaml.gate_spec import Check, Slices
from shared.spec import CertificateLimits, Gates

Broken = dict[str, object]
FIRST_SHARE = 0.5  # of a holdout's error budget: what the first comparison may spend, and none may spend more
SEARCHED = "the worst slice"


@dataclass(frozen=True, slots=True)
class Trial:
    """One gate's answers to a document that is good and to one that is broken for it, None if nobody knows how."""

    gate: str
    good: GateResult
    broken: GateResult | None

    @property
    def fault(self) -> str:
        """Why the gate decides nothing, as a sentence; "" if it can pass and can hold."""
        if not self.good.passed:
            return f"gate {self.gate} can never pass: {self.good.why}"
        if self.broken is None:
            return f"gate {self.gate} has no break that shows that it can hold"
        if self.broken.passed:
            return f"gate {self.gate} lets through what was made to break it: {self.broken.why}"
        return ""


def self_test(gates: Gates) -> tuple[str, ...]:
    """The faults of a model's gates, as sentences; empty if all can pass and all can hold."""
    return tuple(trial.fault for trial in trials(gates) if trial.fault)


def trials(gates: Gates) -> tuple[Trial, ...]:
    """Every gate of the spec, tried with what it must let through and with what it must hold."""
    evidence, limits = passing_evidence(gates), gates.certificate
    certificate = passing_certificate(limits)
    good = judge(gates, evidence, share=FIRST_SHARE)
    names = [result.gate for result in good.results if result.gate in EVIDENCE_BREAKS]
    judged = {name: judge(gates, EVIDENCE_BREAKS[name](gates, evidence), share=FIRST_SHARE) for name in names}
    certified = {name: certify(limits, broken(limits, certificate)) for name, broken in CERTIFICATE_BREAKS.items()}
    for name, check in limits.checks.items():
        certified[f"{PREFIX}{name}"] = certify(limits, {**certificate, "checks": {name: _measured(check, _past)}})
    return (*_trials(good, judged), *_trials(certify(limits, certificate), certified))


def _trials(good: Verdict, broken: Mapping[str, Verdict]) -> list[Trial]:
    return [Trial(result.gate, result, _answer_of(result.gate, broken)) for result in good.results]


def _answer_of(gate: str, broken: Mapping[str, Verdict]) -> GateResult | None:
    if gate not in broken:
        return None
    return next(result for result in broken[gate].results if result.gate == gate)


def passing_evidence(gates: Gates) -> Broken:
    """Evidence of a candidate that is better than champion 1 by more than the gates ask."""
    value, champion, gain = _better_pair(gates)
    mean = abs(champion - value)
    return {
        "v": FORM,
        "metric": gates.metric,
        "direction": gates.direction,
        "rows": max(gates.min_rows, 1),
        "units": max(gates.min_rows, 1),
        "candidate": {"value": value},
        "champion": {"version": "1", "value": champion},
        "gain": {
            "mean": mean,
            "lower": gain,
            "upper": mean + abs(gain),
            "confidence": gates.confidence,
            "p": least_chance(gates.metric),
        },
        "sanity": {
            "not_finite": 0,
            "constant": False,
            "identical": False,
            "overlap": 0,
            "copies": 0,
            "schema": [],
            "contracts": ["1", "1"],
        },
        "guards": {name: {"lower": 0.0, "confidence": gates.confidence} for name in gates.guards},
        "slices": [_slice(gates, name, gain) for name in _slices_of(gates.slices)],
        "holdout": "0" * 64,
    }


def _slices_of(asked: Slices) -> list[str]:
    """One of each that is asked for."""
    declared = [*(f"{column} = 1" for column in asked.columns), *asked.where]
    return [*declared, SEARCHED] if asked.depth or not declared else declared


def _slice(gates: Gates, name: str, gain: float, p_worse: float = 1.0) -> Broken:
    told = {"slice": name, "rows": gates.slices.min_rows, "positives": None, "gain": gain, "p_worse": p_worse}
    return told | ({"found": True} if name == SEARCHED else {})


def _better_pair(gates: Gates) -> tuple[float, float, float]:
    """A candidate's and a champion's value that the metric can have, and a gain between limit and difference.

    At the floor where the metric has no worst value; otherwise as near to the best value as a jump may lead.
    """
    sign, top, most = (1.0 if gates.direction == "lower" else -1.0), best(gates), jump_limit(gates) / 100
    span = abs(worst(gates) - top)
    if math.isinf(span):
        gain, value = _beyond(gates.minimum_gain), gates.floor
        room = abs(value) * most if math.isinf(top) else abs(value - top) * most / (1 - most)
        if most and gain > room:  # a smaller one that is still beyond the minimum, if there is
            gain = (gates.minimum_gain + room) / 2
        return value, value + sign * gain, gain
    wrong = min(abs(gates.floor - top), span * (1 - most)) if most else 0.0
    gain = (gates.minimum_gain + (min(wrong * most / (1 - most), span - wrong) if most else span)) / 2
    return top + sign * wrong, top + sign * (wrong + gain), gain


def passing_certificate(limits: CertificateLimits) -> Broken:
    """The certificate of a version that is exactly at every limit."""
    checks = {name: _measured(check, lambda way, limit: limit) for name, check in limits.checks.items()}
    return {
        "v": 2,
        "cases": {"passed": 1, "failed": []},
        "malformed": {"not json": 400},
        "refusals": {"broken": []},
        "boundary": {"tried": 1, "broken": []},
        "invariances": {"declared": 0, "tried": 0, "broken": []},
        "start_seconds": limits.start_seconds,
        "latency_ms": {
            "p50": limits.p95_ms,
            "p95_upper": limits.p95_ms,
            "p99_upper": limits.p99_ms,
            "requests": P99_NEEDS_REQUESTS,
            "errors": 0,
        },
        "overload": {"per_second": 1.0, "recovered": True},
        "size_mb": limits.size_mb,
        "memory_mb": limits.memory_mb,
        "model_sha256": "0" * 64,
    } | ({"checks": checks} if checks else {})


def _measured(check: Check, value: Callable[[str, float], float]) -> Broken:
    """What a check would say whose every measure has this value by the way and the number of its limit."""
    limits = {measure: limit_of(words) for measure, words in check.limits.items()}
    return {"measures": {measure: {"value": value(*limit)} for measure, limit in limits.items() if limit}}


def _past(way: str, limit: float) -> float:
    return _beyond(limit) if way == "most" else _short_of(limit)


def _with(document: Document, name: str, **changes: object) -> Broken:
    part = document[name]
    assert isinstance(part, Mapping), name
    return {**document, name: {**part, **changes}}


def _beyond(limit: float) -> float:
    return limit + max(1.0, abs(limit) / 1000)


def _short_of(limit: float) -> float:
    return limit - max(1.0, abs(limit) / 1000)


def _worse_than_floor(gates: Gates) -> float:
    """The metric just beyond the floor, or at its worst where that is nearer."""
    return (
        min(_beyond(gates.floor), worst(gates))
        if gates.direction == "lower"
        else max(_short_of(gates.floor), worst(gates))
    )


def _too_good(gates: Gates, good: Document) -> Broken:
    """The gain just beyond what is believed, of the champion's value as it is."""
    champion = number(good, "champion", "value") or 0.0
    wrong = wrong_of(gates, champion)
    jump = wrong * (jump_limit(gates) / 100)
    mean = jump + max(1.0, jump) / 1000
    if math.isfinite(best(gates)) and wrong:  # no candidate is better than the best
        mean = min(mean, (jump + wrong) / 2)
    better = champion - mean if gates.direction == "lower" else champion + mean
    return {**_with(good, "gain", mean=mean, upper=mean * 2), "candidate": {"value": better}}


def _all_lost(gates: Gates, good: Document) -> Broken:
    """Every guard at its margin; or, where a margin is more than its metric can lose, that guard alone at its worst."""
    lost = {name: min(float(most), span(name)) for name, most in gates.guards.items()}
    endless = {name: most for name, most in lost.items() if most < float(gates.guards[name])}
    guarded = {name: {"lower": -most, "confidence": 1.0} for name, most in (endless or lost).items()}
    kept = {name: {"lower": 0.0, "confidence": gates.confidence} for name in gates.guards}
    return {**good, "guards": {**kept, **guarded}}


def _a_slice_lost(gates: Gates, good: Document) -> Broken:
    """One slice more, which is shown to be worse by more than the margin, if its metric can lose so much."""
    is_possible = gates.slices.margin < span(gates.metric)
    lost = _slice(gates, "A < 0", -1.0, 0.0 if is_possible else 1.0)
    return {**good, "slices": [_slice(gates, name, 0.0) for name in _slices_of(gates.slices)] + [lost]}


def _all_seen(good: Document) -> Broken:
    """Every holdout row is a copy of a training row, and there are more than a few."""
    rows = max(filter(None, (number(good, "rows"), FEW_COPIES + 1)))
    return {**_with(good, "sanity", overlap=rows, copies=rows), "rows": rows}


EVIDENCE_BREAKS: Mapping[str, Callable[[Gates, Document], Broken]] = {
    "evidence_complete": lambda gates, good: {**good, "champion": {"version": "1", "error": "no such file"}},
    "enough_rows": lambda gates, good: {
        **good,
        "units" if gates.compare.unit else "rows": max(gates.min_rows, 1) - 1,
    },
    "sane_predictions": lambda gates, good: _with(good, "sanity", not_finite=1),
    "floor": lambda gates, good: _with(good, "candidate", value=_worse_than_floor(gates)),
    "min_gain": lambda gates, good: _with(good, "gain", lower=gates.minimum_gain),
    "not_identical": lambda gates, good: _with(good, "sanity", identical=True),
    "plausible": lambda gates, good: _too_good(gates, good),
    "no_overlap": lambda gates, good: _all_seen(good),
    "same_schema": lambda gates, good: _with(good, "sanity", schema=["AGE is gone"]),
    "guards": _all_lost,
    "slices": _a_slice_lost,
    "holdout_budget": lambda gates, good: _with(good, "gain", p=min(1.0, _beyond(gates.holdout.error_budget))),
}

CERTIFICATE_BREAKS: Mapping[str, Callable[[CertificateLimits, Document], Broken]] = {
    "starts": lambda limits, good: {**good, "start_seconds": _beyond(limits.start_seconds)},
    "cases_pass": lambda limits, good: _with(good, "cases", failed=["case 1: status 500, must be 200"]),
    "refuses_malformed": lambda limits, good: _with(good, "malformed", empty=500),
    "right_answers": lambda limits, good: _with(good, "boundary", broken=["AGE is null: status 500"]),
    "invariant": lambda limits, good: _with(good, "invariances", broken=["the name does not matter: NAME is 2"]),
    "fast": lambda limits, good: _with(good, "latency_ms", p95_upper=_beyond(limits.p95_ms)),
    "recovers": lambda limits, good: _with(good, "overload", recovered=False),
    "small": lambda limits, good: {**good, "size_mb": _beyond(limits.size_mb)},
    "known_files": lambda limits, good: {**good, "model_sha256": "unknown"},
}
