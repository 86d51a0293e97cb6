"""The drift monitor: which rows it looks at, when it raises an alarm, and that each alarm is raised once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.monitor import DRIFT, watch_once
from shared.events import DriftDetected
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.wire import Delivered, Sources, read
from tests.integration.monitored import BREAKS_OF_A_REFERENCE, NOON, Scene, reference_of
from tests.integration.serving import FIRST, KEY, MODEL, bench, until


def test_rows_far_from_the_reference_are_one_alarm_of_azures_shape(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    scene.watch()
    ((subject, event_type, data, id),) = scene.told
    assert event_type == DRIFT == "Microsoft.MachineLearningServices.DatasetDriftDetected"
    assert subject == f"datadrifts/{data['DataDriftId']}/runs/{data['RunId']}"
    assert (data["DataDriftName"], data["RunId"]) == (MODEL, id)
    assert isinstance(data["DriftCoefficient"], float)
    assert data["DriftCoefficient"] == pytest.approx(0.68, abs=0.12)  # 2 Phi(2 / 2) - 1 of all rows moved
    assert data["Columns"] == ["AGE"]
    assert set(data) == {
        "DataDriftId",
        "DataDriftName",
        "RunId",
        "BaseDatasetId",
        "TargetDatasetId",
        "DriftCoefficient",
        "Signal",
        "Columns",
        "StartTime",
        "EndTime",
    }


def test_rows_like_the_reference_raise_no_alarm(scene: Scene) -> None:
    for _ in range(10):
        scene.score(60)
        scene.watch()
    assert scene.told == []


def test_predictions_far_from_the_versions_first_ones_are_an_alarm(scene: Scene) -> None:
    scene.score(500)
    scene.watch()
    scene.score(400, answer=2.0)
    scene.watch()
    ((_, _, data, _),) = scene.told
    assert (data["Signal"], data["Columns"]) == ("prediction", ["prediction"])


def test_predictions_are_compared_once_the_version_gave_enough(scene: Scene) -> None:
    scene.score(400)
    scene.score(100, answer=4.0)  # they are among the first ones
    scene.watch()
    assert scene.told == []


def test_fewer_than_fifty_rows_are_not_judged(scene: Scene) -> None:
    scene.score(49, shift=5.0)
    scene.watch()
    assert scene.told == []


def test_rows_of_several_segments_and_beats_are_judged_together(scene: Scene) -> None:
    for _ in range(5):
        scene.score(10, shift=2.0)
        scene.watch()
    assert len(scene.told) == 1


def test_a_window_is_told_once_also_by_a_monitor_that_begins_anew(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    for _ in range(3):
        scene.watch()
    assert len(scene.told) == 1


def test_after_an_alarm_the_next_window_begins(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    scene.watch()
    scene.score(49, shift=2.0)
    scene.watch()
    assert len(scene.told) == 1
    scene.score(1, shift=2.0)
    scene.watch()
    assert len({id for _, _, _, id in scene.told}) == 2


def test_an_alarm_that_the_topic_did_not_take_is_told_later_with_the_same_id(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    scene.refuse = True
    scene.watch()
    decided = json.loads((scene.home / "monitor" / f"{MODEL}.json").read_text())["pending"]
    scene.score(60, shift=3.0)
    scene.refuse = False
    scene.watch()
    assert scene.told[0][2:] == (decided, decided["RunId"])


def test_another_version_begins_with_no_rows(scene: Scene) -> None:
    scene.score(30, shift=2.0)
    scene.watch()
    scene.version = "2"
    scene.score(30, shift=2.0, version="2")
    scene.watch()
    assert scene.told == []


def test_rows_of_another_version_of_failures_and_of_probes_do_not_count(scene: Scene) -> None:
    scene.score(60, shift=2.0, pinned=True)
    scene.score(60, shift=2.0, version="9")
    scene.score(60, shift=2.0, status=500)
    scene.watch()
    assert scene.told == []


def test_lines_that_cannot_be_read_are_passed_over(scene: Scene) -> None:
    scene.segment(["", "{", "7", json.dumps({"version": "1", "status": 200, "pinned": False, "rows": [[1, 2]]})])
    scene.score(60, shift=2.0)
    scene.watch()
    assert len(scene.told) == 1


def test_segments_of_the_next_hour_and_day_are_found(scene: Scene) -> None:
    for after in (timedelta(0), timedelta(hours=3), timedelta(hours=14)):
        scene.now = NOON + after
        scene.score(20, shift=2.0)
        scene.watch()
    assert len(scene.told) == 1


@pytest.mark.parametrize("break_it", BREAKS_OF_A_REFERENCE)
def test_a_version_without_a_readable_reference_raises_no_alarm(
    scene: Scene, break_it: Callable[[Path], object]
) -> None:
    break_it(scene.home / "endpoints" / MODEL / FIRST / "model" / "reference.json")
    scene.score(60, shift=2.0)
    scene.watch()
    assert scene.told == []


def test_the_chain_takes_an_alarm_with_its_columns(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    scene.watch()
    ((subject, event_type, data, id),) = scene.told
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    routed = read(Delivered(id, LOCAL_WORKSPACE, subject, event_type, scene.now, data), sources, scene.now)
    assert isinstance(routed.event, DriftDetected)
    assert (routed.model, routed.event.signal, routed.event.columns) == (MODEL, "data", ("AGE",))


def test_without_a_stack_there_is_nothing_to_watch(scene: Scene) -> None:
    watch_once({}, scene.publish)
    assert scene.told == []


def test_what_was_really_scored_through_the_router_raises_the_alarm(tmp_path: Path, connection: str) -> None:
    with BlobServiceClient.from_connection_string(connection) as service:
        if not service.get_container_client("scored").exists():
            service.create_container("scored")
    with bench(tmp_path / "home", "--segment-seconds", "0.3", data=connection) as started:
        started.serve()
        profile = reference_of("x", [1.0, 2.0, 3.0, 4.0] * 25)
        (started.home / "endpoints" / MODEL / FIRST / "model" / "reference.json").write_text(json.dumps(profile))
        scene = Scene(started.home)
        settings = {
            "BATON_HOME": str(started.home),
            "BATON_DATA": connection,
            "BATON_ROUTER": started.url,
            "BATON_ROUTER_KEY": KEY,
        }
        started.score(json.dumps({"data": [{"x": 9}] * 60}))

        def alarmed() -> bool:
            watch_once(settings, scene.publish)
            return len(scene.told) == 1

        until(alarmed, "no alarm was raised")
