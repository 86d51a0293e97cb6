"""Releases that 0.1.0 began, today's code brings to their end; while both run, neither harms what the other wrote."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.errors import NewerForm
from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from shared.table import forms
from tests.compat.half import first_half
from tests.compat.old import OldWorld, worker
from tests.histories.oracle import check_platform, check_rest, check_rows
from tests.world import World

HALVES = 12


def finish(world: World) -> None:
    """People answer what they are asked, and time passes until only the next drop is waited for."""
    if world.head().paused:
        world.ask(events.ResumeRequested)
    for _ in range(8):
        world.wait(timedelta(minutes=10), step=timedelta(minutes=1))
        shipping = world.head().shipping
        if shipping and world.release(shipping).state == "awaiting approval":
            world.decide(shipping)
    world.wait(timedelta(hours=2), step=timedelta(minutes=10))


@pytest.mark.parametrize("seed", range(HALVES))
def test_a_history_that_is_upgraded_in_the_middle_comes_to_its_end(tmp_path: Path, seed: int) -> None:
    world = first_half(tmp_path, seed)
    finish(world)
    check_rows(world)
    check_platform(world)
    check_rest(world)
    head = world.head()
    assert (head.building, head.shipping, head.rollback, head.dead) == ("", "", None, 0)


def test_0_1_0_wrote_rows_of_form_1_and_the_upgraded_process_writes_ours(tmp_path: Path) -> None:
    """The old half is really done by the old code."""
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.go_live()
    world.upgrade()
    before = {key: json.loads(text).get("v", 1) for (_, key), (text, _) in world.table.rows.items()}
    assert set(before.values()) == {1}
    world.drop("after the upgrade")
    world.settle()
    assert json.loads(world.table.rows[("m", "!0head")][0])["v"] == forms.V


def test_an_old_worker_changes_nothing_of_a_model_that_a_new_one_wrote(tmp_path: Path) -> None:
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.upgrade()
    world.drop("rows")
    world.app.fold.advance("m")
    world.drop("more rows")
    old, before = worker(world), dict(world.table.rows)
    with pytest.raises(TypeError, match="missing 3 required positional arguments"):
        old.fold.advance("m")
    with pytest.raises(TypeError, match="missing 3 required positional arguments"):
        old.performer.perform("m")
    assert world.table.rows == before
    assert old.sweeper.sweep() == 1


def test_a_command_that_an_old_worker_is_doing_when_the_model_is_upgraded_is_done_once(tmp_path: Path) -> None:
    """The old worker cannot record what it did; the claim runs out, and a new one finds it done."""
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.drop("rows")
    world.app.fold.advance("m")
    new = World.worker(world)

    def upgraded_meanwhile(when: str, call: object) -> None:
        if when == "after" and str(call) == "blobs.fetch" and not done:
            done.append(True)
            world.accept("m", events.PauseRequested(id="p", at=world.now, by="operations"))
            new.fold.advance("m")

    done: list[bool] = []
    world.trap = upgraded_meanwhile
    with contextlib.suppress(TypeError):
        world.app.performer.perform("m")
    world.upgrade()
    world.ask(events.ResumeRequested)
    world.wait(timedelta(minutes=5))
    files = world.app.book.files("m", 10)
    assert ([file.number for file in files], world.head().dead, world.states()) == (
        [1],
        0,
        {"m-0001": "awaiting approval"},
    )


def test_an_event_that_an_old_worker_records_during_the_upgrade_is_decided_by_a_new_one(tmp_path: Path) -> None:
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.upgrade()
    world.settle()
    etag = world.blobs.drop("incoming", "m/late.csv", b"rows")
    worker(world).intake.receive(world.blob_created("m/late.csv", etag, 4))
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_an_event_of_a_newer_kind_waits_for_a_worker_that_knows_it(tmp_path: Path) -> None:
    """0.1.0 cannot name it, and fails as a whole without setting it aside; today's code passes it over."""
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    old = world.app
    world.upgrade()
    row = {"v": forms.V, "event": {"kind": "SomethingNew", "v": forms.V + 1, "id": "x"}, "tries": 0}
    world.table.rows[("m", "!2in:5:x")] = (json.dumps(row), 10_000)
    before = dict(world.table.rows)
    for _ in range(6):
        with pytest.raises(KeyError):
            old.fold.advance("m")
    assert world.table.rows == before
    world.drop("rows")
    world.settle()
    assert world.table.rows[("m", "!2in:5:x")] == before[("m", "!2in:5:x")]
    assert world.states() == {"m-0001": "awaiting approval"}


def rebuilt_as_stored(world: World, *, lines: Sequence[str] = ()) -> bool:
    """Whether folding the journal (or these lines instead) by today's code gives the head and the open releases."""
    told = lines or world.app.book.journal("m", limit=100_000)
    head, opened, _ = rebuild("m", told, world.app.parts.rules)
    stored = world.app.book.read("m")
    assert stored.head is not None
    return head == replace(stored.head, wake_at=None) and opened == dict(stored.releases)


def test_the_first_fold_after_an_upgrade_journals_what_it_found_once(tmp_path: Path) -> None:
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.go_live()
    world.drop("rows")
    world.settle()
    before = world.states()
    world.upgrade()
    world.settle()
    world.app.fold.advance("m")
    found = [journal.read(line)["event"] for line in world.app.book.journal("m")]
    carried = [event["of"] for event in found if event["kind"] == "Carried"]
    opened = sorted(release for release, state in before.items() if state == "live")
    assert carried == [*opened, "head"]
    assert world.states() == before


def test_a_journal_that_todays_rules_would_decide_otherwise_rebuilds_what_was_stored(tmp_path: Path) -> None:
    """The older code's line says that a drop was refused as forged; by today's rules it would have been taken."""
    world = OldWorld(tmp_path)
    world.publish(files=1)
    world.settle()
    world.go_live()
    world.upgrade()
    world.settle()
    world.drop("rows of a new batch")
    world.settle()
    lines = world.app.book.journal("m")
    assert rebuilt_as_stored(world)
    number = next(n for n, line in enumerate(lines) if journal.read(line)["event"]["kind"] == "FileAccepted")
    line = {**journal.read(lines[number]), "answer": "refused"}
    otherwise = [*lines[:number], json.dumps(line), *lines[number + 1 :]]
    assert rebuilt_as_stored(world, lines=otherwise)


def test_lines_that_todays_code_cannot_decide_at_all_do_not_keep_the_journal_from_rebuilding(tmp_path: Path) -> None:
    """As if a kind of event had been given up since, and as if the first publish had."""
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.go_live()
    world.upgrade()
    world.settle()
    lines = world.app.book.journal("m")
    strange = [json.dumps({**json.loads(line), "event": {"kind": "GivenUp"}}) for line in lines]
    mixed = [new if forms.is_older(line) else line for line, new in zip(lines, strange, strict=True)]
    assert mixed[0] != lines[0]
    assert rebuilt_as_stored(world, lines=mixed)
    with pytest.raises(NewerForm):
        rebuilt_as_stored(world, lines=strange)


def test_a_model_that_waits_in_silence_is_carried_over_by_the_sweep(tmp_path: Path) -> None:
    world = OldWorld(tmp_path)
    world.publish()
    world.settle()
    world.upgrade()
    world.bells.rung.clear()
    world.app.sweeper.sweep()
    assert ("advance", "m") in [(queue, model) for queue, model, _ in world.bells.rung]
    world.app.fold.advance("m")
    assert json.loads(world.table.rows[("m", "!0head")][0])["v"] == forms.V
