"""What models of other kinds answer: probabilities, class names, scores within a unit; and what is measured of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as theirs

from shared import gates
from shared.errors import SpecRefused
from shared.gating.gate_breaks import self_test
from shared.gating.gate_words import candidate_sentences
from shared.model_yaml.gate_spec import Comparing
from shared.model_yaml.spec_file import load_spec
from shared.monitoring.labels import Answer as Answered
from shared.monitoring.performance import measured
from shared.runs.boundary import boundary
from shared.runs.cases import Case, read_cases
from shared.runs.evidence import Beside, Champion, evidence
from shared.runs.measuring import Measuring
from shared.runs.metrics import Numbers
from shared.runs.scoring import Predictions, Scorer, score
from shared.runs.server import Answer
from shared.spec import Gates
from tests.world import spec_text

NAMED = ("repaid", "defaulted")
TRUTH = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
CHANCES = np.array([0.2, 0.4, 0.9, 0.6, 0.35])
BOTH = np.stack([1 - CHANCES, CHANCES], axis=1)


def measuring(metric: str = "accuracy", threshold: float = 0.5, classes: tuple[str, ...] = NAMED) -> Measuring:
    direction = "higher" if metric in ("accuracy", "macro_recall", "auc", "average_precision") else "lower"
    compare = Comparing(classes=classes, threshold=threshold)
    return Measuring(Gates(metric=metric, direction=direction, floor=0.5, compare=compare), TRUTH)


@pytest.mark.parametrize(("threshold", "right"), [(0.5, 0.4), (0.3, 0.8), (0.39, 0.6)])
def test_accuracy_of_probabilities_counts_answers_by_the_threshold(threshold: float, right: float) -> None:
    expected = theirs.accuracy_score(TRUTH, threshold <= CHANCES)
    found = [measuring(threshold=threshold).value("accuracy", Predictions(values)) for values in (CHANCES, BOTH)]
    assert (found, expected) == ([right, right], right)


def test_recall_of_probabilities_counts_answers_by_the_threshold() -> None:
    found = measuring("macro_recall", threshold=0.3).value("macro_recall", Predictions(CHANCES))
    assert found == pytest.approx(theirs.balanced_accuracy_score(TRUTH, CHANCES >= 0.3))


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("auc", theirs.roc_auc_score),
        ("average_precision", theirs.average_precision_score),
        ("brier", theirs.brier_score_loss),
        ("log_loss", theirs.log_loss),
    ],
)
def test_two_probabilities_a_row_are_measured_as_that_of_the_second(metric: str, reference: object) -> None:
    assert callable(reference)
    found = [measuring(metric).value(metric, Predictions(values)) for values in (CHANCES, BOTH)]
    assert found == pytest.approx([reference(TRUTH, CHANCES)] * 2)


def test_classes_that_are_answered_by_name_are_compared_as_they_are() -> None:
    three = Measuring(
        Gates(metric="accuracy", direction="higher", floor=0.1, compare=Comparing(classes=("a", "b", "c"))),
        np.array([0.0, 1.0, 2.0, 2.0]),
    )
    assert three.value("accuracy", Predictions(np.array([0.0, 1.0, 2.0, 1.0]))) == 0.75


def test_late_labels_of_probabilities_are_measured_by_the_threshold() -> None:
    rules = measuring(threshold=0.3).gates
    pairs = zip(CHANCES.tolist(), TRUTH.tolist(), strict=True)
    from tests.world import BEGIN

    found = measured("all", [Answered(BEGIN, "1", chance, label) for chance, label in pairs], rules)
    assert found.value == 0.8


SCORE = "import json\ndef init(): pass\ndef run(data): return {'predictions': json.loads(data)['data'][0]['SAYS']}\n"


def scored(tmp_path: Path, says: list[object], classes: tuple[str, ...]) -> Predictions:
    (tmp_path / "score.py").write_text(SCORE)
    rows: list[Mapping[str, object]] = [{"SAYS": says}, *({"SAYS": []} for _ in says[1:])]
    scorer = Scorer(tmp_path, tmp_path, sys.executable)
    return score(scorer, rows, scratch=tmp_path / "s", environment=os.environ, max_seconds=60, classes=classes)


def test_a_number_is_the_probability_of_the_second_of_two_classes(tmp_path: Path) -> None:
    assert scored(tmp_path, [0.25, 1, 0.0], NAMED).values.tolist() == [0.25, 1.0, 0.0]
    assert scored(tmp_path, ["defaulted", "repaid"], NAMED).values.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("says", "classes"), [([1.5], NAMED), ([True], NAMED), ([0.5], ("1", "2")), ([0.5], ("a", "b", "c"))]
)
def test_a_number_that_can_be_no_such_probability_is_refused(
    tmp_path: Path, says: list[object], classes: tuple[str, ...]
) -> None:
    assert f"prediction 0 is {says[0]!r}, must be one of" in scored(tmp_path, says, classes).error


@pytest.mark.parametrize(
    ("predicted", "told"),
    [
        (
            np.full((4, 3), 0.99),
            "4 of 4 predictions are no probability, as log_loss wants: those of prediction 0 are 2.97",
        ),
        (
            np.array([0.0, 1.0, 2.0, 1.0]),
            "log_loss wants a probability for each of the 3 classes, and predictions name",
        ),
        (np.array([[0.2, 0.5, 0.3]] * 3 + [[-3.0, 5.0, -1.0]]), "1 of 4 predictions are no probability, as log_loss"),
    ],
)
def test_what_is_no_probability_for_each_class_is_held_and_not_counted_as_certain(
    predicted: Numbers, told: str
) -> None:
    rules = Gates("log_loss", "lower", 2.0, min_rows=2, compare=Comparing(classes=("a", "b", "c")))
    champion = Champion("1", Predictions(np.full((4, 3), 1 / 3)))
    document = evidence(rules, np.array([0.0, 1.0, 2.0, 2.0]), Predictions(predicted), champion)
    first = gates.judge(rules, document).first_failure
    assert first is not None
    assert (first.gate, first.why.startswith(f"the candidate could not be scored: {told}")) == (
        "evidence_complete",
        True,
    )
    assert document["gain"] is None


@pytest.mark.parametrize(
    ("metric", "truth", "predicted", "told"),
    [
        (
            "auc",
            [1.0, 2.0, 2.0, 1.0],
            [0.1, 0.9, 0.8, 0.2],
            "auc wants a target of 0 and 1, or gates.compare.classes, and 2 of",
        ),
        ("log_loss", [10.5, 11.0, 9.0, 8.0], [0.1, 0.9, 0.8, 0.2], "log_loss wants a target of 0 and 1, or"),
        (
            "ndcg",
            [0.0, 1.0, 2.0, 0.0],
            [[0.2, 0.3, 0.5]] * 4,
            "ndcg wants one number a row, and predictions are lists of 3",
        ),
        ("mse", [0.0, 1.0, 1.0, 0.0], [[0.2, 0.8]] * 4, "mse wants one number a row, and predictions are lists of 2"),
    ],
)
def test_a_target_or_predictions_that_a_metric_is_not_of_are_told_and_no_failed_run(
    metric: str, truth: list[float], predicted: object, told: str
) -> None:
    rules = Gates(metric, "higher" if metric in ("auc", "ndcg") else "lower", 2.0, min_rows=2)
    champion = Champion("1", Predictions(np.array(predicted)))
    found = evidence(rules, np.array(truth), Predictions(np.array(predicted)), champion)["candidate"]
    assert isinstance(found, dict)
    assert found["error"].startswith(told)


def test_scores_of_a_ranking_are_no_probabilities_and_a_guard_that_wants_some_says_so() -> None:
    rules = Gates("auc", "higher", 0.5, guards={"brier": "0.1"})
    both = Predictions(np.linspace(-3, 3, 40)), Predictions(np.linspace(-3, 4, 40))
    document = evidence(rules, np.repeat([0.0, 1.0], 20), both[0], Champion("1", both[1]))
    assert (document["candidate"], document["guards"]) == (
        {"value": 1.0, "predicted": {"min": -3.0, "mean": pytest.approx(0.0), "max": 3.0}},
        {"brier": {"error": "34 of 40 predictions are no probability, as brier wants: prediction 0 is -3"}},
    )


@pytest.mark.parametrize(("ones", "known"), [(4, False), (5, True)])
def test_an_area_of_few_rows_of_a_kind_is_held_with_how_many_there_are(ones: int, known: bool) -> None:
    draw, rules = np.random.default_rng(4), Gates("auc", "higher", 0.5, guards={"auc": "0.9"})
    both = Predictions(draw.random(90)), Predictions(draw.random(90))
    truth = np.repeat([1.0, 0.0], [ones, 90 - ones])

    document = evidence(rules, truth, both[0], Champion("1", both[1]))

    few = f"of 90 rows {ones} are of the rarer kind, auc is compared from 5 on"
    assert (document["gain"] is not None, "gain_error" in document) == (known, not known)
    if not known:
        assert document["gain_error"] == few
        assert document["guards"] == {"auc": {"error": few}}
        assert gates.judge(rules, document).results[0].why == f"the gain has no interval: {few}"


def test_rounding_makes_no_probability_less_of_one() -> None:
    rules = Gates("log_loss", "lower", 2.0, compare=Comparing(classes=("a", "b", "c")))
    rounded = Predictions(np.array([[0.333, 0.333, 0.333], [1 + 1e-9, -1e-9, 0.0]]))
    assert "value" in evidence(rules, np.array([0.0, 0.0]), rounded, None)["candidate"]  # type: ignore[operator]


# Units


def judged(users: int, rows_each: int) -> gates.Verdict:
    """A first candidate's verdict on rows of so many users."""
    draw = np.random.default_rng(3)
    truth, unit = draw.random(users * rows_each), np.repeat(np.arange(users, dtype=float), rows_each)
    rules = Gates(metric="ndcg", direction="higher", floor=0.1, min_rows=15, compare=Comparing(unit="USER"))
    beside = Beside(unit=unit, sanity={"overlap": 0, "copies": 0})
    document = evidence(rules, truth, Predictions(truth + draw.normal(0, 0.1, len(truth))), None, beside)
    return gates.judge(rules, document)


def test_many_rows_of_few_users_are_not_enough_to_judge_by() -> None:
    held = judged(users=3, rows_each=100).first_failure
    assert held is not None
    assert (held.gate, held.why) == ("enough_rows", "holdout units of USER 3, must be at least 15")
    assert judged(users=15, rows_each=2).passed


def test_evidence_that_does_not_say_how_many_units_there_are_is_held() -> None:
    rules = Gates(metric="ndcg", direction="higher", floor=0.1, compare=Comparing(unit="USER"))
    found = gates.judge(rules, {"v": 1, "metric": "ndcg", "direction": "higher", "rows": 500, "champion": None})
    assert "enough_rows" in [result.gate for result in found.results if not result.passed]
    assert self_test(rules) == ()


def test_users_with_one_item_change_no_comparison() -> None:
    """They add the same to both models: the gain of the others is only spread over more users."""
    draw = np.random.default_rng(5)
    truth, unit = draw.integers(0, 4, 120).astype(float), np.repeat(np.arange(30, dtype=float), 4)
    theirs_, ours = (truth + draw.normal(0, spread, 120) for spread in (3.0, 0.5))
    rules = Gates(metric="ndcg", direction="higher", floor=0.1, compare=Comparing(unit="USER"))
    alone = np.concatenate([unit, np.arange(30, 40, dtype=float)])
    more = [np.concatenate([values, np.ones(10)]) for values in (truth, theirs_, ours)]

    few = evidence(rules, truth, Predictions(ours), Champion("1", Predictions(theirs_)), Beside(unit=unit))
    many = evidence(rules, more[0], Predictions(more[2]), Champion("1", Predictions(more[1])), Beside(unit=alone))

    assert (few["units"], many["units"]) == (30, 40)
    gains = [found["gain"]["mean"] for found in (few, many) if isinstance(found["gain"], dict)]
    assert gains[1] == pytest.approx(gains[0] * 30 / 40)


def test_the_gates_say_that_units_are_counted() -> None:
    rules = Gates(metric="wape", direction="lower", floor=0.4, compare=Comparing(unit="DAY", block_days=7))
    assert dict(candidate_sentences(rules))["enough_rows"] == (
        "it is judged by at least 15 holdout units (by blocks of 7 days of DAY), which no training sees"
    )


# Certificate: what an answer may be


def test_class_names_and_lists_of_probabilities_are_right_answers_at_the_boundary() -> None:
    case = Case("good", json.dumps({"data": [{"X": 1}]}).encode(), 200)

    def answering(prediction: object) -> object:
        def ask(body: bytes) -> Answer:
            try:
                rows = json.loads(body)["data"]
            except (ValueError, RecursionError):
                return Answer(400, "not JSON", 0.0)
            return Answer(200, json.dumps({"predictions": [prediction for _ in rows]}), 0.0)

        return boundary([case], ask, NAMED)["broken"]

    assert (answering("repaid"), answering([0.3, 0.7])) == ([], [])
    for wrong in ("maybe", [0.3], [0.3, "0.7"], None):
        assert answering(wrong), wrong


def test_a_case_can_expect_a_class(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    request = {"data": [{"X": 1}, {"X": 2}]}
    expect = {"status": 200, "predictions": ["repaid", [0.5, 1]]}
    (tmp_path / "tests" / "cases.json").write_text(json.dumps([{"request": request, "expect": expect}]))
    (case,) = read_cases(tmp_path)
    assert case.fault(Answer(200, '{"predictions": ["repaid", 0.7]}', 0.0)) == ""
    wrong = case.fault(Answer(200, '{"predictions": ["defaulted", 0.7]}', 0.0))
    assert wrong == "case 1: prediction 0 is defaulted, must be repaid"
    both = {"status": 200, "predictions": "repaid"}
    (tmp_path / "tests" / "cases.json").write_text(json.dumps([{"request": request, "expect": both}]))
    assert read_cases(tmp_path)[0].fault(Answer(200, '{"predictions": ["repaid", "repaid"]}', 0.0)) == ""


# What model.yaml may say


@pytest.mark.parametrize(
    ("compare", "metric", "fault"),
    [
        ("{classes: [a, b, c]}", "auc", "two classes: auc is about the probability of one of them"),
        ("{threshold: 1}", "accuracy", "between 0 and 1, like 0.5"),
    ],
)
def test_what_cannot_be_measured_is_refused_when_it_is_published(compare: str, metric: str, fault: str) -> None:
    text = spec_text().replace("  metric: mse\n  direction: lower\n  floor: 5000\n", "")
    text = text.replace(
        "gates:\n", f"gates:\n  metric: {metric}\n  direction: higher\n  floor: 0.5\n  compare: {compare}\n"
    )
    with pytest.raises(SpecRefused, match=fault):
        load_spec(text)
    assert load_spec(text.replace(compare, "{classes: [a, b], threshold: 0.2}")).gates.compare.threshold == 0.2
