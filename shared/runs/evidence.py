"""The evidence document of a judging run: two models on the same rows, as `shared/gates.py` reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa

from shared.gating.sanity_gates import FORM
from shared.runs.comparison import Gain
from shared.runs.guarding import guards
from shared.runs.measuring import Measuring, why_unknown
from shared.runs.metrics import Numbers
from shared.runs.scoring import Predictions
from shared.runs.slicing import slices
from shared.spec import Gates


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that serves, and what it predicts for the rows."""

    version: str
    predictions: Predictions
    size_mb: float = math.nan


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of the holdout beside predictions: its columns, the rows' units, the candidate's size, and what
    `sanity` tells of overlap and schema.
    """

    columns: pa.Table = field(default_factory=lambda: pa.table({}))
    unit: Numbers | None = None
    size_mb: float = math.nan
    sanity: Mapping[str, object] = field(default_factory=dict)


def evidence(
    gates: Gates, truth: Numbers, candidate: Predictions, champion: Champion | None, beside: Beside | None = None
) -> dict[str, object]:
    """The evidence on rows whose true values are `truth`, shape (rows,), finite.

    {"v", "metric", "direction", "rows", "units", "candidate": {"value", "predicted"} or {"error"}, "champion": null or the same
    with "version", "gain": {"mean", "lower", "upper", "confidence", "method", "p"} or null (then "gain_error" may say why),
    "sanity": {"not_finite",
    "constant", "identical", and what `beside` tells}}, and where the spec asks for them "guards" by name and "slices" as a list. What is
    not known is null or left out, so that no gate takes it for good. Form 1 told overlap and schema only where it was asked for.
    """
    beside = beside or Beside()
    measuring = Measuring(gates, truth, beside.unit)
    theirs = champion.predictions if champion else None
    document = {
        "v": FORM,
        "metric": gates.metric,
        "direction": gates.direction,
        "rows": len(truth),
        "units": measuring.units,
        "truth": _summary(truth),
        "candidate": _model(measuring, candidate),
        "champion": {"version": champion.version, **_model(measuring, champion.predictions)} if champion else None,
        **(_gain(measuring, candidate, theirs) if theirs else {"gain": None}),
        "sanity": {**_sanity(candidate, theirs), **beside.sanity},
    }
    if theirs is None or champion is None or _fault(measuring, candidate) or _fault(measuring, theirs):
        return document
    if gates.guards:
        document["guards"] = guards(measuring, theirs, candidate, sizes=(champion.size_mb, beside.size_mb))
    if gates.slices.asked:
        document["slices"] = slices(measuring, theirs, candidate, beside.columns)
    return document


def _model(measuring: Measuring, predictions: Predictions) -> dict[str, object]:
    if error := _fault(measuring, predictions):
        return {"error": error}
    whole = measuring.value(measuring.gates.metric, predictions)
    if math.isnan(whole):
        return {"error": f"these rows have no {measuring.gates.metric}, as with only one kind of row"}
    if not math.isfinite(whole):
        return {"error": "its predictions are too large to measure"}
    return {"value": whole, "predicted": _summary(predictions.values)}


def _fault(measuring: Measuring, predictions: Predictions) -> str:
    if predictions.error:
        return predictions.error
    if predictions.not_finite:
        return f"{predictions.not_finite} of {len(predictions.values)} predictions are no finite number"
    return measuring.unfit(measuring.gates.metric, predictions)


def _gain(measuring: Measuring, candidate: Predictions, champion: Predictions) -> dict[str, object]:
    """The gain, or null with the reason for it as "gain_error"."""
    if _fault(measuring, candidate) or _fault(measuring, champion) or len(measuring.truth) < 2:
        return {"gain": None}
    gates = measuring.gates
    gain = measuring.gain(gates.metric, champion, candidate, confidence=gates.confidence, beyond=gates.minimum_gain)
    return {"gain": asdict(gain)} if is_known(gain) else {"gain": None, "gain_error": why_unknown(gates.metric, gain)}


def is_known(gain: Gain) -> bool:
    """Whether mean and bounds are finite."""
    return all(math.isfinite(number) for number in (gain.mean, gain.lower, gain.upper))


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
