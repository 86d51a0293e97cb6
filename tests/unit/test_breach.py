"""Azure ML's model monitors (SDK v2): the tag that an alert leaves on a run becomes a drift cause, once."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from shared.events import DriftDetected
from shared.monitoring.breach import TAG, Breach, read_breach
from tests.deliveries import changed, event_of, golden, reason, taken
from tests.world import World

SAID = "The signal '{}' has failed due to one or more features violating metric thresholds.\n"
MIDDLE = "The feature names and their corresponding computed metric values violating the threshold are \n"


def told(signal: str, *features: object) -> str:
    return f"{SAID.format(signal)}{MIDDLE}{[json.dumps(feature) for feature in features]}\n"


def feature(
    group: str, value: object, limit: object, metric: str = "NormalizedWassersteinDistance"
) -> Mapping[str, object]:
    return {"group": group, "metric_value": value, "metric_name": metric, "threshold_value": limit}


def test_an_alert_names_its_signal_its_columns_and_how_far_beyond_they_are() -> None:
    alert = event_of(golden("run_status_changed.monitor"))
    assert isinstance(alert, DriftDetected)
    assert (alert.monitor, alert.run_id, alert.signal) == ("diabetes_data_drift", "modest_soursop_x1", "data")
    assert (alert.coefficient, alert.columns) == (3.5, ("BMI", "SEX"))


def test_a_later_status_of_the_same_run_is_the_same_alert() -> None:
    alert = golden("run_status_changed.monitor")
    assert event_of(changed(alert, runStatus="Completed")) == event_of(alert)
    other = changed(alert, runTags={TAG: told("diabetes_data_drift", feature("S1", 3, 1))})
    assert event_of(other).id != event_of(alert).id


def test_a_tag_of_ours_names_the_model_where_the_signal_does_not() -> None:
    alert = golden("run_status_changed.monitor")
    tags = {TAG: told("credit_drift", feature("age", 0.2, 0.1)), "baton.model": "loans"}
    assert taken(changed(alert, runTags=tags)).model == "loans"


@pytest.mark.parametrize(
    "text", ["The run has failed.", "The signal '' has failed due to one or more features violating"]
)
def test_a_tag_without_a_signal_is_refused(text: str) -> None:
    alert = golden("run_status_changed.monitor")
    assert reason(changed(alert, runTags={TAG: text})).endswith(f"has a tag {TAG} that names no signal")


@pytest.mark.parametrize(
    ("signal", "features", "expected"),
    [
        ("m_x", [feature("a", 0.1, 0.2), feature("b", 0.3, 0.2)], Breach("m_x", "data", 1.5, ("b",))),
        ("m_x", [feature("a", 0.002, 0.01, "TwoSampleKolmogorovSmirnovTest")], Breach("m_x", "data", 5.0, ("a",))),
        ("m_x", [feature("a", 0, 0.01, "PearsonsChiSquaredTest")], Breach("m_x", "data", 1000.0, ("a",))),
        ("m_x", [feature("", 0.6, 0.9, "Accuracy")], Breach("m_x", "performance", 1.5, ())),
        ("m_prediction_drift", [feature("y", 2, 1)], Breach("m_prediction_drift", "prediction", 2.0, ("y",))),
        ("m_x", [feature("a", None, 1), feature("b", float("inf"), 1), "odd"], Breach("m_x", "data", 1.0, ())),
    ],
)
def test_how_far_a_feature_is_beyond_its_threshold(signal: str, features: list[object], expected: Breach) -> None:
    assert read_breach(told(signal, *features)) == expected


@pytest.mark.parametrize("rest", ["", "[", "[1, 2]", "['{']", "[__import__('os')]", "[" * 5000 + "]" * 5000])
def test_a_list_that_cannot_be_read_is_an_alert_all_the_same(rest: str) -> None:
    assert read_breach(SAID.format("m_data") + rest) == Breach("m_data", "data", 1.0, ())


def test_an_alert_of_a_monitor_retrains_once(tmp_path: object) -> None:
    world = World(tmp_path)  # type: ignore[arg-type]
    world.publish()
    world.go_live("rows")
    alert = event_of(golden("run_status_changed.monitor"))
    for _ in range(2):
        world.accept("m", alert)
        world.settle()
    trained = [run.run_id for run in world.trainer.started if run.step == "train"]
    assert trained == ["m-0001-t-1", "m-0002-t-1"]
    assert [cause.kind for cause in world.release("m-0002").causes] == ["drift"]
