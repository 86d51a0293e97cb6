"""Event Grid's dead-letter container: listed, replayed through the real intake, discarded, and never changed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent
from shared.settings import LOCAL_STORAGE
from shared.storage.port import StorageBusy
from shared.web import letters
from tests.world import World

GUID = "1f3c9a02-7d41-4f0e-9a55-0123456789ab"
NAME = f"ON-NEW-DATA/2026/3/1/9/{GUID}.json"
UNPARSABLE = "2026-01-01T00:00:00+02:00"
SAMPLES = Path(__file__).resolve().parents[1] / "events"


def lost_event(world: World, *, content: str = "rows", time: Any = UNPARSABLE, **changes: Any) -> dict[str, Any]:
    """The event of a file that was really dropped, as Event Grid writes it when it gave up."""
    blob = f"m/{content}.csv"
    etag = world.blobs.drop("incoming", blob, content.encode())
    delivered = world.blob_created(blob, etag, len(content))
    return {
        "id": delivered.id,
        "topic": LOCAL_STORAGE,
        "subject": delivered.subject,
        "eventType": delivered.type,
        "eventTime": time,
        "data": delivered.data,
        "dataVersion": "",
        "metadataVersion": "1",
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
        "deliveryAttempts": 30,
        "lastDeliveryOutcome": "InternalServerError",
        "publishTime": "2026-02-28T09:00:00.0265758Z",
        "lastDeliveryAttemptTime": "2026-03-01T09:00:00.0465788Z",
        **changes,
    }


def leave(world: World, *found: Any, name: str = NAME) -> str:
    """A blob in the container; text is written as it is."""
    text = found[0] if found and isinstance(found[0], str) else json.dumps(list(found))
    world.blobs.drop("deadletter", name, text.encode())
    return name


def ignored(world: World) -> list[str]:
    """Reasons of what was refused."""
    return [str(entry["reason"]) for entry in world.app.book.unrouted()]


def test_an_event_whose_time_cannot_be_parsed_is_replayed_into_an_accepted_drop(world: World) -> None:
    leave(world, lost_event(world))
    (answer,) = world.app.undelivered.replay(NAME, by="operations", why="mended")
    world.settle()
    assert (answer.answer, answer.model) == ("accepted", "m")
    assert world.head().next_file == 2
    assert world.app.undelivered.waiting() == []


def test_the_blob_stays_as_it_was_whatever_is_done_with_it(world: World) -> None:
    leave(world, lost_event(world))
    before = world.blobs.read("deadletter", NAME)
    world.app.undelivered.replay(NAME, by="operations", why="mended")
    assert world.blobs.read("deadletter", NAME) == before


def test_a_second_replay_records_no_second_event(world: World) -> None:
    leave(world, lost_event(world))
    world.app.undelivered.replay(NAME, by="operations", why="mended")
    (again,) = world.app.undelivered.replay(NAME, by="operations", why="mended")
    world.settle()
    assert again.answer == "seen before"
    assert world.head().next_file == 2


def test_an_event_that_was_delivered_after_all_is_seen_before(world: World) -> None:
    event = lost_event(world)
    world.app.intake.receive(world.blob_created("m/rows.csv", event["data"]["eTag"], 4))
    leave(world, event)
    (answer,) = world.app.undelivered.replay(NAME, by="operations", why="mended")
    assert answer.answer == "seen before"


@pytest.mark.parametrize("moment", range(6))
def test_a_crash_within_a_replay_leaves_the_blob_listed_and_repeats_nothing(world: World, moment: int) -> None:
    leave(world, lost_event(world), lost_event(world, content="more"))
    calls = iter(range(1000))

    def trap(call: str) -> None:
        if "write" in call and next(calls) == moment:
            raise StorageBusy("lost", next="again")

    world.table.trap = trap
    try:
        world.app.undelivered.replay(NAME, by="operations", why="mended")
    except StorageBusy:
        world.restart()
        world.app.undelivered.replay(NAME, by="operations", why="mended")
    world.settle()
    assert world.app.undelivered.waiting() == []
    assert world.head().next_file == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"topic": "/subscriptions/other"}, "topic '/subscriptions/other' is not the configured source"),
        ({"subject": "/blobServices/default/containers/incoming/blobs/m/../x.csv"}, "dotted part"),
        ({"eventType": "Contoso.Unknown"}, "type 'Contoso.Unknown' is none that Baton takes"),
        ({"data": None}, "its data is NoneType"),
        ({"eventTime": "2026-02-01T00:00:00Z"}, "outside the window"),
        ({"id": ""}, "its id is missing"),
    ],
)
def test_what_the_intake_refuses_is_refused_in_a_replay_too_and_stays(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    leave(world, lost_event(world, **changes))
    (answer,) = world.app.undelivered.replay(NAME, by="operations", why="try")
    assert answer.answer == "refused"
    assert reason in answer.why
    assert any(reason in entry for entry in ignored(world))
    assert world.app.undelivered.waiting() == [NAME]
    world.settle()
    assert world.head().next_file == 1


@pytest.mark.parametrize("text", ["", "{not json", "[1]", "[]", "null", '["x"]', "[" * 100_000])
def test_a_blob_that_holds_no_events_is_listed_as_such_and_can_be_discarded(world: World, text: str) -> None:
    world.blobs.drop("deadletter", NAME, text.encode())
    (letter,) = letters.dead_letters(world.app)
    assert (letter.kind, letter.what, letter.model) == ("undelivered", "unreadable blob", "")
    with pytest.raises(Permanent, match="cannot be replayed"):
        world.app.undelivered.replay(NAME, by="operations", why="try")
    world.app.undelivered.discard(NAME, by="operations", why="nothing in it")
    assert world.app.undelivered.waiting() == []
    assert world.blobs.read("deadletter", NAME) == text.encode()


@pytest.mark.parametrize("sample", ["dead_letter.json", "dead_letter.cloudevent.json"])
def test_the_documented_shapes_are_read(world: World, sample: str) -> None:
    leave(world, (SAMPLES / sample).read_text())
    (entry,) = world.app.undelivered.read(NAME).entries
    assert entry.reason == "MaxDeliveryAttemptsExceeded"
    assert entry.attempts == 1
    assert entry.outcome
    assert entry.delivered.type
    assert entry.delivered.topic


@pytest.mark.parametrize(
    ("time", "is_taken"),
    [
        ("2026-01-01T00:00:00+02:00", False),
        ("2026-01-01T00:00Z", False),
        ("yesterday", False),
        (20260101, False),
        ("2026-13-01T00:00:00Z", False),
        ("2026-03-01T11:00:00.9584103Z", True),
        ("2026-03-01T11:00:00+00:00", True),
    ],
)
def test_a_time_counts_only_where_the_host_can_parse_it(world: World, time: object, is_taken: bool) -> None:
    leave(world, lost_event(world, time=time))
    (entry,) = world.app.undelivered.read(NAME).entries
    assert (entry.delivered.time is not None, bool(entry.untimed)) == (is_taken, not is_taken)


def test_the_latest_hour_comes_first_though_names_are_not_padded(world: World) -> None:
    hours = ["2026/3/1/9", "2026/3/1/10", "2026/12/1/1", "2026/3/2/0"]
    for hour in hours:
        leave(world, lost_event(world), name=f"ON-NEW-DATA/{hour}/{GUID}.json")
    found = [name.removeprefix("ON-NEW-DATA/").rsplit("/", 1)[0] for name in world.app.undelivered.waiting()]
    assert found == ["2026/12/1/1", "2026/3/2/0", "2026/3/1/10", "2026/3/1/9"]


def test_a_letter_names_its_model_and_has_a_short_key(world: World) -> None:
    leave(world, lost_event(world))
    (letter,) = letters.dead_letters(world.app)
    assert (letter.id, letter.model, letter.what) == ("ON-NEW-DATA/1f3c9a02", "m", "BlobCreated")
    assert UNPARSABLE in letter.why
    assert letters.find(world.app, "ON-NEW-DATA", "1f3c") == letter


def test_the_sweep_says_once_how_many_events_could_not_be_delivered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def swept() -> list[str]:
        caplog.clear()
        world.now += timedelta(minutes=6)
        world.app.sweeper.sweep()
        return [record.message for record in caplog.records if record.levelno == logging.ERROR]

    leave(world, lost_event(world))
    (line,) = swept()
    assert line.startswith("events could not be delivered")
    assert line.endswith('next="baton deadletters; docs/runbook.md#deadletter"')
    assert swept() == []
    leave(world, lost_event(world), name=NAME.replace("1f3c", "2f3c"))
    assert len(swept()) == 1


def test_a_container_that_does_not_answer_keeps_the_sweep_from_no_model(world: World) -> None:
    def trap(call: str) -> None:
        raise StorageBusy("no", next="again")

    world.blobs.trap = trap
    world.bells.rung.clear()
    world.now += timedelta(minutes=6)
    world.app.sweeper.sweep()
    assert ("advance", "m", timedelta(0)) in world.bells.rung
