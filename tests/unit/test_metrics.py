"""The metrics against values of papers, textbooks and other libraries, and what a unit is."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn import metrics as theirs

from shared.gating.metric_facts import METRICS as FACTS
from shared.gating.metric_facts import PER_UNIT, RANKED
from shared.runs.comparison import compare, compare_units
from shared.runs.measuring import Measuring
from shared.runs.metrics import METRICS, Metric, measure, ndcg, precision_at_k
from shared.runs.ranked import VALUES, auc, average_precision, compare_ranked, delong
from shared.runs.scoring import Predictions
from shared.spec import Gates

TRUTH = np.array([1.0] * 5 + [0.0] * 5)
A = np.array([0.9, 0.8, 0.7, 0.55, 0.3, 0.6, 0.4, 0.35, 0.2, 0.1])
B = np.array([0.8, 0.6, 0.65, 0.3, 0.5, 0.7, 0.55, 0.4, 0.45, 0.1])


@pytest.fixture
def chance():
    """The same draws for each test, whichever runs before."""
    return np.random.default_rng(11)


# Known values of facts about the methods (rows 14, 15, 16, 18, 19)


def test_delong_gives_the_known_areas_variances_and_z():
    areas, covariance = delong(TRUTH, A, B)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])

    assert areas == pytest.approx([0.84, 0.68])
    assert (covariance[0, 0], covariance[1, 1], covariance[0, 1]) == pytest.approx((0.0192, 0.0368, 0.0164))
    assert (z, 2 * norm.sf(z)) == pytest.approx((1.0504514629, 0.2935105954))


def test_the_chance_of_a_gain_in_auc_is_that_of_delongs_z():
    assert compare_ranked("auc", TRUTH, B, A, confidence=0.95).p == pytest.approx(0.2935105954 / 2)


def test_the_chance_of_a_gain_in_accuracy_is_mcnemars_exact_one_of_five_against_fifteen():
    champion, candidate = np.array([1.0] * 5 + [0.0] * 15 + [1.0] * 80), np.array([0.0] * 5 + [1.0] * 15 + [1.0] * 80)

    gain = compare(champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95)

    assert binomtest(5, 20).pvalue == pytest.approx(0.0413894653)
    assert gain.p == pytest.approx(0.0413894653 / 2)


def in_which(ours, theirs, rows=400):
    """What each model gets right, if `ours` rows are right by the candidate alone and `theirs` by the champion alone."""
    candidate = np.r_[np.ones(ours), np.zeros(theirs), np.ones(rows - ours - theirs)]
    return np.r_[np.zeros(ours), np.ones(theirs), np.ones(rows - ours - theirs)], candidate


@pytest.mark.parametrize(
    ("ours", "theirs"), [(3, 0), (4, 0), (5, 0), (5, 1), (9, 3), (10, 3), (16, 9), (25, 0), (0, 4)]
)
def test_few_rows_that_differ_show_no_more_than_a_coin_does(ours, theirs):
    champion, candidate = in_which(ours, theirs)
    count, rows = ours + theirs, len(champion)

    gain = compare(champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95)
    swapped = compare(candidate, champion, metric=METRICS["accuracy"], direction="higher", confidence=0.95)

    exact = binomtest(ours, count, alternative="greater")
    share = exact.proportion_ci(0.95, "exact").low
    assert gain.p >= exact.pvalue * (1 - 1e-9)
    assert gain.lower <= max((2 * share - 1) * count / rows, 0) + 1e-12
    assert (gain.lower > 0) == (exact.pvalue <= 0.05)
    assert (swapped.lower, swapped.upper) == pytest.approx((-gain.upper, -gain.lower))
    assert gain.method.endswith(f"no surer than McNemar's exact test of {count} that differ")


def test_a_gain_that_is_asked_for_beyond_nothing_has_its_exact_chance_too():
    champion, candidate = in_which(12, 0)

    gain = compare(champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95, beyond=0.02)

    assert gain.p >= binomtest(12, 12, (0.02 * 400 / 12 + 1) / 2, alternative="greater").pvalue
    beyond_all = compare(
        champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95, beyond=0.04
    )
    assert beyond_all.p == 1.0


@pytest.mark.parametrize("rows", [26, 40])
def test_many_rows_that_differ_are_left_to_the_bootstrap(rows):
    champion, candidate = in_which(rows, 0)
    gain = compare(champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95)
    assert gain.method == "paired BCa bootstrap, 9999 resamples"


def test_rows_that_differ_by_other_amounts_are_left_to_the_bootstrap():
    champion = np.r_[1.0, 2.0, 3.0, np.ones(40)]
    gain = compare(champion, np.ones(43), metric=METRICS["mae"], direction="lower", confidence=0.95)
    assert gain.method == "paired BCa bootstrap, 9999 resamples"


def test_the_bound_of_a_paired_accuracy_is_that_of_the_normal_approximation():
    candidate = np.array([1.0] * 40 + [0.0] * 30 + [1.0] * 930)
    champion = np.array([0.0] * 40 + [1.0] * 30 + [1.0] * 930)
    difference = candidate - champion
    error = np.sqrt(((70 / 1000) - 0.01**2) / 1000)

    gain = compare(champion, candidate, metric=METRICS["accuracy"], direction="higher", confidence=0.95)

    assert (difference.mean(), error) == pytest.approx((0.01, 0.0083606220))
    assert gain.lower == pytest.approx(0.01 - norm.ppf(0.95) * error, abs=1e-3)


# Against other libraries


@pytest.mark.parametrize("ties", [False, True])
def test_areas_and_average_precision_are_scikit_learns(chance, ties):
    truth, scores = chance.integers(0, 2, 200).astype(float), chance.random(200)
    scores = np.round(scores, 1) if ties else scores

    assert auc(truth, scores) == pytest.approx(theirs.roc_auc_score(truth, scores))
    assert average_precision(truth, scores) == pytest.approx(theirs.average_precision_score(truth, scores))


def test_ndcg_is_scikit_learns_also_where_scores_tie(chance):
    truth, scores = chance.integers(0, 4, 40).astype(float), np.round(chance.random(40), 1)

    assert ndcg(truth, scores, 10) == pytest.approx(theirs.ndcg_score([truth], [scores], k=10))


def test_mean_recall_and_log_loss_of_three_classes_are_scikit_learns(chance):
    truth = np.repeat([0.0, 1.0, 2.0], [20, 10, 5])
    sure = chance.dirichlet([1, 1, 1], 35)

    assert measure(METRICS["macro_recall"], truth, sure).value == pytest.approx(
        theirs.balanced_accuracy_score(truth, sure.argmax(axis=1))
    )
    assert measure(METRICS["log_loss"], truth, sure).value == pytest.approx(theirs.log_loss(truth, sure))
    assert measure(METRICS["accuracy"], truth, sure).value == pytest.approx(
        theirs.accuracy_score(truth, sure.argmax(axis=1))
    )


def test_brier_and_calibration_error_of_a_worked_example():
    truth, sure = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.55, 0.55, 0.95, 0.95])

    assert measure(METRICS["brier"], truth, sure).value == pytest.approx(theirs.brier_score_loss(truth, sure))
    # two of four rows in the bin at .55, half of them 1; two at .95, all of them 1
    assert measure(METRICS["calibration_error"], truth, sure).value == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)


def test_relative_error_is_that_of_the_sums():
    assert measure(METRICS["wape"], np.array([10.0, 0.0]), np.array([8.0, 1.0])).value == pytest.approx(0.3)


def test_precision_at_k_shares_places_among_equal_scores():
    assert precision_at_k(np.array([1.0, 0, 0, 1]), np.array([0.9, 0.5, 0.5, 0.5]), 2) == pytest.approx((1 + 1 / 3) / 2)


# Units


def test_users_are_the_units_of_a_ranking():
    truth, scores = np.array([1.0, 0, 0, 1]), np.array([0.9, 0.1, 0.8, 0.2])
    found = measure(METRICS["precision_at_k"], truth, scores, unit=np.array([0.0, 0, 1, 1]), k=1)

    assert found.units.tolist() == [1.0, 0.0]


def test_the_error_of_blocks_is_that_of_their_rows_but_less_sure(chance):
    """Rows of one block err together, so ten blocks show less than three hundred rows."""
    unit = np.repeat(np.arange(10.0), 30)
    champion = chance.normal(0, 1, 10)[unit.astype(int)] + chance.normal(0, 0.1, 300)
    candidate = champion * 0.9
    rows = Measuring(Gates("mae", "lower", 9.0), np.zeros(300))
    blocks = Measuring(Gates("mae", "lower", 9.0), np.zeros(300), unit)
    by_row, by_block = (
        each.gain("mae", Predictions(champion), Predictions(candidate), confidence=0.95) for each in (rows, blocks)
    )

    assert by_block.mean == pytest.approx(by_row.mean)
    assert by_block.upper - by_block.lower > 2 * (by_row.upper - by_row.lower)


def test_one_kind_of_row_has_no_area():
    gain = compare_ranked("auc", np.ones(5), A[:5], B[:5], confidence=0.95)

    assert np.isnan(gain.mean)
    assert np.isnan(auc(np.ones(5), A[:5]))


def test_a_better_order_is_found_by_average_precision_and_noise_is_not(chance):
    truth = (chance.random(400) < 0.2).astype(float)
    weak, strong = truth + chance.normal(0, 1.5, 400), truth + chance.normal(0, 0.4, 400)

    assert compare_ranked("average_precision", truth, weak, strong, confidence=0.95).p < 0.01
    assert (
        compare_ranked("average_precision", truth, weak, weak + chance.normal(0, 0.01, 400), confidence=0.95).p > 0.01
    )


# The chance p


def test_the_chance_is_the_level_at_which_the_bound_reaches_the_limit(chance):
    losses = chance.gamma(2.0, 1.0, (2, 60))
    at = compare(*losses, metric=METRICS["mse"], direction="lower", confidence=0.95, beyond=-0.3).p
    bound = compare(*losses, metric=METRICS["mse"], direction="lower", confidence=1 - at).lower

    assert bound == pytest.approx(-0.3, abs=0.01)


def test_the_order_of_the_rows_changes_nothing(chance):
    losses, order = chance.gamma(2.0, 1.0, (2, 50)), chance.permutation(50)

    one = compare_units(*losses, whole=np.sqrt, direction="lower", confidence=0.9)
    other = compare_units(*losses[:, order], whole=np.sqrt, direction="lower", confidence=0.9)

    assert (one.lower, one.upper, one.p) == pytest.approx((other.lower, other.upper, other.p), abs=1e-12)


def test_every_metric_that_may_be_named_is_computed_and_its_direction_known():
    assert {*METRICS, *VALUES} == set(FACTS)
    assert {name for name, metric in METRICS.items() if metric.per_group} == set(PER_UNIT)
    assert set(VALUES) == set(RANKED)
    assert measure(Metric(), TRUTH, A).value == pytest.approx(A.mean())
