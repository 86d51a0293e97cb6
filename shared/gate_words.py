"""A model's gates read out: one sentence a gate, with every limit that `model.yaml` sets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.gates import CANDIDATE_GATES
from shared.metric_facts import facts
from shared.spec import Approval, CertificateLimits, Gates, Rollout, Spec
from shared.verdict import text

Sentences = tuple[tuple[str, str], ...]


def candidate_sentences(gates: Gates) -> Sentences:
    """Gate and sentence, in the order in which a candidate meets them."""
    asked = ("evidence_complete", *CANDIDATE_GATES)
    return tuple((gate, CANDIDATE_WORDS[gate](gates)) for gate in asked)


def certificate_sentences(limits: CertificateLimits) -> Sentences:
    """Gate and sentence of the certificate, which is measured on the really started server."""
    return tuple((gate, words(limits)) for gate, words in CERTIFICATE_WORDS.items())


def production_sentences(spec: Spec) -> Sentences:
    """What stands between a certified version and all of the traffic."""
    return (("approval", _approval(spec.approval)), ("rollout_step", _rollout(spec.rollout)))


def _metric(gates: Gates) -> str:
    return f"{facts(gates.metric).words} ({gates.metric}, {gates.direction} is better)"


def _evidence_complete(gates: Gates) -> str:
    return (
        "candidate and champion score the same holdout rows now, each through its own score.py; "
        "whatever cannot be scored, measured or read holds the candidate, and so does another champion than the one that serves"
    )


def _enough_rows(gates: Gates) -> str:
    return f"it is judged by at least {max(gates.min_rows, 1)} holdout rows, which no training sees"


def _sane_predictions(gates: Gates) -> str:
    return "every prediction is a finite number, and not all are the same"


def _floor(gates: Gates) -> str:
    limit = "at most" if gates.direction == "lower" else "at least"
    return f"its {_metric(gates)} is {limit} {text(gates.floor)}, also where there is no champion"


def _min_gain(gates: Gates) -> str:
    beyond = f"more than {text(gates.minimum_gain)}" if gates.minimum_gain else "anything at all"
    return (
        f"it is better than the champion by {beyond} in {gates.metric}, row by row, "
        f"with {text(100 * gates.confidence)} % confidence (one-sided)"
    )


def _not_identical(gates: Gates) -> str:
    return "it does not predict exactly what the champion predicts"


CANDIDATE_WORDS: Mapping[str, Callable[[Gates], str]] = {
    "evidence_complete": _evidence_complete,
    "enough_rows": _enough_rows,
    "sane_predictions": _sane_predictions,
    "floor": _floor,
    "min_gain": _min_gain,
    "not_identical": _not_identical,
}

CERTIFICATE_WORDS: Mapping[str, Callable[[CertificateLimits], str]] = {
    "starts": lambda limits: f"its server answers at most {text(limits.start_seconds)} s after it was started",
    "cases_pass": lambda limits: "all cases of tests/cases.json get the expected answer, and there is at least 1",
    "refuses_malformed": lambda limits: "malformed requests get a status from 400 to 499",
    "right_answers": lambda limits: "requests at the boundary get a right answer or a clear refusal",
    "invariant": lambda limits: "the invariances of tests/invariances.json hold",
    "fast": lambda limits: _percentiles(limits),
    "recovers": lambda limits: "it answers again after twice the load that one worker can bear",
    "small": lambda limits: _sizes(limits),
    "known_files": lambda limits: "the certificate names the hash of the files that it is about",
}


def _percentiles(limits: CertificateLimits) -> str:
    more = f", 99 % within {text(limits.p99_ms)} ms" if limits.p99_ms > 0 else ""
    return f"95 % of the requests are answered within {text(limits.p95_ms)} ms{more}, with 95 % confidence"


def _sizes(limits: CertificateLimits) -> str:
    more = f", its worker at most {text(limits.memory_mb)} MB of memory" if limits.memory_mb > 0 else ""
    return f"its files take at most {text(limits.size_mb)} MB{more}"


def _approval(approval: Approval) -> str:
    who = " or ".join(approval.approvers)
    return f"{who} approves it within {text(approval.expires_hours)} hours, otherwise it expires"


def _rollout(plan: Rollout) -> str:
    steps = ", ".join(str(step) for step in plan.steps)
    return (
        f"it gets {steps} % of the traffic; each step lasts at least {text(plan.bake_seconds)} s and {max(plan.min_requests, 1)} "
        f"requests, of which at most {text(plan.max_error_percent)} % may fail, otherwise it is taken back"
    )
