"""The rules between a candidate and production: each passes or holds, with its numbers and its limit.

Pure: no I/O, no clock, no numpy. All fail closed: what is missing, not finite or contradicts itself
holds, with the reason. The documents they read are written by `shared/runs/judge.py` (evidence) and
`shared/runs/certify.py` (certificate). `shared/gating/gate_breaks.py` shows for every gate that it can hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from shared.certificates.certificate import certify
from shared.gating.guard_gates import guards, slices
from shared.gating.holdout_budget import budget_left
from shared.gating.sanity_gates import FORM, form_of, no_champion, no_overlap, plausible, same_schema, sanity_asked
from shared.gating.verdict import (
    Answer,
    Document,
    GateResult,
    Verdict,
    at,
    at_least,
    at_most,
    held,
    number,
    passed,
    text,
)
from shared.spec import Gates, Rollout

Rule = Callable[[Gates, Document], GateResult]

__all__ = [
    "CANDIDATE_GATES",
    "Answer",
    "Document",
    "GateResult",
    "Verdict",
    "asked",
    "certify",
    "judge",
    "rollout_step",
]


def judge(gates: Gates, evidence: Document, *, against: str | None = None, share: float | None = None) -> Verdict:
    """Whether the candidate may be registered, by a `judge` run's evidence.

    `against` is the champion's version that the caller saw serving, "" if none serves; evidence that names another
    one holds. None leaves that to the caller. `share` is the part of the holdout's error budget that this
    comparison may spend (`holdout_budget.spend`); None, where a budget is set, holds.

    Evidence of form 1 (before 0.2.0) is judged by what was asked for then: its run measured nothing else.
    """
    results = [_evidence_complete(gates, evidence, against)]
    results += [rule(gates, evidence) for rule in asked(gates, form_of(evidence)).values()]
    if gates.holdout.error_budget:
        results.append(budget_left(gates, evidence, share))
    return Verdict(tuple(results))


def asked(gates: Gates, form: int = FORM) -> Mapping[str, Rule]:
    """The gates that the spec asks of evidence of a form, in order; those of the evidence itself and of the budget come besides."""
    wanted = {
        **sanity_asked(gates, form),
        "guards": bool(gates.guards),
        "slices": gates.slices.asked,
    }
    return {name: rule for name, rule in CANDIDATE_GATES.items() if wanted.get(name, True)}


def rollout_step(rollout: Rollout, *, requests: int, errors: int) -> GateResult:
    """Whether a roll-out step may be left, by what the new deployment served since the step began.

    Errors that could not be made good by the requests still missing fail at once.
    """
    numbers = {"requests": requests, "errors": errors, "min_requests": rollout.min_requests}
    if not (math.isfinite(requests) and 0 <= errors <= requests):
        return held("rollout_step", f"{errors} errors of {requests} requests cannot be: counted again next time")
    percent = 100 * errors / max(requests, rollout.min_requests, 1)
    if not percent <= rollout.max_error_percent:
        why = f"{errors} errors of {requests} requests, at most {text(rollout.max_error_percent)} % may fail"
        return GateResult("rollout_step", "fail", why, {**numbers, "max_error_percent": rollout.max_error_percent})
    if requests < (wanted := max(rollout.min_requests, 1)):
        return held("rollout_step", f"{requests} requests, at least {wanted} are needed", numbers)
    return GateResult("rollout_step", "pass", f"{errors} errors of {requests} requests", numbers)


# The candidate's gates


def _evidence_complete(gates: Gates, evidence: Document, against: str | None) -> GateResult:
    faults = [*_identity_faults(gates, evidence), *_champion_faults(gates, evidence, against)]
    if faults:
        return held("evidence_complete", "; ".join(faults))
    return passed("evidence_complete", f"{gates.metric} of {_name_champion(evidence)} on the same rows")


def _identity_faults(gates: Gates, evidence: Document) -> list[str]:
    faults = [] if evidence.get("v") in (1, FORM) else [f"v is {evidence.get('v')!r}, must be 1 or {FORM}"]
    faults += [
        f"{name} is {evidence.get(name)!r}, must be {wanted!r}"
        for name, wanted in (("metric", gates.metric), ("direction", gates.direction))
        if evidence.get(name) != wanted
    ]
    if error := at(evidence, "candidate", "error"):
        faults.append(f"the candidate could not be scored: {error}")
    elif number(evidence, "candidate", "value") is None:
        faults.append(f"the candidate has no {gates.metric}")
    return faults


def _champion_faults(gates: Gates, evidence: Document, against: str | None) -> list[str]:
    if "champion" not in evidence:
        return ["it does not say whether there is a champion"]
    champion = evidence["champion"]
    version = str(at(evidence, "champion", "version") or "")
    if champion is not None and not version:
        return ["the champion has no version"]
    if against is not None and version != against:
        return [f"it is about champion {version or 'none'!r}, but {against or 'none'!r} serves"]
    if champion is None:
        return []
    if error := at(evidence, "champion", "error"):
        return [f"champion {version} could not be scored: {error}"]
    return _gain_faults(gates, evidence)


def _gain_faults(gates: Gates, evidence: Document) -> list[str]:
    mean, lower, upper, confidence = (number(evidence, "gain", n) for n in ("mean", "lower", "upper", "confidence"))
    value, champion_value = number(evidence, "candidate", "value"), number(evidence, "champion", "value")
    if champion_value is None or value is None:
        return [f"the champion has no {gates.metric}"]
    if mean is None or lower is None or upper is None or confidence is None:
        error = evidence.get("gain_error")
        return [f"the gain has no interval{f': {error}' if error else ''}"]
    better_by = champion_value - value if gates.direction == "lower" else value - champion_value
    if lower > upper or mean * better_by < 0:
        return [f"the gain {text(mean)} contradicts its bounds or the values that it is the difference of"]
    if confidence < gates.confidence:
        return [f"the gain's confidence is {text(confidence)}, must be at least {text(gates.confidence)}"]
    return []


def _enough_rows(gates: Gates, evidence: Document) -> GateResult:
    """Rows of one unit err together: where a unit is declared, or keys repeat, units are what is counted."""
    rows, units = number(evidence, "rows"), number(evidence, "units")
    counted, what = (units, f"units of {gates.compare.unit}") if gates.compare.unit else (rows, "rows")
    if not gates.compare.unit and rows is not None and units is not None and units < rows:
        counted, what = units, "rows of different keys"
    return at_least("enough_rows", f"holdout {what}", counted, float(max(gates.min_rows, 1)))


def _sane_predictions(gates: Gates, evidence: Document) -> GateResult:
    not_finite, constant = number(evidence, "sanity", "not_finite"), at(evidence, "sanity", "constant")
    if not_finite is None or not isinstance(constant, bool):
        return held("sane_predictions", "nobody looked at the predictions")
    if not_finite != 0:
        why = f"{text(not_finite)} predictions are no finite number, must be 0"
        return held("sane_predictions", why, {"not_finite": not_finite})
    if constant:
        return held("sane_predictions", "the same prediction for every row")
    return passed("sane_predictions", "all predictions are finite and they differ")


def _floor(gates: Gates, evidence: Document) -> GateResult:
    limit = at_most if gates.direction == "lower" else at_least
    return limit("floor", gates.metric, number(evidence, "candidate", "value"), gates.floor)


def _min_gain(gates: Gates, evidence: Document) -> GateResult:
    if no_champion(evidence):
        return passed("min_gain", "no champion to compare with: the floor decides")
    mean, lower = number(evidence, "gain", "mean"), number(evidence, "gain", "lower")
    if mean is None or lower is None:
        return held("min_gain", "the gain over the champion is not known")
    numbers = {"gain": mean, "lower": lower, "limit": gates.minimum_gain}
    why = f"gain {text(mean)}, lower bound {text(lower)}, must be above {text(gates.minimum_gain)}"
    return (passed if lower > gates.minimum_gain else held)("min_gain", why, numbers)


def _not_identical(gates: Gates, evidence: Document) -> GateResult:
    if no_champion(evidence):
        return passed("not_identical", "no champion to compare with")
    identical = at(evidence, "sanity", "identical")
    if identical is False:
        return passed("not_identical", "it predicts otherwise than the champion")
    why = "the same predictions as the champion" if identical else "nobody compared predictions"
    return held("not_identical", why)


CANDIDATE_GATES: Mapping[str, Rule] = {
    "enough_rows": _enough_rows,
    "sane_predictions": _sane_predictions,
    "plausible": plausible,
    "no_overlap": no_overlap,
    "same_schema": same_schema,
    "floor": _floor,
    "min_gain": _min_gain,
    "not_identical": _not_identical,
    "guards": guards,
    "slices": slices,
}


def _name_champion(evidence: Document) -> str:
    version = at(evidence, "champion", "version")
    return "the candidate" if version is None else f"candidate and champion {version}"
