"""A damaged table is made whole from the journal alone, and the model goes on to live."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared import events
from shared.errors import JournalBroken, LedgerConflict
from tests.fakes.storage import MemoryTable
from tests.fakes.trapped import Call, Crash
from tests.keeping import SMALL, keeper_of, put, remove, with_history
from tests.world import World, evidence

Damage = Callable[[World], None]


def the_head_is_gone(world: World) -> None:
    remove(world, "!0head")


def the_head_is_garbage(world: World) -> None:
    put(world, "!0head", "{not json")


def the_head_forgot_its_champion(world: World) -> None:
    row = world.table.get("m", "!0head")
    assert row is not None
    body = json.loads(row.body)
    body["head"]["champion"] = None
    put(world, "!0head", json.dumps(body))


def an_open_release_is_garbage(world: World) -> None:
    put(world, "!1open:m-0002", '{"v":2,"nothing":true}')


def an_open_release_is_gone(world: World) -> None:
    remove(world, "!1open:m-0002")


def the_outbox_is_lost(world: World) -> None:
    keys = [row.key for row in world.table.page("m", "!3out:", "!4early:", 100)]
    assert keys, "the moment was chosen so that commands wait"
    remove(world, *keys)


def a_command_was_added(world: World) -> None:
    row = world.table.page("m", "!3out:", "!4early:", 1)[0]
    put(world, "!3out:0:000000009999", row.body)


def files_are_gone(world: World) -> None:
    keys = [row.key for first in ("file:", "sha:") for row in world.table.page("m", first, first + "~", 10)]
    remove(world, *keys)


def all_rows_but_the_journal_are_gone(world: World) -> None:
    for first, before in (("!", "!2in:"), ("!3", "j"), ("release:", "~")):
        remove(world, *[row.key for row in world.table.page("m", first, before, 1000)])


DAMAGES = (
    the_head_is_gone,
    the_head_is_garbage,
    the_head_forgot_its_champion,
    an_open_release_is_garbage,
    an_open_release_is_gone,
    the_outbox_is_lost,
    a_command_was_added,
    files_are_gone,
    all_rows_but_the_journal_are_gone,
)


@pytest.fixture
def halfway(world: World) -> World:
    """m-0001 serves, m-0002 is being judged, and commands wait in the outbox."""
    with_history(world)
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("rows two")
    for _ in range(200):
        world.app.fold.advance("m")
        head = world.head()
        judging = head.building and world.release(head.building).state == "judging"
        if judging and world.app.book.commands("m"):
            return world
        world.app.performer.perform("m")
        world.announce_runs()
    raise AssertionError("it was never judged")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_table_is_found_mended_and_goes_on_to_live(halfway: World, damage: Damage) -> None:
    world = halfway
    damage(world)
    keeper = keeper_of(world)
    assert keeper.repair.check("m").differences
    mended = keeper.repair.mend("m", by="operations", why="rows were removed by hand")
    assert not mended.lost
    world.restart()
    assert keeper_of(world).repair.check("m").differences == ()
    world.settle()
    world.decide("m-0002")
    world.wait(timedelta(minutes=6))
    assert world.states() == {"m-0001": "replaced", "m-0002": "live"}
    assert world.endpoints.look("m").split == {"m-0002": 100}  # type: ignore[union-attr]
    assert keeper_of(world).repair.check("m").differences == ()
    assert keeper_of(world).inspector.inspect("m").fault is None
    runs = [run.run_id for run in world.trainer.started]
    assert len(runs) == len(set(runs)) == 6


def test_the_journal_says_that_it_was_rebuilt_by_whom_and_why(halfway: World) -> None:
    remove(halfway, "!0head")
    keeper_of(halfway).repair.mend("m", by="ada", why="the disk was full")
    line = json.loads(halfway.app.book.journal("m", halfway.head().next_line - 1)[0])
    assert (line["event"]["kind"], line["event"]["by"], line["event"]["why"]) == (
        "LedgerRebuilt",
        "ada",
        "the disk was full",
    )


def test_an_undamaged_table_differs_in_nothing(halfway: World) -> None:
    found = keeper_of(halfway).repair.check("m")
    assert found.differences == ()
    assert found.rows > 5


def test_a_difference_names_the_field_and_both_values(halfway: World) -> None:
    the_head_forgot_its_champion(halfway)
    (difference,) = keeper_of(halfway).repair.check("m").differences
    assert difference.key == "!0head"
    assert difference.what.startswith("champion is None, by the journal Champion(version='1'")


def test_a_process_that_decides_meanwhile_keeps_the_rebuild_from_writing(halfway: World) -> None:
    keeper = keeper_of(halfway)
    repair = keeper.repair
    taken = repair._take_head

    def late(model: str, standing: object) -> None:
        halfway.ask(events.RetrainRequested)
        halfway.app.fold.advance("m")
        taken(model, standing)  # type: ignore[arg-type]

    repair._take_head = late  # type: ignore[method-assign,assignment]
    before = dict(halfway.table.rows)
    with pytest.raises(LedgerConflict, match="nothing was written"):
        repair.mend("m", by="ada", why="x")
    assert halfway.head().next_line > json.loads(before[("m", "!0head")][0])["head"]["next_line"]
    assert repair.check("m").differences == ()


def test_nothing_is_rebuilt_from_a_broken_journal(halfway: World) -> None:
    key = f"journal:{halfway.head().next_line - 2:012d}"
    row = halfway.table.get("m", key)
    assert row is not None
    put(halfway, key, row.body.replace('"v":', '"v": '))
    with pytest.raises(JournalBroken, match="baton audit verify m"):
        keeper_of(halfway).repair.mend("m", by="ada", why="x")
    assert halfway.head()


@pytest.mark.parametrize("stop_at", range(1, 9))
def test_a_rebuild_that_crashes_anywhere_is_repeated_from_its_beginning(halfway: World, stop_at: int) -> None:
    world = halfway
    all_rows_but_the_journal_are_gone(world)
    world.trap = _crash_at_write(stop_at)
    world.restart()
    crashed = _trapped_mend(world)
    world.trap = lambda when, call: None
    if crashed:
        assert keeper_of(world).repair.check("m").differences or world.head()
    keeper_of(world).repair.mend("m", by="ada", why="again")
    world.restart()
    world.settle()
    assert keeper_of(world).repair.check("m").differences == ()
    world.decide("m-0002")
    world.wait(timedelta(minutes=6))
    assert world.states() == {"m-0001": "replaced", "m-0002": "live"}


def _crash_at_write(number: int) -> Callable[..., None]:
    counted = [0]

    def trap(when: str, call: Call) -> None:
        if str(call) == "table.write":
            counted[0] += 1
            if counted[0] == number:
                raise Crash(str(number))

    return trap


def _trapped_mend(world: World) -> bool:
    try:
        keeper_of(world).repair.mend("m", by="ada", why="first try")
    except Crash:
        return True
    return False


# The whole table lost


def test_a_lost_table_is_rebuilt_from_closed_segments_and_skips_the_numbers_that_may_be_used(halfway: World) -> None:
    world = halfway
    last = world.head().archived.line
    runs = {run.run_id for run in world.trainer.started}
    world.table = MemoryTable()
    world.restart()
    mended = keeper_of(world).repair.mend("m", by="operations", why="the table was deleted")
    assert (mended.lost, mended.lines) == (True, last)
    assert world.head().next_release > 1000
    assert world.app.book.models() == ["m"]
    world.settle()
    assert keeper_of(world).repair.check("m").differences == ()
    assert keeper_of(world).inspector.inspect("m").fault is None
    world.drop("rows three")
    world.wait(timedelta(minutes=2))
    release = world.head().shipping or world.head().building
    assert int(release.rsplit("-", 1)[1]) > 1000
    assert not runs & {run.run_id for run in world.trainer.started if run.run_id.startswith(release)}


def test_what_serves_is_asked_again_after_a_lost_table(world: World) -> None:
    with_history(world, sizes=SMALL)
    champion = world.head().champion
    assert champion is not None
    world.table = MemoryTable()
    world.restart()
    keeper_of(world).repair.mend("m", by="operations", why="the table was deleted")
    world.wait(timedelta(minutes=2))
    found = world.head().champion
    assert found is not None
    assert (found.version, found.deployment) == (champion.version, champion.deployment)


def test_every_lost_line_was_younger_than_the_last_closed_one(halfway: World) -> None:
    head = halfway.head()
    assert head.next_line - 1 - head.archived.line <= SMALL.lines + SMALL.kept + 5
