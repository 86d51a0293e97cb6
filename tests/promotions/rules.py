"""Promotion rules on the same trials: Baton's own, and the common ones as their sources have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shared.runs.comparison import compare
from shared.runs.metrics import METRICS, Numbers

CONFIDENCE = 0.95
TFX_ABSOLUTE = -1e-10  # the change threshold of its templates: "not worse", with no room for noise


@dataclass(frozen=True)
class Trial:
    """Per-row squared errors of champion and candidate on the same rows, and the metric that was stored for the champion."""

    champion: Numbers
    candidate: Numbers
    stored: float


Rule = Callable[[Trial], bool]


def baton(trial: Trial) -> bool:
    """The lower bound of the paired gain is above 0."""
    losses = (trial.champion, trial.candidate)
    return compare(*losses, metric=METRICS["mse"], direction="lower", confidence=CONFIDENCE).lower > 0


def lower_than_stored(trial: Trial) -> bool:
    """MLOpsPython, evaluate_model.py: the new mse is lower than the tag of the production model, from its own rows."""
    return float(trial.candidate.mean()) < trial.stored


def tfx(trial: Trial) -> bool:
    """TFX Evaluator, metrics_validator.py: within the floor, and the change on the same rows at least the threshold."""
    change = float(trial.champion.mean() - trial.candidate.mean())
    return float(trial.candidate.mean()) < np.inf and change >= TFX_ABSOLUTE


def change_of(trial: Trial) -> float:
    """The share by which the new metric is lower on the same rows."""
    return 1 - float(trial.candidate.mean() / trial.champion.mean())


def change_from_stored(trial: Trial) -> float:
    """The share by which the new metric is lower than the stored one."""
    return 1 - float(trial.candidate.mean()) / trial.stored


RULES: Mapping[str, Rule] = {
    "Baton: lower bound above 0": baton,
    "MLOpsPython: lower than the stored metric": lower_than_stored,
    "TFX: floor and change, same rows": tfx,
}
CORRECTED: Mapping[str, Callable[[Trial], float]] = {
    "lower than the stored metric, corrected": change_from_stored,
    "lower on the same rows, corrected": change_of,
}
