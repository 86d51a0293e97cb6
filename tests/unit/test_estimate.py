"""What probabilities say of a metric before labels come; wrong ones are put right by the labels that are known."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from shared.gating.metric_facts import METRICS as KNOWN
from shared.monitoring.estimate import EXPECTED, LEAST_KNOWN, calibrated, estimate
from shared.monitoring.performance import BY_ROW
from shared.runs.metrics import fitting, measure, metric_named


def answered(rows: int, *, seed: int = 3, sure: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and what was true. With `sure` 2 each is as sure as the square of its odds, as overfitted models are."""
    draw = np.random.default_rng(seed)
    chance = draw.uniform(0.02, 0.98, rows)
    odds = (chance / (1 - chance)) ** sure
    return odds / (1 + odds), (draw.random(rows) < chance).astype(float)


@pytest.mark.parametrize("metric", EXPECTED)
def test_the_estimate_is_what_labels_drawn_by_the_probabilities_measure(metric: str) -> None:
    probabilities, truth = answered(40_000)
    measure_of = measure(metric_named(metric), truth, fitting(metric, truth, probabilities, threshold=0.3))
    assert estimate(metric, probabilities.tolist(), threshold=0.3) == pytest.approx(measure_of.value, abs=0.01)


@pytest.mark.parametrize("metric", EXPECTED)
def test_labels_that_are_known_put_probabilities_right_that_are_too_sure(metric: str) -> None:
    probabilities, truth = answered(4_000, sure=3)
    known = list(zip(probabilities[:2_000].tolist(), truth[:2_000].tolist(), strict=True))
    late, later_truth = probabilities[2_000:], truth[2_000:]
    true = measure(metric_named(metric), later_truth, fitting(metric, later_truth, late)).value
    blind, told = (estimate(metric, late.tolist(), known=pairs) or 0.0 for pairs in ((), known))
    assert abs(told - true) < 0.1 * true < abs(blind - true)


def test_fewer_labels_than_draw_a_curve_change_nothing() -> None:
    probabilities, truth = answered(LEAST_KNOWN, sure=3)
    known = list(zip(probabilities.tolist(), truth.tolist(), strict=True))
    few, enough = (estimate("brier", probabilities.tolist(), known=known[:number]) for number in (-1, LEAST_KNOWN))
    assert few == estimate("brier", probabilities.tolist()) != enough


def test_the_curve_is_that_of_scikit_learn() -> None:
    draw = random.Random(5)
    known = np.array([round(draw.random(), 2) for _ in range(500)])  # ties among them
    truth = np.array([float(draw.random() < p**2) for p in known])
    asked = np.linspace(0, 1, 301)
    curve = IsotonicRegression(out_of_bounds="clip").fit(known, truth)
    np.testing.assert_allclose(calibrated(asked, known, truth), curve.predict(asked), atol=1e-12)


@pytest.mark.parametrize("answers", [[], [7.0, 0.5], [-0.1, 0.5], [0.0, 1.0, 1.0]])
def test_answers_that_are_no_probabilities_have_no_estimate(answers: list[float]) -> None:
    assert estimate("accuracy", answers) is None


def test_only_metrics_that_late_labels_measure_are_estimated() -> None:
    assert set(EXPECTED) <= set(BY_ROW) <= set(KNOWN)
    assert estimate("mse", [0.5, 0.6]) is None
