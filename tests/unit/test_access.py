"""Who read what is logged apart, and no page waits or fails for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared import log
from shared.access import AccessLog
from shared.storage.port import BlobFull, StorageBusy
from shared.web.site import site
from tests.fakes.storage import MemoryBlobs
from tests.world import World

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Slow(MemoryBlobs):
    """Storage that does not answer while `busy`, and whose blobs are full after `blocks` appends."""

    busy: bool = False
    blocks: int = 1000
    asked: int = 0
    appended: dict[str, int] = field(default_factory=dict)

    def append(self, container: str, name: str, content: bytes) -> None:
        self.asked += 1
        if self.busy:
            raise StorageBusy("no answer", next="wait")
        if self.appended.get(name, 0) >= self.blocks:
            raise BlobFull("full", next="another")
        self.appended[name] = self.appended.get(name, 0) + 1
        super().append(container, name, content)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def written(blobs: MemoryBlobs) -> dict[str, list[dict[str, Any]]]:
    found = {name: content for (container, name), (content, *_) in blobs.blobs.items() if container == "access"}
    return {
        name: [json.loads(line) for line in content.decode().splitlines()] for name, content in sorted(found.items())
    }


def test_a_read_is_written_once_with_who_what_and_when() -> None:
    blobs = MemoryBlobs()
    access = AccessLog(blobs, clock=Clock())
    access.note("ada", "/models/m", "m", 200)
    assert written(blobs) == {}
    assert access.flush() == 1
    assert access.flush() == 0
    line = {"at": NOON.isoformat(), "by": "ada", "path": "/models/m", "model": "m", "status": 200}
    assert written(blobs) == {"2026-03-01.jsonl": [line]}


def test_each_day_has_its_blob() -> None:
    blobs, clock = MemoryBlobs(), Clock()
    access = AccessLog(blobs, clock=clock)
    access.note("ada", "/", "", 200)
    clock.now += timedelta(days=1)
    access.note("ada", "/", "", 200)
    access.flush()
    assert [len(lines) for lines in written(blobs).values()] == [1, 1]


def test_a_page_that_loads_itself_again_counts_once_a_minute() -> None:
    blobs, clock = MemoryBlobs(), Clock()
    access = AccessLog(blobs, clock=clock)
    for _ in range(7):
        access.note("ada", "/", "", 200)
        clock.now += timedelta(seconds=10)
    access.note("bob", "/", "", 200)
    access.flush()
    assert [line["by"] for line in written(blobs)["2026-03-01.jsonl"]] == ["ada", "ada", "bob"]


def test_reads_wait_while_storage_does_not_answer() -> None:
    blobs = Slow(busy=True)
    access = AccessLog(blobs, clock=Clock())
    access.note("ada", "/", "", 200)
    assert access.flush() == 0
    access.note("bob", "/", "", 200)
    blobs.busy = False
    assert access.flush() == 2
    assert [line["by"] for line in written(blobs)["2026-03-01.jsonl"]] == ["ada", "bob"]


def test_what_has_no_room_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    blobs = Slow(busy=True)
    access = AccessLog(blobs, clock=Clock(), room=10)
    for number in range(25):
        access.note("ada", f"/{number}", "", 200)
    assert blobs.asked == 0
    access.flush()
    blobs.busy = False
    with caplog.at_level(logging.WARNING, logger="baton"):
        assert access.flush() == 10
        log.say_kept()
    assert [record.message for record in caplog.records if "reads not logged  count=15" in record.message]
    assert [line["path"] for line in written(blobs)["2026-03-01.jsonl"]] == [f"/{number}" for number in range(10)]


def test_a_full_blob_is_followed_by_a_further_part() -> None:
    blobs = Slow(blocks=2)
    access = AccessLog(blobs, clock=Clock())
    for number in range(5):
        access.note("ada", f"/{number}", "", 200)
        access.flush()
    assert [len(lines) for lines in written(blobs).values()] == [2, 1, 2]
    assert sum(len(lines) for lines in written(blobs).values()) == 5


# Through the site


@pytest.fixture
def client(world: World) -> TestClient:
    (world.home / "users.json").write_text('{"key-of-ada": "ada"}')
    world.publish()
    world.settle()
    return TestClient(site(world.app), base_url="http://127.0.0.1:1")


def reads(world: World) -> list[Mapping[str, Any]]:
    world.app.access.flush()
    return [line for lines in written(world.blobs).values() for line in lines]


def test_a_signed_in_persons_pages_and_a_programs_api_are_logged_with_their_model(
    world: World, client: TestClient
) -> None:
    client.get("/sign-in?key=key-of-ada&next=/models/m")
    client.get("/api/models/m/journal", headers={"Authorization": "Bearer key-of-ada"})
    client.get("/api/models")
    found = [(line["by"], line["path"], line["model"], line["status"]) for line in reads(world)]
    assert ("ada", "/models/m", "m", 200) in found
    assert ("ada", "/api/models/m/journal", "m", 200) in found
    assert ("ada", "/api/models", "", 200) in found


def test_a_read_without_a_key_is_logged_as_nobodys_and_health_not_at_all(world: World, client: TestClient) -> None:
    client.get("/api/models/none")
    client.get("/api/health")
    assert [(line["by"], line["path"], line["status"]) for line in reads(world)] == [("", "/api/models/none", 404)]


def test_no_key_and_no_query_stands_in_the_access_log(world: World, client: TestClient) -> None:
    client.get("/sign-in?key=key-of-ada&next=/")
    client.get("/models/m?asked=retrain")
    reads(world)
    text = b"".join(content for (container, _), (content, *_) in world.blobs.blobs.items() if container == "access")
    assert b"key-of-ada" not in text
    assert b"asked" not in text


def test_a_page_is_answered_while_storage_for_reads_is_down(world: World, client: TestClient) -> None:
    world.trap = _no_append
    assert client.get("/models/m").status_code == 200
    assert world.app.access.flush() == 0
    world.trap = lambda when, call: None
    assert world.app.access.flush() == 1


def _no_append(when: str, call: Any) -> None:
    if str(call) == "blobs.append":
        raise StorageBusy("no answer", next="wait")
