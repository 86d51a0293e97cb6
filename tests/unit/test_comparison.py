"""The paired comparison, held against scipy and values worked out elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap

from shared.errors import MetricMissing
from shared.runs.comparison import RESAMPLES, SEED, compare, in_order, resampled_means, value
from shared.runs.metrics import METRICS, metric_named

MSE = METRICS["mse"]
DIFFERENCES = np.arange(-10, 15) / 10


def test_the_percentile_interval_of_a_known_sample_is_reproduced():
    drawn = resampled_means(DIFFERENCES.reshape(1, -1), resamples=10_000, seed=0)

    assert DIFFERENCES.mean() == pytest.approx(0.2)
    assert np.percentile(drawn[0], [2.5, 97.5]) == pytest.approx([-0.08, 0.48])


def test_the_bounds_are_those_that_scipy_gives():
    losses = in_order(*np.random.default_rng(7).gamma(1.5, 900.0, (2, 88)))
    theirs = bootstrap(
        (losses[0] - losses[1],), np.mean, n_resamples=RESAMPLES, method="BCa", confidence_level=0.90, rng=SEED
    ).confidence_interval

    ours = compare(losses[0], losses[1], metric=MSE, direction="lower", confidence=0.95)

    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high))


def test_accuracy_bounds_agree_with_the_normal_approximation_of_a_thousand_rows():
    candidate_only, champion_only = 30 * [0] + 40 * [1], 30 * [1] + 40 * [0]
    both = 930 * [1]

    gain = compare(
        np.array(champion_only + both, float),
        np.array(candidate_only + both, float),
        metric=METRICS["accuracy"],
        direction="higher",
        confidence=0.95,
    )

    assert gain.mean == pytest.approx(0.01)
    assert gain.lower == pytest.approx(-0.0037519992, abs=1e-3)  # resamples move in steps of 0.001


def test_a_gain_that_is_the_same_on_every_row_is_its_own_bound():
    champion = np.arange(4.0, 30.0)

    gain = compare(champion, champion - 1, metric=MSE, direction="lower", confidence=0.95)

    assert (gain.mean, gain.lower, gain.upper) == (1.0, 1.0, 1.0)


def test_a_gain_that_is_the_same_on_three_rows_or_on_one_is_no_proof_and_no_error():
    three, one = (
        compare(champion, champion - 1, metric=MSE, direction="lower", confidence=0.95)
        for champion in (np.array([4.0, 5.0, 6.0]), np.array([4.0]))
    )

    assert (three.mean, three.upper, one.mean, one.upper) == (1.0, 1.0, 1.0, 1.0)
    assert (three.lower, one.lower) == (0.0, 0.0)
    assert (three.p, one.p) == (0.125, 0.5)


def test_noise_alone_passes_about_as_often_as_the_confidence_allows():
    draw = np.random.default_rng(3)
    passed = 0
    for _ in range(60):
        champion, candidate = draw.exponential(1.0, (2, 60))
        passed += compare(champion, candidate, metric=MSE, direction="lower", confidence=0.95).lower > 0

    assert passed <= 8  # P(more than 8 of 60 at 5 %) < 0.002


pairs = arrays(np.float64, st.tuples(st.just(2), st.integers(2, 12)), elements=st.floats(0, 1e6))


@settings(max_examples=15, deadline=None)
@given(pairs, st.sampled_from(["lower", "higher"]), st.sampled_from(["mse", "rmse"]))
def test_swapping_the_models_mirrors_the_bounds(losses, direction, name):
    one = compare(losses[0], losses[1], metric=METRICS[name], direction=direction, confidence=0.9)
    other = compare(losses[1], losses[0], metric=METRICS[name], direction=direction, confidence=0.9)

    assert (other.mean, other.lower, other.upper) == pytest.approx((-one.mean, -one.upper, -one.lower), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(pairs, st.floats(0, 1e5))
def test_a_better_candidate_never_lowers_the_bound(losses, better_by):
    before = compare(losses[0], losses[1], metric=MSE, direction="lower", confidence=0.9)
    after = compare(losses[0] + better_by, losses[1], metric=MSE, direction="lower", confidence=0.9)

    assert after.lower >= before.lower - 1e-3


@pytest.mark.parametrize(("name", "expected"), [("mse", 12.5), ("rmse", 12.5**0.5), ("mae", 3.5), ("accuracy", 0.0)])
def test_a_metric_of_errors_three_and_four_is_the_one_of_the_textbook(name, expected):
    truth, predicted = np.array([10.0, 10.0]), np.array([13.0, 6.0])

    assert value(METRICS[name], METRICS[name].per_row(truth, predicted)) == pytest.approx(expected)


def test_log_loss_of_an_even_guess_is_the_logarithm_of_two():
    losses = METRICS["log_loss"].per_row(np.array([0.0, 1.0]), np.array([0.5, 0.5]))

    assert value(METRICS["log_loss"], losses) == pytest.approx(0.6931471805599453)


def test_an_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(MetricMissing, match=r"no metric 'f1'.* one of mse, mae"):
        metric_named("f1")
