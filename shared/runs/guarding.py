"""Guard metrics: how much the candidate gains or loses in what it is not chosen by. For the non-inferiority gate."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from shared.runs.comparison import compare
from shared.runs.measuring import Measuring, why_unknown
from shared.runs.metrics import Metric
from shared.runs.scoring import Predictions


def guards(
    measuring: Measuring, champion: Predictions, candidate: Predictions, *, sizes: tuple[float, float]
) -> dict[str, object]:
    """By name the gain with its bounds, or an "error". `latency` and `size` in percent of the champion's, more is better.

    `sizes` are the champion's and the candidate's files in MB.
    """
    return {name: _guard(name, measuring, champion, candidate, sizes) for name in measuring.gates.guards}


def _guard(
    name: str, measuring: Measuring, champion: Predictions, candidate: Predictions, sizes: tuple[float, float]
) -> dict[str, object]:
    confidence = measuring.gates.confidence
    if name == "size":
        return _size(*sizes, confidence=confidence)
    if name == "latency":
        return _latency(champion, candidate, confidence)
    if error := measuring.unfit(name, champion) or measuring.unfit(name, candidate):
        return {"error": error}
    gain = measuring.gain(name, champion, candidate, confidence=confidence)
    known = all(math.isfinite(number) for number in (gain.mean, gain.lower, gain.upper))
    return asdict(gain) if known else {"error": why_unknown(name, gain)}


def _size(champion: float, candidate: float, *, confidence: float) -> dict[str, object]:
    if not champion > 0 or not candidate > 0:
        return {"error": "the size of the files is not known"}
    smaller = 100 * (1 - candidate / champion)
    return {"mean": smaller, "lower": smaller, "upper": smaller, "confidence": confidence, "method": "measured"}


def _latency(champion: Predictions, candidate: Predictions, confidence: float) -> dict[str, object]:
    """By the mean ratio of the times that the same single rows took, the geometric one: a few slow calls weigh little."""
    rows = min(len(champion.seconds), len(candidate.seconds))
    if rows < 2:
        return {"error": "no single rows were timed"}
    theirs, ours = (np.log(np.maximum(each.seconds[:rows], 1e-9)) for each in (champion, candidate))
    gain = compare(theirs, ours, metric=Metric(), direction="lower", confidence=confidence)
    faster = {name: 100 * (1 - math.exp(-getattr(gain, name))) for name in ("mean", "lower", "upper")}
    return {**faster, "confidence": confidence, "method": gain.method}
