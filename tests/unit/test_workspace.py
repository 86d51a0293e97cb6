"""The workspace's beat: every new version is announced once, and one part's fault does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from local.workspace import Announcer, beat
from shared.errors import PlatformBusy
from shared.platforms.port import VersionSeen
from tests.contracts.interruption import interrupted, raise_interrupted


@dataclass
class Shelf:
    """A registry that holds what the test puts there, oldest first."""

    held: list[VersionSeen] = field(default_factory=list)

    def newest(self, count: int = 100) -> tuple[VersionSeen, ...]:
        return tuple(reversed(self.held))[:count]

    def add(self, model: str, version: int, **tags: str) -> None:
        self.held.append(VersionSeen(model, str(version), f"runs:/{model}{version}/model", tags, f"run-{version}"))


@dataclass
class Ear:
    """A topic that takes what it is told, except while it is deaf."""

    told: list[tuple[str, str, Mapping[str, object], str]] = field(default_factory=list)
    deaf: bool = False

    def publish(
        self, subject: str, event_type: str, data: Mapping[str, object], id: str, at: datetime | None = None
    ) -> None:
        if self.deaf:
            raise PlatformBusy("the topic does not answer", next="wait")
        self.told.append((subject, event_type, data, id))

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, *_ in self.told]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def announcer(shelf: Shelf, ear: Ear, tmp_path: Path) -> Announcer:
    return Announcer(shelf, ear, tmp_path / "announced.txt")


def test_a_new_version_is_announced_as_azure_announces_it(shelf: Shelf, ear: Ear, announcer: Announcer) -> None:
    shelf.add("pulse", 3, stage="candidate")
    announcer.beat()
    assert ear.told == [
        (
            "models/pulse:3",
            "Microsoft.MachineLearningServices.ModelRegistered",
            {
                "modelName": "pulse",
                "modelVersion": "3",
                "modelTags": {"stage": "candidate"},
                "modelProperties": {"runId": "run-3", "source": "runs:/pulse3/model"},
            },
            "pulse:3:registered",
        )
    ]


def test_each_version_is_announced_once_oldest_first(shelf: Shelf, ear: Ear, announcer: Announcer) -> None:
    shelf.add("pulse", 1)
    shelf.add("sugar", 1)
    announcer.beat()
    shelf.add("pulse", 2)
    announcer.beat()
    announcer.beat()
    assert ear.subjects == ["models/pulse:1", "models/sugar:1", "models/pulse:2"]


def test_a_restarted_workspace_announces_nothing_again(shelf: Shelf, ear: Ear, announcer: Announcer) -> None:
    shelf.add("pulse", 1)
    announcer.beat()
    Announcer(shelf, ear, announcer.memory).beat()
    assert ear.subjects == ["models/pulse:1"]


def test_what_the_topic_did_not_take_is_announced_by_a_later_beat(shelf: Shelf, ear: Ear, announcer: Announcer) -> None:
    shelf.add("pulse", 1)
    ear.deaf = True
    with pytest.raises(PlatformBusy):
        announcer.beat()
    ear.deaf = False
    announcer.beat()
    assert ear.subjects == ["models/pulse:1"]


def test_more_new_versions_than_a_page_holds_are_all_announced(shelf: Shelf, ear: Ear, announcer: Announcer) -> None:
    for version in range(1, 251):
        shelf.add("pulse", version)
    announcer.beat()
    assert ear.subjects == [f"models/pulse:{version}" for version in range(1, 251)]


def test_a_crash_anywhere_in_a_beat_loses_no_version_and_repeats_it_under_one_id(
    shelf: Shelf, ear: Ear, tmp_path: Path
) -> None:
    shelf.add("pulse", 1)
    shelf.add("pulse", 2)
    file = str(Announcer.beat.__code__.co_filename)
    for line in range(1, 30):
        memory = tmp_path / f"announced-{line}.txt"
        interrupted(Announcer(shelf, ear, memory).beat, at_line=line, files=[file], how=raise_interrupted)
        Announcer(shelf, ear, memory).beat()
        assert {id for *_, id in ear.told} == {"pulse:1:registered", "pulse:2:registered"}
        ear.told.clear()
        Announcer(shelf, ear, memory).beat()
        assert ear.told == []


def test_a_part_that_fails_does_not_keep_the_others_from_theirs() -> None:
    done = []

    def broken() -> None:
        raise ZeroDivisionError

    beat({"first": broken, "second": lambda: done.append("second")})
    assert done == ["second"]
