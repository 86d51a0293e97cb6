"""A certificate's verdicts as rows: they say what the gates decided, never more, with what was measured beside the limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.certificates.certificate import certify
from shared.certificates.certificate_rows import verdict_rows
from shared.gating.gate_breaks import CERTIFICATE_BREAKS, passing_certificate
from shared.model_yaml.gate_spec import Check
from shared.spec import CertificateLimits

FAIR = Check(limits={"difference": "at most 0.2", "ratio": "at least 0.8"})
LIMITS = CertificateLimits(
    p95_ms=500, start_seconds=60, size_mb=100, p99_ms=900, memory_mb=400, checks={"fairness": FAIR}
)
GOOD: dict[str, Any] = passing_certificate(LIMITS)


def row(label: str, certificate: dict[str, Any], limits: CertificateLimits = LIMITS) -> Any:
    (found,) = [one for one in verdict_rows(limits, certificate) if one.label == label]
    return found


@pytest.mark.parametrize("limits", [LIMITS, replace(LIMITS, p99_ms=0, memory_mb=0), replace(LIMITS, checks={})])
@pytest.mark.parametrize(
    "certificate",
    [
        GOOD,
        {},
        {"v": 1},
        {"v": 2, "error": "KeyError in init()"},
        {**GOOD, "v": 1},
        {**GOOD, "latency_ms": {**GOOD["latency_ms"], "p99_upper": 901}},
        {**GOOD, "latency_ms": {**GOOD["latency_ms"], "requests": 100}},
        {**GOOD, "memory_mb": None},
        {**GOOD, "checks": {"fairness": {"error": "KeyError: 'SEX'"}}},
        {**GOOD, "checks": {"fairness": {"measures": {"difference": {"value": 0.1}}}}},
        *(broken(LIMITS, GOOD) for broken in CERTIFICATE_BREAKS.values()),
    ],
)
def test_a_gate_passes_exactly_where_all_its_rows_do(limits: CertificateLimits, certificate: dict[str, Any]) -> None:
    rows = verdict_rows(limits, certificate)
    for result in certify(limits, certificate).results:
        of_gate = [one for one in rows if one.gate == result.gate]
        assert result.passed == all(one.passed for one in of_gate), result
        assert of_gate, result
    assert all(bool(one.why) != one.passed for one in rows)


def test_the_limit_that_is_not_kept_is_told_from_the_one_that_is() -> None:
    slow = {**GOOD, "latency_ms": {**GOOD["latency_ms"], "p95": 12.3456, "p99": 950, "p99_upper": 901}}

    assert row("p95 of the latency", slow).passed
    assert row("p95 of the latency", slow).told == "p95 of the latency: 12.3 ms (up to 500 ms), must be at most 500 ms"
    assert row("p99 of the latency", slow).why == "upper bound of p99 in ms 901, must be at most 900"


def test_a_check_has_a_row_for_each_limit_with_value_bounds_and_what_decides() -> None:
    measures = {"difference": {"value": 0.1, "lower": 0.02, "upper": 0.18}, "ratio": {"value": 0.75}}
    found = {**GOOD, "checks": {"fairness": {"measures": measures}}}
    kept, lost = row("fairness: difference", found), row("fairness: ratio", found)

    assert kept.passed
    assert kept.told == "fairness: difference: 0.1 (0.02 to 0.18), must be at most 0.2, by its upper bound"
    assert (lost.passed, lost.why) == (False, "ratio 0.75, must be at least 0.8")


def test_what_was_not_measured_is_called_so() -> None:
    assert {one.measured for one in verdict_rows(LIMITS, {})} == {"not measured"}


def test_the_interval_is_that_of_the_order_statistics() -> None:
    timed = {**GOOD, "latency_ms": {**GOOD["latency_ms"], "p95": 2.0, "intervals": {"p95": [1.5, 2.5]}}}

    assert row("p95 of the latency", timed).interval == "1.5 to 2.5 ms"
