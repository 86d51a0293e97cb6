"""The rules that a version's certificate must keep before it may be staged. Pure; all fail closed.

The certificate is written by `shared/runs/certify.py`, which measures the really started server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from shared.spec import CertificateLimits
from shared.verdict import Document, GateResult, Verdict, at, at_least, at_most, held, is_number, number, passed, text

P95_NEEDS_REQUESTS = 59  # the fewest whose largest bounds the 95th percentile with 95 % confidence: 1 - 0.95^59 > 0.95


def certify(limits: CertificateLimits, certificate: Document) -> Verdict:
    """Whether the version may be staged, by a `certify` run's certificate."""
    return Verdict(tuple(rule(limits, certificate) for rule in CERTIFICATE_GATES.values()))


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
    return passed("refuses_malformed", f"{len(answers)} malformed requests refused")


def _fast(limits: CertificateLimits, certificate: Document) -> GateResult:
    requests = number(certificate, "latency_ms", "requests")
    if requests is None or requests < P95_NEEDS_REQUESTS:
        return at_least("fast", "timed requests", requests, P95_NEEDS_REQUESTS)
    return at_most("fast", "p95 in ms", number(certificate, "latency_ms", "p95"), limits.p95_ms)


def _small(limits: CertificateLimits, certificate: Document) -> GateResult:
    return at_most("small", "size in MB", number(certificate, "size_mb"), limits.size_mb)


def _known_files(limits: CertificateLimits, certificate: Document) -> GateResult:
    sha256 = certificate.get("model_sha256")
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return passed("known_files", f"the model's files have SHA-256 {sha256[:12]}")
    return held("known_files", "the certificate does not say which files it is about")


CERTIFICATE_GATES: Mapping[str, Callable[[CertificateLimits, Document], GateResult]] = {
    "starts": _starts,
    "cases_pass": _cases_pass,
    "refuses_malformed": _refuses_malformed,
    "fast": _fast,
    "small": _small,
    "known_files": _known_files,
}
