"""The drift monitor: which rows it looks at, when it raises an alarm, and that each alarm is raised once."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

import pyarrow as pa
import pytest
from azure.storage.blob import BlobServiceClient

from local.monitor import DRIFT, Monitor, watch_once
from shared.data.cells import Cells
from shared.data.profile import ColumnProfile, Profile
from shared.errors import PlatformBusy
from shared.events import DriftDetected, MonitorReported
from shared.platforms.port import Deployment, EndpointSeen
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.wire import Delivered, Sources, read
from tests.fakes.storage import MemoryBlobs
from tests.integration.serving import FIRST, KEY, MODEL, SECOND, bench, until

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
STANDARD = [NormalDist().inv_cdf((number + 0.5) / 1000) for number in range(1000)]


def reference_of(name: str, values: list[float]) -> dict[str, object]:
    """The reference.json of a version that was trained on one column."""
    column = ColumnProfile("number")
    column.add(Cells(pa.array(values), pa.array(values)))
    return {"v": 2, "profile": Profile(len(values), {name: column}).to_dict()}


REFERENCE = reference_of("AGE", STANDARD)


@dataclass
class Scene:
    """A home with one endpoint, storage with what was scored, and a topic that remembers or refuses."""

    home: Path
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    told: list[tuple[str, str, dict[str, object], str]] = field(default_factory=list)
    reported: list[tuple[str, str, dict[str, object], str]] = field(default_factory=list)
    refuse: bool = False
    now: datetime = NOON
    version: str = "1"
    segments: int = 0
    seed: int = 0

    def score(
        self,
        rows: int,
        *,
        shift: float = 0.0,
        answer: float = 0.0,
        version: str = "1",
        status: int = 200,
        pinned: bool = False,
    ) -> None:
        """Rows come to storage as one more segment, one request each."""
        drawn = random.Random(self.seed)
        self.seed += 1
        self.segment(
            json.dumps(
                {
                    "time": self.now.isoformat(),
                    "request_id": f"{self.segments}-{number}",
                    "version": version,
                    "status": status,
                    "pinned": pinned,
                    "rows": [{"AGE": drawn.gauss(shift, 1)}],
                    "predictions": [drawn.gauss(answer, 1)],
                }
            )
            for number in range(rows)
        )

    def segment(self, lines: Iterable[str]) -> None:
        name = f"{MODEL}/{self.now:%Y/%m/%d/%H}-{self.segments:04d}.jsonl"
        self.blobs.drop("scored", name, "\n".join(lines).encode())
        self.segments += 1

    def publish(self, subject: str, event_type: str, data: dict[str, object], id: str) -> None:
        if self.refuse:
            raise PlatformBusy("the topic does not answer", next="wait")
        (self.told if event_type == DRIFT else self.reported).append((subject, event_type, data, id))

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        serving = Deployment(FIRST if self.version == "1" else SECOND, self.version, "healthy", 100)
        return (EndpointSeen(MODEL, (serving, Deployment("staged", "9", "healthy", 0))),)

    def watch(self) -> None:
        """One beat of a monitor that has just begun: all it knows is on disk."""
        Monitor(self.home, self.endpoints, self.blobs, self.publish).watch(self.now)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    for name in (FIRST, SECOND):
        model = tmp_path / "endpoints" / MODEL / name / "model"
        model.mkdir(parents=True)
        (model / "reference.json").write_text(json.dumps(REFERENCE))
    return Scene(tmp_path)


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


BREAKS: list[Callable[[Path], object]] = [
    Path.unlink,
    lambda file: file.write_text("[]"),
    lambda file: file.write_text('{"v": 1, "rows": 9, "features": {}}'),
]


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_version_without_a_readable_reference_raises_no_alarm(
    scene: Scene, break_it: Callable[[Path], object]
) -> None:
    break_it(scene.home / "endpoints" / MODEL / FIRST / "model" / "reference.json")
    scene.score(60, shift=2.0)
    scene.watch()
    assert scene.told == []


def test_a_look_is_a_life_sign_once_in_a_quarter_of_an_hour(scene: Scene) -> None:
    for minutes in (0, 5, 14, 15, 44):
        scene.now = NOON + timedelta(minutes=minutes)
        scene.watch()
    assert [id for *_, id in scene.reported] == [f"{MODEL}-monitor-20260304T{at}" for at in ("1230", "1245", "1300")]


def test_the_chain_takes_an_alarm_with_its_columns(scene: Scene) -> None:
    scene.score(60, shift=2.0)
    scene.watch()
    ((subject, event_type, data, id),) = scene.told
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    routed = read(Delivered(id, LOCAL_WORKSPACE, subject, event_type, scene.now, data), sources, scene.now)
    assert isinstance(routed.event, DriftDetected)
    assert (routed.model, routed.event.signal, routed.event.columns) == (MODEL, "data", ("AGE",))


def test_the_chain_takes_a_life_sign_for_what_it_is(scene: Scene) -> None:
    scene.watch()
    ((subject, event_type, data, id),) = scene.reported
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    routed = read(Delivered(id, LOCAL_WORKSPACE, subject, event_type, scene.now, data), sources, scene.now)
    assert (routed.model, type(routed.event)) == (MODEL, MonitorReported)


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_monitor_that_cannot_look_gives_no_life_sign(scene: Scene, break_it: Callable[[Path], object]) -> None:
    break_it(scene.home / "endpoints" / MODEL / FIRST / "model" / "reference.json")
    scene.watch()
    assert scene.reported == []


def test_a_life_sign_that_the_topic_did_not_take_is_given_with_the_next_look(scene: Scene) -> None:
    scene.refuse = True
    scene.watch()
    scene.refuse = False
    scene.watch()
    assert len(scene.reported) == 1


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
