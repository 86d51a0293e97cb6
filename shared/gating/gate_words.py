"""A model's gates read out: one sentence a gate, with every limit that `model.yaml` sets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.certificates.declared_checks import PREFIX, sentence
from shared.gates import asked
from shared.gating.guard_gates import FEWEST_UNITS
from shared.gating.metric_facts import facts, is_custom
from shared.gating.sanity_gates import FEW_COPIES, MOST_COPIES_PERCENT, jump_limit
from shared.gating.verdict import text
from shared.spec import Approval, CertificateLimits, Gates, Rollout, Spec

Sentences = tuple[tuple[str, str], ...]


def candidate_sentences(gates: Gates) -> Sentences:
    """Gate and sentence, in the order in which a candidate meets them."""
    budget = ("holdout_budget",) if gates.holdout.error_budget else ()
    return tuple((gate, CANDIDATE_WORDS[gate](gates)) for gate in ("evidence_complete", *asked(gates), *budget))


def not_asked(gates: Gates) -> tuple[str, ...]:
    """What the spec leaves out, and so no gate looks at, with the entry that asks for it."""
    budget = {"holdout_budget"} if gates.holdout.error_budget else set()
    return tuple(words for gate, words in LEFT_OUT.items() if gate not in {*asked(gates), *budget})


def certificate_sentences(limits: CertificateLimits) -> Sentences:
    """Gate and sentence of the certificate, which is measured on the really started server."""
    measured = ((gate, words(limits)) for gate, words in CERTIFICATE_WORDS.items())
    declared = ((f"{PREFIX}{name}", sentence(name, check)) for name, check in limits.checks.items())
    return (*measured, *declared)


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
    what = f"holdout units ({_unit(gates)})" if gates.compare.unit else "holdout rows"
    return f"it is judged by at least {max(gates.min_rows, 1)} {what}, which no training sees"


def _sane_predictions(gates: Gates) -> str:
    return "every prediction is a finite number, and not all are the same"


def _floor(gates: Gates) -> str:
    limit = "at most" if gates.direction == "lower" else "at least"
    return f"its {_metric(gates)} is {limit} {text(gates.floor)}, also where there is no champion"


def _unit(gates: Gates) -> str:
    compare = gates.compare
    if not compare.unit:
        return "row by row"
    return (
        f"by blocks of {text(compare.block_days)} days of {compare.unit}"
        if compare.block_days
        else f"by {compare.unit}"
    )


def _plausible(gates: Gates) -> str:
    limit = f"at most {text(jump_limit(gates))} %"
    if is_custom(gates.metric):
        return f"it is better than the champion by {limit} of its value: more is not believed"
    return f"{limit} of what the champion has wrong is gone: more is not believed"


def _no_overlap(gates: Gates) -> str:
    stated = gates.sanity.max_overlap_percent
    if stated is not None:
        return f"at most {text(stated)} % of the holdout rows have the features of a training row"
    most = f"at most {text(MOST_COPIES_PERCENT)} % of the holdout rows, or {FEW_COPIES} of them,"
    return f"{most} are copies of training rows under another key; repeats of a table of few coarse features are none"


def _same_schema(gates: Gates) -> str:
    same = "its contract has the columns of the champion's, of the same kinds"
    return same if gates.sanity.schema == "same" else f"{same}, or its version was raised"


def _guards(gates: Gates) -> str:
    unit = {"latency": " %", "size": " %"}
    told = ", ".join(
        f"{name} by {text(float(most))}{unit.get(name, '')} or more" for name, most in gates.guards.items()
    )
    return f"it is shown not to be worse in {told}, with {text(100 * gates.confidence)} % confidence each"


def _slices(gates: Gates) -> str:
    part = gates.slices
    told = [f"a value of {', '.join(part.columns)}"] if part.columns else []
    told += [*part.where]
    found = {"tell": "told", "hold": "held"}[part.found]
    units = f" or {FEWEST_UNITS} units of {gates.compare.unit}," if gates.compare.unit else ""
    told += [f"the worst slice of up to {part.depth} conditions (found, then {found})"] if part.depth else []
    return (
        f"it is not shown to be worse by more than {text(part.margin)} in {'; '.join(told)}; Holm's correction, "
        f"{text(100 * (1 - gates.confidence))} % for all; slices under {part.min_rows} rows, or {part.min_positives} of the "
        f"rarer kind,{units} are named as not judged"
    )


def _holdout_budget(gates: Gates) -> str:
    return (
        f"the chance of such a gain fits what is left of {text(gates.holdout.error_budget)} for this holdout: each "
        "comparison may spend half of that, fresh rows give back"
    )


def _min_gain(gates: Gates) -> str:
    beyond = f"more than {text(gates.minimum_gain)}" if gates.minimum_gain else "anything at all"
    return (
        f"it is better than the champion by {beyond} in {gates.metric}, {_unit(gates)}, "
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
    "plausible": _plausible,
    "no_overlap": _no_overlap,
    "same_schema": _same_schema,
    "guards": _guards,
    "slices": _slices,
    "holdout_budget": _holdout_budget,
}

LEFT_OUT: Mapping[str, str] = {
    "plausible": "a gain too large to be true (gates.sanity.max_jump_percent)",
    "no_overlap": "holdout rows that training saw under another key (gates.sanity.max_overlap_percent)",
    "same_schema": "columns unlike the champion's (gates.sanity.schema: versioned)",
    "guards": "what it must not lose beside the metric (gates.guards)",
    "slices": "parts of the rows in which it is worse (gates.slices)",
    "holdout_budget": "how often one holdout was used (gates.holdout.error_budget)",
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
