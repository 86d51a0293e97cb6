"""Closed segments: older lines of the journal move into immutable blobs, and no reader notices."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from shared import events
from shared.errors import HeadLost
from shared.journaling.segments import Sizes
from shared.ledger import Claimed
from shared.storage.port import Delete
from tests.fakes.storage import MemoryTable
from tests.fakes.trapped import Call, Crash
from tests.world import World

SMALL = Sizes(lines=6, kept=4)


@pytest.fixture
def busy(world: World) -> World:
    """A model with a long journal and several closed segments."""
    world.sizes = SMALL
    world.restart()
    world.go_live("rows one")
    return world


def table_lines(world: World) -> list[str]:
    return [row.body for row in world.table.page("m", "journal:", "journal:~", 1000)]


def segment_blobs(world: World) -> list[list[str]]:
    names = sorted(name for container, name in world.blobs.blobs if container == "journal")
    return [world.blobs.blobs[("journal", name)][0].decode().splitlines() for name in names]


def test_the_journal_reads_as_one_whichever_lines_stand_in_the_table(busy: World) -> None:
    lines = busy.app.book.journal("m", limit=10_000)
    numbers = [json.loads(line)["n"] for line in lines]
    assert numbers == list(range(1, busy.head().next_line))
    assert len(table_lines(busy)) < len(lines) / 2
    assert busy.app.book.journal("m", 5, 4) == lines[4:8]
    assert busy.app.book.journal("m", len(lines) - 1, 10) == lines[-2:]


def test_a_segment_holds_the_lines_byte_for_byte_and_names_the_hash_of_the_one_before(busy: World) -> None:
    found = segment_blobs(busy)
    assert len(found) > 2
    before, prev = "", ""
    for number, (head, *lines) in enumerate(found, start=1):
        told = json.loads(head)
        assert (told["segment"], told["prev"], told["before"]) == (number, prev, before)
        assert [json.loads(line)["prev"] for line in lines] == [prev, *map(_sha, lines[:-1])]
        assert told["hash"] == _sha(lines[-1])
        prev = _sha(lines[-1])
        before = _sha("".join(f"{line}\n" for line in (head, *lines)))
    archived = busy.head().archived
    assert (archived.segment, archived.hash, archived.sha256) == (len(found), prev, before)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_table_never_holds_many_more_lines_than_it_keeps(world: World) -> None:
    world.sizes = SMALL
    world.restart()
    world.publish(adopt="never")
    world.settle()
    most = 0
    for _ in range(60):
        world.register_by_hand()
        world.settle()
        most = max(most, len(table_lines(world)))
    assert most <= SMALL.lines + SMALL.kept + 5
    assert world.head().next_line > 60


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["blobs.put", "blobs.read", "table.write"])
def test_a_crash_anywhere_while_a_segment_is_closed_and_trimmed_loses_no_line(
    world: World, kind: str, when: Literal["before", "after"]
) -> None:
    world.sizes = SMALL
    world.restart()
    world.publish(adopt="never")
    world.settle()
    crashes = _crash_each_time(world, kind, when)
    for _ in range(30):
        world.register_by_hand()
        for _ in range(6):
            try:
                world.settle()
            except Crash:
                world.restart()
            world.now += timedelta(seconds=95)
    assert crashes[0] >= 2
    world.trap = lambda when, call: None
    world.settle()
    lines = world.app.book.journal("m", limit=10_000)
    assert [json.loads(line)["n"] for line in lines] == list(range(1, world.head().next_line))
    assert [json.loads(line)["prev"] for line in lines[1:]] == [_sha(line) for line in lines[:-1]]
    assert len(table_lines(world)) <= SMALL.lines + SMALL.kept + 5


def _crash_each_time(world: World, kind: str, when: str) -> list[int]:
    """From now on the process ends at every third such call that concerns the journal."""
    counted = [0, 0]

    def trap(at: Literal["before", "after"], call: Call) -> None:
        concerns = any("journal" in str(given) for given in call.given)
        if at == when and str(call) == kind and concerns:
            counted[1] += 1
            if counted[1] % 3 == 0:
                counted[0] += 1
                raise Crash(kind)

    world.trap = trap
    return counted


def test_a_foreign_blob_under_a_segments_name_is_refused_and_nothing_is_trimmed(world: World) -> None:
    world.sizes = SMALL
    world.blobs.put("journal", "m/000000000001-000000000006.jsonl", b"{}\n{}\n", content_type="text/plain")
    world.restart()
    world.app.book.lines._archive = None  # type: ignore[assignment]  # the model is new; somebody wrote the blob first
    world.publish(adopt="never")
    world.settle()
    for _ in range(12):
        world.register_by_hand()
        world.settle()
    dead = world.app.book.dead("m")
    assert ["there already" in str(body["why"]) for _, body in dead] == [True]
    assert len(table_lines(world)) == world.head().next_line - 1
    assert world.head().archived.closing == 0


def test_a_row_that_differs_from_its_segment_is_never_removed(world: World) -> None:
    world.sizes = SMALL
    world.restart()
    world.publish(adopt="never")
    world.settle()
    while not any(command.kind == "trim_journal" for command, _, _ in world.app.book.commands("m")):
        world.register_by_hand()
        world.app.fold.advance("m")
        world.app.performer.perform("m")
    key = ("m", "journal:000000000003")
    body, etag = world.table.rows[key]
    world.table.rows[key] = (body.replace('"n":3', '"n":3 '), etag)
    world.settle()
    assert key in world.table.rows
    assert any("not in its closed segment" in str(body["why"]) for _, body in world.app.book.dead("m"))


def test_a_lost_head_is_never_taken_for_a_new_model(busy: World) -> None:
    head = busy.table.get("m", "!0head")
    assert head is not None
    busy.table.write("m", [Delete(head.key, head.etag)])
    busy.restart()
    busy.publish(alpha=9)
    with pytest.raises(HeadLost, match="runbook.md#damaged-table"):
        busy.app.fold.advance("m")


def test_a_lost_table_is_never_taken_for_a_new_model(busy: World) -> None:
    busy.table = MemoryTable()
    busy.restart()
    busy.publish(alpha=9)
    with pytest.raises(HeadLost, match="runbook.md#damaged-table"):
        busy.app.fold.advance("m")


def test_closing_that_failed_is_asked_for_again_many_lines_later(world: World) -> None:
    world.sizes = SMALL
    world.restart()
    world.publish(adopt="never")
    world.settle()
    failed = events.CommandFailed(id="x", at=world.now, command=0, name="close_segment", reason="no", next="look")
    while not world.head().archived.closing:
        world.register_by_hand()
        world.app.fold.advance("m")
    claimed = world.app.book.commands("m")
    number, key, etag = next((c, k, e) for c, k, e in claimed if c.kind == "close_segment")
    world.app.fold.record_outcome("m", replace(failed, command=number.number), Claimed(number, key, etag))
    head = world.head()
    assert (head.archived.closing, head.archived.line) == (0, 0)
    assert head.archived.again_at > head.next_line + 90
