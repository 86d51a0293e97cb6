"""Old rows go in bounded steps, and a repeat that comes after that changes nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared import events
from shared.errors import BatonError
from shared.state import Head
from shared.storage.port import Put
from shared.table import prune
from shared.table.prune import Pruner
from tests.fakes.trapped import Call
from tests.world import World

LATER = timedelta(days=15)


def seen(world: World) -> list[str]:
    return [row.key for row in world.table.page("m", "seen:", "seen:~", 10_000)]


def counted(head: Head) -> tuple[object, ...]:
    """What a repeat must not change: the journal and its commands go on, nothing else."""
    return (head.next_file, head.next_release, head.basket.causes, head.basket.rows, head.champion, head.building)


def prune_all(world: World) -> int:
    pruner = Pruner(world.table, world.app.book, clock=lambda: world.now)
    return sum(pruner.prune() for _ in range(20))


def test_a_drop_that_is_repeated_after_its_row_went_is_known_by_its_bytes(world: World) -> None:
    world.go_live("rows")
    before = counted(world.head())
    world.now += LATER
    assert prune_all(world) > 0
    etag = world.blobs.look("incoming", _the_drop(world)).etag  # type: ignore[union-attr]
    world.app.intake.receive(world.blob_created(_the_drop(world), etag, 4, delivery="again"))
    world.settle()
    assert counted(world.head()) == before
    assert world.states() == {"m-0001": "live"}


def _the_drop(world: World) -> str:
    return next(name for container, name in world.blobs.blobs if container == "incoming")


def test_a_run_of_ours_that_is_told_again_after_its_row_went_is_stale(world: World) -> None:
    world.go_live("rows")
    before, started = counted(world.head()), len(world.trainer.started)
    world.now += LATER
    prune_all(world)
    world.accept("m", events.RunChanged(id="again", at=world.now, run_id="m-0001-t-1", status="completed"))
    world.settle()
    assert (counted(world.head()), len(world.trainer.started)) == (before, started)


@pytest.mark.parametrize("kind", ["foreign version", "foreign run", "drift", "request"])
def test_what_nothing_else_would_know_is_known_for_ever(world: World, kind: str) -> None:
    world.publish()
    world.settle()
    event = _events(world)[kind]
    assert world.accept("m", event)
    world.settle()
    world.now += timedelta(days=400)
    prune_all(world)
    before = world.head().next_line
    assert not world.accept("m", event)
    world.app.fold.advance("m")
    lines = [json.loads(line) for line in world.app.book.journal("m", before)]
    assert event.id not in [line["event"]["id"] for line in lines]


def _events(world: World) -> dict[str, events.Event]:
    at = world.now
    return {
        "foreign version": events.ModelRegistered(id="v", at=at, version="7"),
        "foreign run": events.RunChanged(id="r", at=at, run_id="theirs", status="completed", model="m"),
        "drift": events.DriftDetected(id="d", at=at, monitor="m", run_id="d1", coefficient=0.4),
        "request": events.RetrainRequested(id="q", at=at, by="ada", why="x"),
    }


def test_a_row_stays_for_fourteen_days(world: World) -> None:
    world.publish()
    world.settle()
    world.drop("rows")
    before = seen(world)
    world.now += timedelta(days=13, hours=23)
    assert prune_all(world) == 0
    assert seen(world) == before
    world.now += timedelta(hours=2)
    assert prune_all(world) == 1


def test_a_sweep_reads_and_removes_a_bounded_number_and_goes_on_where_it_stopped(world: World) -> None:
    world.publish()
    world.settle()
    for number in range(0, 12_000, 80):
        body = json.dumps({"v": 2, "at": world.now.isoformat(), "until": world.now.isoformat()})
        world.table.write("m", [Put(f"seen:{n:032x}", body) for n in range(number, number + 80)])
    world.now += timedelta(seconds=1)
    most = prune.PAGES_A_SWEEP * prune.PAGE
    removed = [Pruner(world.table, world.app.book, clock=lambda: world.now).prune() for _ in range(4)]
    assert removed[0] == most
    assert max(removed) <= most
    assert sum(removed) == 12_000


def test_a_crash_while_pruning_loses_nothing_but_rows_whose_time_is_over(world: World) -> None:
    world.go_live("rows")
    kept = {key: row for key, row in world.table.rows.items() if not key[1].startswith("seen:")}
    world.now += LATER

    def trap(when: str, call: Call) -> None:
        if when == "after" and str(call) == "table.write":
            raise BatonError("the process ends", next="again")

    world.trap = trap
    with pytest.raises(BatonError):
        Pruner(world.behind(world.table, "table"), world.app.book, clock=lambda: world.now).prune()
    world.trap = lambda when, call: None
    prune_all(world)
    assert all(world.table.rows[key][0] == row[0] for key, row in kept.items())


def test_what_concerned_no_model_is_kept_for_fourteen_days_and_a_thousand_at_most(world: World) -> None:
    for number in range(1200):
        world.app.book.ignore(f"{number:032x}", "no model", {}, world.now + timedelta(seconds=number))
    world.now += timedelta(hours=1)
    prune_all(world)
    left = world.table.page("~unrouted", "ignored:", "ignored:~", 5000)
    assert [row.key for row in left] == [f"ignored:{number:032x}" for number in range(200, 1200)]
    world.now += LATER
    prune_all(world)
    assert world.table.page("~unrouted", "ignored:", "ignored:~", 5000) == []


def test_the_sweep_prunes_and_rings_although_pruning_fails(world: World) -> None:
    world.publish()
    world.settle()
    world.drop("rows")
    world.now += LATER

    def trap(when: str, call: Call) -> None:
        if str(call) == "table.page" and "seen:" in call.given:
            raise BatonError("no answer", next="again")

    world.trap = trap
    assert world.app.sweeper.sweep() == 1
    world.trap = lambda when, call: None
    world.now += timedelta(minutes=6)
    world.app.sweeper.sweep()
    assert [key for key in seen(world) if "drop" in key] == []
