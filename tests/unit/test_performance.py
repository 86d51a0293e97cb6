"""Labels that come late, joined with what was answered; and when a version is worse than when it was judged."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from shared.monitoring.labels import Answer, LabelsRefused, answers, labels_of, labels_place, read_labels
from shared.monitoring.performance import Judged, became_worse, measured
from shared.spec import Gates
from tests.fakes.storage import MemoryBlobs

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
MSE = Gates(metric="mse", direction="lower", floor=100.0)
ACCURACY = Gates(metric="accuracy", direction="higher", floor=0.5)
LOG_LOSS = Gates(metric="log_loss", direction="lower", floor=1.0)


def scored(blobs: MemoryBlobs, lines: list[dict[str, object]], *, hour: int = 12) -> None:
    kept = {"time": NOON.isoformat(), "version": "1", "status": 200, "pinned": False}
    text = "\n".join(json.dumps({**kept, **line}) for line in lines)
    blobs.drop("scored", f"m/2026/03/04/{hour:02d}-0001.jsonl", text.encode())


def labelled(blobs: MemoryBlobs, text: str) -> None:
    blobs.drop("scored", labels_place("m", text.encode()), text.encode())


def found(blobs: MemoryBlobs) -> list[tuple[float, float | None]]:
    return [(one.prediction, one.label) for one in answers(blobs, "m", NOON - timedelta(hours=1))]


def drawn(rows: int, spread: float, seed: int = 0) -> list[Answer]:
    """Predictions of 0 whose truth is normal: the mean squared error is `spread` squared."""
    draw = random.Random(seed)
    return [Answer(NOON, "1", 0.0, draw.gauss(0, spread)) for _ in range(rows)]


def test_labels_are_joined_by_request_and_row() -> None:
    blobs = MemoryBlobs()
    scored(blobs, [{"request_id": "a", "predictions": [1.0, 2.0]}, {"request_id": "b", "predictions": [3.0]}])
    labelled(blobs, "request_id,row,label\na,1,20\nb,,30\nnobody,0,9\n")
    assert found(blobs) == [(1.0, None), (2.0, 20.0), (3.0, 30.0)]


def test_probes_errors_and_what_is_no_number_are_passed_over() -> None:
    blobs = MemoryBlobs()
    scored(
        blobs,
        [
            {"request_id": "a", "predictions": [1.0], "pinned": True},
            {"request_id": "b", "predictions": None, "status": 400},
            {"request_id": "c", "predictions": ["x", None, 4.0]},
        ],
    )
    blobs.drop("scored", "m/2026/03/04/12-0002.jsonl", b'{"cut sho')
    assert found(blobs) == [(4.0, None)]


def test_what_was_answered_before_is_not_read() -> None:
    blobs = MemoryBlobs()
    scored(blobs, [{"request_id": "a", "predictions": [1.0]}], hour=9)
    assert found(blobs) == []


def test_the_same_labels_twice_are_one_blob() -> None:
    blobs = MemoryBlobs()
    for _ in range(2):
        labelled(blobs, "request_id,label\na,1\n")
    assert (len(list(blobs.names("scored", "m/labels/"))), labels_of(blobs, "m")) == (1, {("a", 0): 1.0})


@pytest.mark.parametrize(
    "text", ["", "id,label\na,1\n", "request_id,label\na,\n", "request_id,label\na,nan\n", "request_id,label\n,1\n"]
)
def test_labels_that_cannot_be_read_are_refused_with_what_to_send(text: str) -> None:
    with pytest.raises(LabelsRefused, match="Next: send CSV with the header request_id,label"):
        read_labels(text.encode(), name="x.csv")


def test_accuracy_and_its_bounds_are_the_hand_calculation() -> None:
    rows = [Answer(NOON, "1", 1.0, float(number < 80)) for number in range(100)]
    now = measured("all", rows, ACCURACY)
    away = 2.3263 * math.sqrt(0.8 * 0.2 / 99)  # the 99 % point of the normal law
    assert (now.rows, now.value) == (100, 0.8)
    assert (now.lower, now.upper) == (pytest.approx(0.8 - away, abs=1e-4), pytest.approx(0.8 + away, abs=1e-4))
    assert now.estimate is None


def test_twice_the_error_is_worse_and_the_same_is_not() -> None:
    then = Judged("1", 1.0, 100, MSE)
    assert became_worse(measured("all", drawn(200, 1.5), MSE), then).worse
    assert not became_worse(measured("all", drawn(200, 1.0), MSE), then).worse


def test_a_little_worse_is_no_cause_however_sure() -> None:
    verdict = became_worse(measured("all", drawn(200_000, 1.03), MSE), Judged("1", 1.0, 10**6, MSE))
    assert (verdict.worse, verdict.share) == (False, pytest.approx(0.06, abs=0.01))


def test_few_labels_decide_nothing() -> None:
    verdict = became_worse(measured("all", drawn(49, 9.0), MSE), Judged("1", 1.0, 100, MSE))
    assert (verdict.worse, verdict.why) == (False, "49 labelled rows, at least 50 are needed")


def test_less_accuracy_is_worse() -> None:
    rows = [Answer(NOON, "1", 1.0, float(number < 120)) for number in range(200)]
    assert became_worse(measured("all", rows, ACCURACY), Judged("1", 0.9, 200, ACCURACY)).worse


def test_an_unchanged_version_is_called_worse_about_once_in_a_hundred_at_most() -> None:
    """At a true 1 % the chance of more than 12 in 500 is below 0.3 %."""
    alarms = 0
    for seed in range(500):
        judged_on = measured("all", drawn(80, 1.0, seed=10_000 + seed), MSE)
        assert judged_on.value is not None
        now = measured("all", drawn(100, 1.0, seed=seed), MSE)
        alarms += became_worse(now, Judged("1", judged_on.value, 80, MSE)).worse
    assert alarms <= 12


def test_the_estimate_of_one_day_is_put_right_by_the_labels_of_others() -> None:
    surely = [Answer(NOON, "1", 0.9, float(number % 2)) for number in range(400)]  # which is true half of the time
    late = [Answer(NOON, "1", 0.9) for _ in range(50)]
    told = [measured("today", late, ACCURACY, labelled=known).estimate for known in ([], surely)]
    assert told == [pytest.approx(0.9), pytest.approx(0.5)]


def test_the_estimate_is_the_log_loss_of_labels_drawn_by_the_probabilities() -> None:
    draw = random.Random(3)
    chances = [draw.random() for _ in range(40_000)]
    rows = [Answer(NOON, "1", p, float(draw.random() < p)) for p in chances]
    now = measured("all", rows, LOG_LOSS)
    assert now.estimate == pytest.approx(0.5, abs=0.01)  # the mean entropy of a uniform probability is 1/2 nat
    assert now.value == pytest.approx(now.estimate, abs=0.02)
