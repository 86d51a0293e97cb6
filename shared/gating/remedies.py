"""What would let pass what a gate held: one phrase for each gate, with its numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

PASSES: Mapping[str, str] = {
    "evidence_complete": "a judge run that measures candidate and champion on the same rows",
    "enough_rows": "at least {limit} holdout rows; newer files bring them",
    "sane_predictions": "predictions that are finite and differ",
    "floor": "a candidate on the right side of {limit}",
    "min_gain": "a gain whose lower bound is above {limit}: a better model, or more holdout rows for the same gain",
    "not_identical": "newer data or other code, so that it predicts otherwise than the champion",
    "plausible": "features without the target; where the gain is real, gates.sanity.max_jump_percent above it",
    "no_overlap": "rows that keep their key when they are dropped again; where they repeat honestly, gates.sanity.max_overlap_percent",
    "same_schema": "the champion's columns, or a raised version of the contract, which says that the change is meant",
    "starts": "a server that starts within {limit}",
    "cases_pass": "answers as tests/cases.json has them",
    "refuses_malformed": "a clear 4xx to malformed requests",
    "fast": "a p95 of at most {limit}",
    "small": "an artefact of at most {limit}",
}


def of_gate(gate: str, numbers: Mapping[str, float]) -> str:
    """The phrase for a gate that held; a gate that has none of its own is named with its limit.

    >>> of_gate("min_gain", {"gain": 73.4, "lower": -99.6, "limit": 0})
    'a gain whose lower bound is above 0: a better model, or more holdout rows for the same gain'
    >>> of_gate("calibration", {"limit": 0.1}), of_gate("leakage", {})
    ('a candidate that keeps calibration at its limit, 0.1', 'a candidate that passes leakage')
    """
    limit = f"{numbers['limit']:.6g}" if "limit" in numbers else "its limit"
    if gate in PASSES:
        return PASSES[gate].format(limit=limit)
    return (
        f"a candidate that keeps {gate} at its limit, {limit}"
        if "limit" in numbers
        else f"a candidate that passes {gate}"
    )
