"""Rows that cannot be read: a damaged one is set aside whole, one of a newer release is left alone, and neither blocks the others."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared import events, wiring
from shared.errors import RowDamaged
from shared.journaling import journal
from shared.table import forms
from shared.web import reading, views
from tests.histories.oracle import check_rows
from tests.keeping import keeper_of
from tests.world import World

DAMAGED = ['{"v":1,"event":{"kind":"DataLan', "[]", '{"tries":0}', '{"event":{"kind":"DataLanded","v":1}}', "\x00"]


def put(world: World, key: str, text: str, model: str = "m") -> None:
    """A row as something outside Baton left it."""
    world.table.rows[(model, key)] = (text, 10_000_000)


def quiet(world: World) -> None:
    """Fold and settle until nothing is left to do."""
    while world.app.fold.advance("m").more:
        pass
    world.settle()


def newer(world: World, kind: str = "DataLanded") -> str:
    """An inbox row that a later release wrote."""
    form = {"kind": kind, "v": forms.V + 1, "id": "x", "at": world.now.isoformat()}
    return json.dumps({"v": forms.V + 1, "event": form, "tries": 0})


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_inbox_row_is_set_aside_as_it_stood_and_the_others_go_on(world: World, text: str) -> None:
    put(world, "!2in:0broken", text)
    world.drop("rows")
    quiet(world)
    assert world.states() == {"m-0001": "awaiting approval"}
    ((_, letter),) = world.app.book.dead("m")
    assert (letter["kind"], letter["row"], letter["text"]) == ("row", "!2in:0broken", text)
    kept = world.table.get("m", letter["kept"])
    assert kept is not None
    assert kept.body == text
    assert world.head().dead == 1
    told = [note for line in world.app.book.journal("m") for note in journal.read(line)["notes"]]
    todo = next(note["next"] for note in told if note["what"] == "row set aside")
    assert todo == "baton deadletters m; docs/runbook.md#damaged-row"
    check_rows(world)


def test_twenty_damaged_rows_in_front_hold_up_no_event(world: World) -> None:
    for number in range(45):
        put(world, f"!2in:0{number:03d}", "{")
    world.drop("rows")
    quiet(world)
    assert world.states() == {"m-0001": "awaiting approval"}
    assert world.head().dead == 45
    check_rows(world)


def test_a_damaged_command_is_set_aside_and_counted_no_more(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    (row,) = world.table.page("m", "!3out:", "!4early:", 10)
    put(world, row.key, row.body[:20])
    world.drop("more rows")
    quiet(world)
    ((_, letter),) = world.app.book.dead("m")
    assert letter["row"] == row.key
    assert world.head().next_file == 2
    check_rows(world)


def test_a_damaged_row_that_can_be_read_again_is_replayed(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    (row,) = world.table.page("m", "!3out:", "!4early:", 10)
    put(world, row.key, "{")
    quiet(world)
    ((key, letter),) = world.app.book.dead("m")
    put(world, key, json.dumps({**letter, "text": row.body}))
    world.ask(events.ReplayRequested, letter=key)
    quiet(world)
    assert world.states() == {"m-0001": "awaiting approval"}
    assert (world.head().dead, world.app.book.dead("m")) == (0, [])
    check_rows(world)


def test_a_damaged_row_that_still_cannot_be_read_stays_and_says_so(world: World) -> None:
    put(world, "!2in:0broken", "{")
    quiet(world)
    ((key, _),) = world.app.book.dead("m")
    world.ask(events.ReplayRequested, letter=key)
    quiet(world)
    line = journal.read(world.app.book.journal("m")[-1])
    assert (line["answer"], "cannot happen again" in line["why"]) == ("stale", True)
    assert world.head().dead == 1


def test_a_damaged_early_row_is_set_aside_and_counted_no_more(world: World) -> None:
    world.drop("rows")
    world.until("registering")
    world.registry.busy = True
    world.settle()
    world.register_by_hand()
    world.app.fold.advance("m")
    (row,) = world.table.page("m", "!4early:", "!4early:~", 10)
    put(world, row.key, "{")
    world.registry.busy = False
    world.wait(timedelta(minutes=2))
    assert (world.head().early, world.head().dead) == (0, 1)
    assert world.table.page("m", "!4early:", "!4early:~", 10) == []


@pytest.mark.parametrize("kind", ["DataLanded", "SomethingNew"])
@pytest.mark.parametrize("many", [1, 70])
def test_events_of_a_newer_release_are_left_alone_and_hold_up_no_other(world: World, kind: str, many: int) -> None:
    text = newer(world, kind)
    for number in range(many):
        put(world, f"!2in:0{number:03d}", text)
    world.drop("rows")
    quiet(world)
    assert world.states() == {"m-0001": "awaiting approval"}
    left = world.table.page("m", "!2in:", "!3out:", 100)
    assert [row.body for row in left] == [text] * many
    assert world.app.book.dead("m") == []


@pytest.mark.parametrize("form", [{"v": forms.V + 1, "kind": "tell"}, {"kind": "something_new"}])
def test_commands_of_a_newer_release_are_left_alone_and_hold_up_no_other(world: World, form: dict[str, object]) -> None:
    text = json.dumps({"number": 1, "release": "", "due": world.now.isoformat(), **form})
    for number in range(100):
        put(world, f"!3out:0:{number:012d}", text)
    world.drop("rows")
    quiet(world)
    assert world.states() == {"m-0001": "awaiting approval"}
    left = world.table.page("m", "!3out:0", "!3out:1", 200)
    assert [row.body for row in left] == [text] * 100


@pytest.mark.parametrize("row", ["!0head", "!1open:m-0001"])
def test_a_damaged_head_or_release_stops_its_model_alone_and_says_what_mends_it(world: World, row: str) -> None:
    world.publish("other")
    world.drop("rows")
    quiet(world)
    whole = world.table.get("m", row)
    assert whole is not None
    put(world, row, whole.body[:40])
    world.drop("more rows")
    with pytest.raises(RowDamaged, match="baton ledger rebuild m --why") as raised:
        world.app.fold.advance("m")
    assert row in raised.value.what
    world.settle("other")
    keeper_of(world).repair.mend("m", by="operations", why="a row was damaged")
    quiet(world)
    assert world.head().next_file == 3
    check_rows(world)


def test_the_pages_show_the_other_models_while_one_cannot_be_read(world: World) -> None:
    world.publish("other")
    world.settle("other")
    put(world, "!0head", "{")
    found = {one.view.name: one.view for one in reading.every_model(world.app)}
    assert found["other"].status == "waiting"
    assert found["m"].status == "damaged"
    assert "!0head" in found["m"].state
    assert views.need(found.values(), "operations").sentence == "1 model cannot be read"


def test_a_ring_that_failed_because_of_a_damaged_row_says_which(world: World) -> None:
    put(world, "!0head", "{")
    wiring.use(world.app)
    wiring.poisoned("advance", b"m")
    ((_, letter),) = world.app.book.dead("m")
    assert "!0head" in letter["why"]
    assert letter["next"] == "baton ledger rebuild m --why ...; docs/runbook.md#damaged-row"
