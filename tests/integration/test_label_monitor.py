"""The performance monitor: when labels raise an alarm, once, and that the chain takes it as a cause of its own."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.label_monitor import LabelMonitor
from shared.errors import PlatformBusy
from shared.events import DriftDetected
from shared.monitoring.labels import labels_place
from shared.monitoring.performance import Judged, NotJudged
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.spec import Gates
from shared.wire import Delivered, Sources, read
from tests.fakes.storage import MemoryBlobs

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
MSE = Gates(metric="mse", direction="lower", floor=100.0)


@dataclass
class Scene:
    """Storage in which version 1 of `m` answered 0 to 300 requests, and a topic that remembers or refuses."""

    home: Path
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    told: list[tuple[str, str, dict[str, object], str]] = field(default_factory=list)
    refuse: bool = False
    is_judged: bool = True

    def __post_init__(self) -> None:
        kept = {"time": NOON.isoformat(), "version": "1", "status": 200, "pinned": False, "predictions": [0.0]}
        lines = (json.dumps({**kept, "request_id": str(number)}) for number in range(300))
        self.blobs.drop("scored", "m/2026/03/04/12-0001.jsonl", "\n".join(lines).encode())

    def labels(self, spread: float, first: int = 0, count: int = 100) -> None:
        draw = random.Random(first)
        lines = [f"{number},{draw.gauss(0, spread)}" for number in range(first, first + count)]
        text = "\n".join(["request_id,label", *lines, ""]).encode()
        self.blobs.drop("scored", labels_place("m", text), text)

    def publish(self, subject: str, event_type: str, data: dict[str, object], id: str) -> None:
        if self.refuse:
            raise PlatformBusy("the topic does not answer", next="wait")
        self.told.append((subject, event_type, data, id))

    def judged(self, model: str, version: str) -> Judged:
        if not self.is_judged:
            raise NotJudged(f"no release of {model} made version {version}", next="retrain")
        return Judged(version, 1.0, 100, MSE)

    def watch(self) -> None:
        """One look of a monitor that has just begun: all it knows is on disk."""
        LabelMonitor(self.home, self.blobs, self.judged, self.publish).watch("m", "1", NOON)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_labels_that_show_twice_the_error_are_one_alarm(scene: Scene) -> None:
    scene.labels(spread=1.5)
    for _ in range(3):
        scene.watch()
    ((subject, event_type, data, id),) = scene.told
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    routed = read(Delivered(id, LOCAL_WORKSPACE, subject, event_type, NOON, data), sources, NOON)
    assert isinstance(routed.event, DriftDetected)
    assert (routed.model, routed.event.signal) == ("m", "performance")
    assert routed.event.coefficient == pytest.approx(1.25, abs=0.6)  # 1.5 squared is 125 % more than 1


def test_labels_that_show_what_was_judged_are_none(scene: Scene) -> None:
    scene.labels(spread=1.0)
    scene.watch()
    assert scene.told == []


def test_no_labels_are_no_alarm(scene: Scene) -> None:
    scene.watch()
    assert scene.told == []


def test_more_labels_are_looked_at_again(scene: Scene) -> None:
    scene.labels(spread=1.0)
    scene.watch()
    scene.labels(spread=4.0, first=100)
    scene.watch()
    assert len(scene.told) == 1


def test_an_alarm_that_the_topic_did_not_take_is_told_with_the_next_look(scene: Scene) -> None:
    scene.labels(spread=1.5)
    scene.refuse = True
    with pytest.raises(PlatformBusy):
        scene.watch()
    scene.refuse = False
    scene.watch()
    assert len(scene.told) == 1


def test_a_version_that_nobody_judged_is_told_once_and_raises_no_alarm(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.labels(spread=9.0)
    scene.is_judged = False
    for _ in range(3):
        scene.watch()
    assert scene.told == []
    assert sum("performance is not watched" in line for line in caplog.messages) == 1
