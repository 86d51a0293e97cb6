"""The rules that a version's certificate must keep before it may be staged. Pure; all fail closed.

The certificate is written by `shared/runs/certify.py`, which measures the really started server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from shared.certificates.declared_checks import declared_checks
from shared.gating.verdict import (
    Document,
    GateResult,
    Verdict,
    at,
    at_least,
    at_most,
    held,
    is_number,
    number,
    passed,
    text,
)
from shared.spec import CertificateLimits

P95_NEEDS_REQUESTS = 59  # the fewest whose largest bounds the 95th percentile with 95 % confidence: 1 - 0.95^59 > 0.95
P99_NEEDS_REQUESTS = 299  # and the 99th: 1 - 0.99^299 > 0.95


def certify(limits: CertificateLimits, certificate: Document) -> Verdict:
    """Whether the version may be staged, by a `certify` run's certificate.

    A certificate of form 1 (before 0.2.0) is judged by what was measured then, so that folding an older journal again
    gives the rows that it gave.
    """
    rules = FORM_1 if certificate.get("v") == 1 else CERTIFICATE_GATES
    measured = (rule(limits, certificate) for rule in rules.values())
    return Verdict((*measured, *declared_checks(limits.checks, certificate)))


def _starts(limits: CertificateLimits, certificate: Document) -> GateResult:
    if error := certificate.get("error"):
        return held("starts", f"the server did not start: {error}")
    seconds = number(certificate, "start_seconds")
    return at_most("starts", "seconds to the first answer", seconds, limits.start_seconds)


def _cases_pass(limits: CertificateLimits, certificate: Document) -> GateResult:
    right, failed = number(certificate, "cases", "passed"), at(certificate, "cases", "failed")
    if right is None or not isinstance(failed, list | tuple):
        return held("cases_pass", "the owner's cases were not tried")
    numbers = {"passed": right, "failed": float(len(failed))}
    if failed:
        return held("cases_pass", f"{len(failed)} of {text(right + len(failed))} cases failed: {failed[0]}", numbers)
    if right < 1:
        return held("cases_pass", "there is no case: at least 1 is needed", numbers)
    return passed("cases_pass", f"{text(right)} cases passed", numbers)


def _refuses_malformed(limits: CertificateLimits, certificate: Document) -> GateResult:
    answers = certificate.get("malformed")
    if not isinstance(answers, Mapping) or not answers:
        return held("refuses_malformed", "malformed requests were not tried")
    wrong = [f"{name} got {code}" for name, code in answers.items() if not (is_number(code) and 400 <= code < 500)]
    if wrong:
        return held("refuses_malformed", f"malformed requests must get 400 to 499: {', '.join(wrong)}")
    why = f"{len(answers)} malformed requests refused"
    if certificate.get("v") == 1:
        return passed("refuses_malformed", why)
    return _nothing_broken("refuses_malformed", certificate, "refusals", why)


def _right_answers(limits: CertificateLimits, certificate: Document) -> GateResult:
    tried = number(certificate, "boundary", "tried")
    if tried is None or tried < 1:
        return held("right_answers", "requests at the boundary were not tried")
    why = f"{text(tried)} requests at the boundary got a right answer or a clear refusal"
    return _nothing_broken("right_answers", certificate, "boundary", why)


def _invariant(limits: CertificateLimits, certificate: Document) -> GateResult:
    declared, tried = (number(certificate, "invariances", name) for name in ("declared", "tried"))
    if declared is None or tried is None:
        return held("invariant", "the declared invariances were not tried")
    why = f"{text(declared)} invariances hold in {text(tried)} comparisons" if declared else "no invariance is declared"
    return _nothing_broken("invariant", certificate, "invariances", why)


def _nothing_broken(gate: str, certificate: Document, part: str, why: str) -> GateResult:
    """Whether the part's list of what is broken is there, and empty."""
    broken = at(certificate, part, "broken")
    if not isinstance(broken, list | tuple):
        return held(gate, f"it is not known whether {part} are right")
    return held(gate, f"{broken[0]}", {"broken": float(len(broken))}) if broken else passed(gate, why)


def _fast(limits: CertificateLimits, certificate: Document) -> GateResult:
    """By the upper bounds: what the percentiles do not exceed with 95 % confidence."""
    requests, errors = (number(certificate, "latency_ms", name) for name in ("requests", "errors"))
    needed = P99_NEEDS_REQUESTS if limits.p99_ms > 0 else P95_NEEDS_REQUESTS
    if requests is None or requests < needed:
        return at_least("fast", "timed requests", requests, needed)
    if errors != 0:
        told = "not known" if errors is None else text(errors)
        return held("fast", f"good requests under load without status 200: {told}, must be 0")
    p95 = at_most("fast", "upper bound of p95 in ms", number(certificate, "latency_ms", "p95_upper"), limits.p95_ms)
    if limits.p99_ms <= 0 or not p95.passed:
        return p95
    p99 = at_most("fast", "upper bound of p99 in ms", number(certificate, "latency_ms", "p99_upper"), limits.p99_ms)
    return p99 if not p99.passed else passed("fast", f"{p95.why}; {p99.why}", p95.numbers)


def _fast_of_form_1(limits: CertificateLimits, certificate: Document) -> GateResult:
    requests = number(certificate, "latency_ms", "requests")
    if requests is None or requests < P95_NEEDS_REQUESTS:
        return at_least("fast", "timed requests", requests, P95_NEEDS_REQUESTS)
    return at_most("fast", "p95 in ms", number(certificate, "latency_ms", "p95"), limits.p95_ms)


def _recovers(limits: CertificateLimits, certificate: Document) -> GateResult:
    """A queue past saturation is no fault; a server that does not come back after it is."""
    recovered, rate = at(certificate, "overload", "recovered"), number(certificate, "overload", "per_second")
    if recovered is True and rate is not None:
        return passed("recovers", f"it answers again after {text(rate)} requests a second")
    return held("recovers", "it does not answer after overload" if recovered is False else "overload was not tried")


def _small(limits: CertificateLimits, certificate: Document) -> GateResult:
    size = at_most("small", "size in MB", number(certificate, "size_mb"), limits.size_mb)
    if limits.memory_mb <= 0 or not size.passed:
        return size
    memory = at_most("small", "memory in MB", number(certificate, "memory_mb"), limits.memory_mb)
    return memory if not memory.passed else passed("small", f"{size.why}; {memory.why}", size.numbers)


def _known_files(limits: CertificateLimits, certificate: Document) -> GateResult:
    sha256 = certificate.get("model_sha256")
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return passed("known_files", f"the model's files have SHA-256 {sha256[:12]}")
    return held("known_files", "the certificate does not say which files it is about")


CERTIFICATE_GATES: Mapping[str, Callable[[CertificateLimits, Document], GateResult]] = {
    "starts": _starts,
    "cases_pass": _cases_pass,
    "refuses_malformed": _refuses_malformed,
    "right_answers": _right_answers,
    "invariant": _invariant,
    "fast": _fast,
    "recovers": _recovers,
    "small": _small,
    "known_files": _known_files,
}

FORM_1: Mapping[str, Callable[[CertificateLimits, Document], GateResult]] = {
    "starts": _starts,
    "cases_pass": _cases_pass,
    "refuses_malformed": _refuses_malformed,
    "fast": _fast_of_form_1,
    "small": _small,
    "known_files": _known_files,
}
