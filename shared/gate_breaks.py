"""The gates' self-test: for every gate, documents that pass and the smallest change that must make it hold.

A gate that no document can pass, or that lets its own break through, is a fault of the spec (a floor of infinity,
say) or of the gate. `baton doctor`, the spec's validation and the tests ask `self_test`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from shared.certificate import P95_NEEDS_REQUESTS, certify
from shared.gates import judge
from shared.spec import CertificateLimits, Gates
from shared.verdict import Document, Verdict

Broken = dict[str, object]


def self_test(gates: Gates) -> tuple[str, ...]:
    """The faults of a model's gates, as sentences; empty if all can pass and all can hold."""
    evidence, certificate = passing_evidence(gates), passing_certificate(gates.certificate)
    return (
        *_faults(judge(gates, evidence), {n: judge(gates, b(gates, evidence)) for n, b in EVIDENCE_BREAKS.items()}),
        *_faults(
            certify(gates.certificate, certificate),
            {n: certify(gates.certificate, b(gates.certificate, certificate)) for n, b in CERTIFICATE_BREAKS.items()},
        ),
    )


def _faults(good: Verdict, broken: Mapping[str, Verdict]) -> list[str]:
    never = [f"gate {r.gate} can never pass: {r.why}" for r in good.results if not r.passed]
    always = [
        f"gate {result.gate} lets through what was made to break it: {result.why}"
        for name, verdict in broken.items()
        for result in verdict.results
        if result.gate == name and result.passed
    ]
    unbroken = [f"gate {r.gate} has no break that shows that it can hold" for r in good.results if r.gate not in broken]
    return never + always + unbroken


def passing_evidence(gates: Gates) -> Broken:
    """Evidence of a candidate that is better than champion 1 by more than the gates ask."""
    gain = _beyond(gates.minimum_gain)
    worse = gates.floor + gain if gates.direction == "lower" else gates.floor - gain
    mean = abs(gates.floor - worse)
    return {
        "v": 1,
        "metric": gates.metric,
        "direction": gates.direction,
        "rows": max(gates.min_rows, 1),
        "candidate": {"value": gates.floor},
        "champion": {"version": "1", "value": worse},
        "gain": {"mean": mean, "lower": gain, "upper": mean + abs(gain), "confidence": gates.confidence},
        "sanity": {"not_finite": 0, "constant": False, "identical": False},
    }


def passing_certificate(limits: CertificateLimits) -> Broken:
    """The certificate of a version that is exactly at every limit."""
    return {
        "v": 1,
        "cases": {"passed": 1, "failed": []},
        "malformed": {"not json": 400},
        "start_seconds": limits.start_seconds,
        "latency_ms": {"p50": limits.p95_ms, "p95": limits.p95_ms, "requests": P95_NEEDS_REQUESTS},
        "size_mb": limits.size_mb,
        "model_sha256": "0" * 64,
    }


def _with(document: Document, name: str, **changes: object) -> Broken:
    part = document[name]
    return {**document, name: {**part, **changes} if isinstance(part, Mapping) else changes}


def _beyond(limit: float) -> float:
    return limit + max(1.0, abs(limit) / 1000)


def _short_of(limit: float) -> float:
    return limit - max(1.0, abs(limit) / 1000)


def _worse_than_floor(gates: Gates) -> float:
    return _beyond(gates.floor) if gates.direction == "lower" else _short_of(gates.floor)


EVIDENCE_BREAKS: Mapping[str, Callable[[Gates, Document], Broken]] = {
    "evidence_complete": lambda gates, good: {**good, "champion": {"version": "1", "error": "no such file"}},
    "enough_rows": lambda gates, good: {**good, "rows": max(gates.min_rows, 1) - 1},
    "sane_predictions": lambda gates, good: _with(good, "sanity", not_finite=1),
    "floor": lambda gates, good: _with(good, "candidate", value=_worse_than_floor(gates)),
    "min_gain": lambda gates, good: _with(good, "gain", lower=gates.minimum_gain),
    "not_identical": lambda gates, good: _with(good, "sanity", identical=True),
}

CERTIFICATE_BREAKS: Mapping[str, Callable[[CertificateLimits, Document], Broken]] = {
    "starts": lambda limits, good: {**good, "start_seconds": _beyond(limits.start_seconds)},
    "cases_pass": lambda limits, good: _with(good, "cases", failed=["case 1: status 500, must be 200"]),
    "refuses_malformed": lambda limits, good: _with(good, "malformed", empty=500),
    "fast": lambda limits, good: _with(good, "latency_ms", p95=math.nextafter(limits.p95_ms, math.inf)),
    "small": lambda limits, good: {**good, "size_mb": _beyond(limits.size_mb)},
    "known_files": lambda limits, good: {**good, "model_sha256": "unknown"},
}
