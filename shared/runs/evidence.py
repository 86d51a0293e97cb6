"""The evidence document of a judging run: two models on the same rows, as `shared/gates.py` reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from shared.runs.comparison import Metric, Numbers, compare, metric_named, value
from shared.runs.scoring import Predictions
from shared.spec import Gates


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that serves, and what it predicts for the rows."""

    version: str
    predictions: Predictions


def evidence(gates: Gates, truth: Numbers, candidate: Predictions, champion: Champion | None) -> dict[str, object]:
    """The evidence on rows whose true values are `truth`, shape (rows,), finite.

    {"v", "metric", "direction", "rows", "candidate": {"value", "predicted"} or {"error"}, "champion": null or the same
    with "version", "gain": {"mean", "lower", "upper", "confidence", "method"} or null, "sanity": {"not_finite",
    "constant", "identical"}}. What is not known is null or left out, so that no gate takes it for good.
    """
    metric = metric_named(gates.metric)
    theirs = champion.predictions if champion else None
    return {
        "v": 1,
        "metric": gates.metric,
        "direction": gates.direction,
        "rows": len(truth),
        "truth": _summary(truth),
        "candidate": _model(metric, truth, candidate),
        "champion": {"version": champion.version, **_model(metric, truth, champion.predictions)} if champion else None,
        "gain": _gain(gates, metric, truth, candidate, theirs) if theirs else None,
        "sanity": _sanity(candidate, theirs),
    }


def _model(metric: Metric, truth: Numbers, predictions: Predictions) -> dict[str, object]:
    if error := _fault(predictions):
        return {"error": error}
    with np.errstate(over="ignore"):
        whole = value(metric, metric.per_row(truth, predictions.values))
    if not math.isfinite(whole):
        return {"error": "its predictions are too large to measure"}
    return {"value": whole, "predicted": _summary(predictions.values)}


def _fault(predictions: Predictions) -> str:
    if predictions.error:
        return predictions.error
    if predictions.not_finite:
        return f"{predictions.not_finite} of {len(predictions.values)} predictions are no finite number"
    return ""


def _gain(
    gates: Gates, metric: Metric, truth: Numbers, candidate: Predictions, champion: Predictions
) -> Mapping[str, object] | None:
    if _fault(candidate) or _fault(champion) or len(truth) < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        losses = [metric.per_row(truth, predictions.values) for predictions in (champion, candidate)]
        gain = asdict(compare(*losses, metric=metric, direction=gates.direction, confidence=gates.confidence))
    return gain if all(math.isfinite(gain[name]) for name in ("mean", "lower", "upper")) else None


def _sanity(candidate: Predictions, champion: Predictions | None) -> dict[str, object]:
    if candidate.error:
        return {"not_finite": None, "constant": None, "identical": None}
    both = champion is not None and not champion.error
    identical = bool(np.array_equal(candidate.values, champion.values)) if champion and both else None
    return {
        "not_finite": candidate.not_finite,
        "constant": candidate.constant,
        "identical": False if champion is None else identical,
    }


def _summary(values: Numbers) -> dict[str, float] | None:
    if not values.size or not np.isfinite(values).all():
        return None
    return {"min": float(values.min()), "mean": float(values.mean()), "max": float(values.max())}
