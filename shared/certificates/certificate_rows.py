"""A certificate's verdicts as rows of a table: what was asked, what was measured, between which bounds, and the limit. Pure.

The gates decide (`certificate.py`, `declared_checks.py`); a row only shows, and never says "pass" where its gate holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from shared.certificates.certificate import certify
from shared.certificates.check_story import short
from shared.certificates.declared_checks import PREFIX, declared_checks
from shared.gating.verdict import Document, GateResult, at, number, text
from shared.model_yaml.gate_spec import Check
from shared.spec import CertificateLimits

UNKNOWN = "not measured"
ANY = 1e15
Reading = tuple[str, str, str, str]
"""Label, what was measured, its interval ("" if it has none), and the limit, all in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict. `why` is the gate's reason, "" where it passed."""

    gate: str
    label: str
    passed: bool
    measured: str
    interval: str
    limit: str
    why: str = ""

    @property
    def told(self) -> str:
        """The row in one sentence."""
        between = f" ({self.interval})" if self.interval else ""
        return f"{self.label}: {self.measured}{between}, must be {self.limit}"


def verdict_rows(limits: CertificateLimits, certificate: Document) -> tuple[Row, ...]:
    """The rows of all gates, in the order in which they are asked; a gate with several limits has as many rows.

    Each row is decided as its gate with that limit alone decides, so a gate passes exactly where all its rows do.
    """
    found: list[Row] = []
    for result in certify(limits, certificate).results:
        name = result.gate.removeprefix(PREFIX)
        if result.gate.startswith(PREFIX) and name in limits.checks:
            found += _check_rows(name, limits.checks[name], certificate)
        else:
            found += _gate_rows(result.gate, limits, certificate)
    return tuple(found)


def _gate_rows(gate: str, limits: CertificateLimits, certificate: Document) -> Iterator[Row]:
    for reading, alone in zip(READINGS[gate](limits, certificate), _alone(gate, limits, certificate), strict=True):
        (result,) = (one for one in certify(alone, certificate).results if one.gate == gate)
        yield _row(result, reading)


def _alone(gate: str, limits: CertificateLimits, certificate: Document) -> list[CertificateLimits]:
    """For each row of a gate the limits that decide about it alone."""
    if gate == "fast" and _asks_p99(limits, certificate):
        return [replace(limits, p99_ms=0), replace(limits, p95_ms=ANY)]
    if gate == "small" and limits.memory_mb > 0:
        return [replace(limits, memory_mb=0), replace(limits, size_mb=ANY)]
    return [limits]


def _asks_p99(limits: CertificateLimits, certificate: Document) -> bool:
    """Certificates of form 1 were never held against it."""
    return limits.p99_ms > 0 and certificate.get("v") != 1


def _row(result: GateResult, reading: Reading) -> Row:
    label, measured, interval, limit = reading
    return Row(result.gate, label, result.passed, measured, interval, limit, "" if result.passed else result.why)


def _check_rows(name: str, check: Check, certificate: Document) -> Iterator[Row]:
    """One row a limit, each decided as a check with that limit alone would be."""
    for measure, limit in check.limits.items():
        (result,) = declared_checks({name: replace(check, limits={measure: limit})}, certificate)
        value, low, high = (number(certificate, "checks", name, "measures", measure, part) for part in PARTS)
        side, bound = ("lower", low) if limit.startswith("at least") else ("upper", high)
        by = f", by its {side} bound" if check.judge == "bounds" and bound is not None else ""
        label = f"{name}: {measure}".replace("_", " ")
        measured = UNKNOWN if value is None else short(value)
        yield _row(result, (label, measured, _between(low, high), f"{limit}{by}"))


PARTS = ("value", "lower", "upper")


def _starts(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    seconds = _unit(number(certificate, "start_seconds"), "s")
    yield "cold start", seconds, "", f"at most {text(limits.start_seconds)} s"


def _cases(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    right, failed = number(certificate, "cases", "passed"), at(certificate, "cases", "failed")
    known = right is not None and isinstance(failed, list | tuple)
    told = f"{text(right or 0)} passed, {len(failed)} failed" if known and isinstance(failed, list | tuple) else UNKNOWN
    yield "the owner's cases", told, "", "all passed, and 1 at least"


def _malformed(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    answers = certificate.get("malformed")
    told = UNKNOWN
    if isinstance(answers, Mapping) and answers:
        codes = sorted({str(code) for code in answers.values()})
        told = f"{len(answers)} sent, answered {', '.join(codes)}"
    yield "malformed requests", told, "", "refused with 400 to 499 and a reason"


def _broken(label: str, part: str) -> Callable[[CertificateLimits, Document], Iterator[Reading]]:
    def reading(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
        tried, broken = number(certificate, part, "tried"), at(certificate, part, "broken")
        told = UNKNOWN
        if tried is not None and isinstance(broken, list | tuple):
            told = f"{text(tried)} tried, {len(broken)} wrong"
        yield label, told, "", "none wrong"

    return reading


def _fast(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    for percent, limit in (("p95", limits.p95_ms), ("p99", limits.p99_ms)):
        if percent == "p95" or _asks_p99(limits, certificate):
            value = _unit(number(certificate, "latency_ms", percent), "ms")
            yield (
                f"{percent} of the latency",
                value,
                latency_interval(certificate, percent),
                f"at most {text(limit)} ms",
            )


def latency_interval(certificate: Document, percent: str) -> str:
    """The 95 % interval of a percentile, "" where it was not measured; the upper bound alone where that is all there is."""
    found = at(certificate, "latency_ms", "intervals", percent)
    low, high = found if isinstance(found, list) and len(found) == 2 else (None, None)
    upper = number(certificate, "latency_ms", f"{percent}_upper")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return f"{short(low)} to {short(high)} ms"
    return "" if upper is None else f"up to {short(upper)} ms"


def _recovers(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    rate, recovered = number(certificate, "overload", "per_second"), at(certificate, "overload", "recovered")
    after = {True: "answers again", False: "does not answer any more"}.get(recovered is True, UNKNOWN)
    told = UNKNOWN if rate is None else f"{after} after {short(rate)} requests a second"
    yield "past saturation", told, "", "answering again after twice what one worker can do"


def _small(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    yield "size of its files", _unit(number(certificate, "size_mb"), "MB"), "", f"at most {text(limits.size_mb)} MB"
    if limits.memory_mb > 0:
        memory = _unit(number(certificate, "memory_mb"), "MB")
        yield "memory of its worker", memory, "", f"at most {text(limits.memory_mb)} MB"


def _files(limits: CertificateLimits, certificate: Document) -> Iterator[Reading]:
    sha256 = certificate.get("model_sha256")
    yield "which files it is about", f"SHA-256 {sha256[:12]}..." if isinstance(sha256, str) else UNKNOWN, "", "named"


READINGS: Mapping[str, Callable[[CertificateLimits, Document], Iterator[Reading]]] = {
    "starts": _starts,
    "cases_pass": _cases,
    "refuses_malformed": _malformed,
    "right_answers": _broken("requests at the boundary", "boundary"),
    "invariant": _broken("invariances", "invariances"),
    "fast": _fast,
    "recovers": _recovers,
    "small": _small,
    "known_files": _files,
}


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{short(low)} to {short(high)}"


def _unit(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else f"{short(value)} {unit}"
