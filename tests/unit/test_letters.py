"""Dead letters: replayed once and journalled, tried out without a trace, discarded with who and why, never in the way of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import events
from shared.journaling import journal
from shared.storage.port import StorageBusy
from tests.histories.oracle import check_platform, check_rows
from tests.world import World, evidence

LOST = "f" * 16


def bury(world: World, name: str = "lost") -> str:
    """An event that cannot be decided, because the folder that it names is not there: it ends in the dead letters."""
    world.accept("m", events.ModelPublished(id=name, at=world.now, by="author", folder=LOST))
    quiet(world)
    return f"dead:{name}"


def quiet(world: World) -> None:
    """Settle also what is tried again."""
    while world.app.fold.advance("m").more:
        pass
    world.settle()


def mend(world: World) -> None:
    """Whatever made `bury`'s event fail is there now."""
    text = world.blobs.read("models", f"m/{world.head().folder}/model.yaml")
    world.blobs.put("models", f"m/{LOST}/model.yaml", text, content_type="text/plain")


def replay(world: World, key: str) -> str:
    """A person asks for a replay; returns the answer that the journal has."""
    world.ask(events.ReplayRequested, letter=key)
    quiet(world)
    return answers(world, "ReplayRequested")[-1]


def answers(world: World, kind: str) -> list[str]:
    """The journal's answers to events of a kind."""
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    return [line["answer"] for line in lines if line["event"]["kind"] == kind]


def keys(world: World) -> list[str]:
    """The keys of the dead letters."""
    return [key for key, _ in world.app.book.dead("m")]


def test_a_replayed_event_is_decided_once_more_and_its_letter_is_gone(world: World) -> None:
    key = bury(world)
    mend(world)
    assert replay(world, key) == "taken"
    assert (keys(world), world.head().dead, world.head().folder) == ([], 0, LOST)
    check_rows(world)


def test_a_second_replay_of_the_same_letter_is_stale(world: World) -> None:
    key = bury(world)
    mend(world)
    replay(world, key)
    world.now += timedelta(seconds=1)
    assert replay(world, key) == "stale"
    assert answers(world, "ModelPublished") == ["taken", "dead", "taken"]
    check_rows(world)


def test_two_people_who_replay_the_same_letter_at_once_replay_it_once(world: World) -> None:
    key = bury(world)
    mend(world)
    for person in ("ann", "bob"):
        world.accept("m", events.ReplayRequested(id=person, at=world.now, by=person, why="because", letter=key))
    world.settle()
    assert answers(world, "ReplayRequested") == ["taken", "stale"]
    check_rows(world)


def test_what_fails_again_after_its_replay_is_a_dead_letter_again(world: World) -> None:
    key = bury(world)
    assert replay(world, key) == "taken"
    assert world.head().dead == 1
    assert len(keys(world)) == 1
    check_rows(world)


def _given_up(world: World) -> str:
    """A notice that could not be told: its command is given up after its tries."""
    world.drop("bad rows")
    notices = world.home / "notices"
    notices.write_text("a file is in the way")
    world.wait(timedelta(minutes=30))
    assert world.head().dead == 1
    notices.unlink()
    return keys(world)[0]


def test_a_replayed_command_is_done_under_a_new_number(world: World) -> None:
    key = _given_up(world)
    number = int(key.rsplit("-", 1)[1])
    before = world.head().next_command
    assert replay(world, key) == "taken"
    done = [journal.read(line)["event"] for line in world.app.book.journal("m")]
    assert [event["command"] for event in done if event.get("name") == "tell"] == [number, before]
    assert (world.head().dead, world.head().outstanding) == (0, 0)
    check_rows(world)


def test_a_command_whose_release_has_ended_is_not_replayed_and_says_what_to_do(world: World) -> None:
    world.trainer.busy = True
    world.drop("rows")
    world.wait(timedelta(minutes=10))
    world.trainer.busy = False
    key = keys(world)[0]
    assert replay(world, key) == "stale"
    line = journal.read(world.app.book.journal("m")[-1])
    assert "baton retry m-0001 --why" in line["why"]
    assert world.head().dead == 1
    assert list(world.trainer.started) == []
    check_rows(world)


def test_the_traffic_of_a_roll_back_that_gave_up_is_not_moved_by_a_replay(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.endpoints.busy = True
    world.ask(events.RollbackRequested)
    world.wait(timedelta(minutes=30))
    world.endpoints.busy = False
    key = next(key for key, body in world.app.book.dead("m") if body["command"]["kind"] == "set_traffic")
    assert replay(world, key) == "stale"
    seen = world.endpoints.look("m")
    assert seen is not None
    assert seen.split == {"m-0002": 100}


def test_a_clean_up_of_what_serves_again_is_not_replayed(world: World) -> None:
    release = world.go_live()
    body = {"v": 1, "kind": "command", "why": "x", "at": world.now.isoformat()}
    command = {"v": 1, "number": 1, "kind": "clean_up", "release": "", "due": world.now.isoformat()}
    command |= {"payload": {"deployment": release}}
    world.table.rows[("m", "dead:command-000000000001")] = (json.dumps({**body, "command": command}), 1)
    assert replay(world, "dead:command-000000000001") == "stale"


def test_an_approval_that_died_is_replayed_with_its_own_signature_only(world: World) -> None:
    world.drop("rows")
    world.settle()
    seen = world.release("m-0001")
    forged = events.ApprovalGiven(
        id="forged",
        at=world.now,
        by="operations",
        why="let it pass",
        release="m-0001",
        approve=True,
        version=seen.version,
        evidence=seen.evidence,
        certificate=seen.certificate,
        nonce=seen.nonce,
        mac="0" * 64,
    )
    body = {"v": 1, "at": world.now.isoformat(), "kind": "event", "why": "x", "event": events.dump(forged)}
    world.table.rows[("m", "dead:forged")] = (json.dumps(body), 1)
    assert replay(world, "dead:forged") == "taken"
    assert answers(world, "ApprovalGiven") == ["refused"]
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_ring_that_failed_is_rung_for_again(world: World) -> None:
    world.app.book.bury("m", "poison-perform", {"kind": "poison", "queue": "perform", "why": "failed every time"})
    world.bells.rung.clear()
    world.ask(events.ReplayRequested, letter="dead:poison-perform")
    world.app.fold.advance("m")
    assert ("perform", "m", timedelta(0)) in world.bells.rung
    assert (keys(world), world.head().dead) == ([], 0)
    check_rows(world)


def test_a_discarded_letter_is_kept_apart_with_who_and_why(world: World) -> None:
    key = bury(world)
    world.ask(events.DiscardRequested, letter=key)
    world.settle()
    assert (keys(world), world.head().dead) == ([], 0)
    row = world.table.get("m", "discarded:lost")
    assert row is not None
    kept = json.loads(row.body)
    assert (kept["by"], kept["why"]) == ("operations", "because")
    assert json.loads(kept["letter"])["event"]["folder"] == LOST
    line = journal.read(world.app.book.journal("m")[-1])
    assert (line["event"]["by"], line["event"]["why"]) == ("operations", "because")
    check_rows(world)


def test_a_letter_that_nobody_can_read_can_be_discarded_but_not_replayed(world: World) -> None:
    world.table.rows[("m", "dead:broken")] = ("{not json", 1)
    assert replay(world, "dead:broken") == "stale"
    world.ask(events.DiscardRequested, letter="dead:broken")
    world.settle()
    assert keys(world) == []


def test_a_replay_is_heard_while_the_model_is_paused_and_acts_when_it_goes_on(world: World) -> None:
    key = _given_up(world)
    world.ask(events.PauseRequested)
    world.settle()
    assert replay(world, key) == "taken"
    assert world.head().outstanding == 1
    world.ask(events.ResumeRequested)
    world.settle()
    assert world.head().outstanding == 0


# Trying it out


def _rows(world: World) -> dict[Any, Any]:
    return dict(world.table.rows)


def test_a_dry_run_tells_the_change_and_writes_nothing(world: World) -> None:
    key = bury(world)
    mend(world)
    before, rung = _rows(world), len(world.bells.rung)
    asked = events.ReplayRequested(id="try", at=world.now, by="operations", letter=key)
    found = world.app.fold.foresee("m", asked)
    assert found is not None
    changed = {(change.of, change.field): (change.before, change.after) for change in found.changes}
    folder = json.loads(before[("m", "!0head")][0])
    folder = folder.get("head", folder)["folder"]
    assert changed[("head", "folder")] == (folder, LOST)
    assert changed[("head", "dead")] == (1, 0)
    assert [(step.event, step.answer) for step in found.steps] == [
        ("ReplayRequested", "taken"),
        ("ModelPublished", "taken"),
    ]
    assert (_rows(world), len(world.bells.rung)) == (before, rung)


def test_a_dry_run_comes_to_what_the_replay_then_does(world: World) -> None:
    key = _given_up(world)
    asked = events.ReplayRequested(id="try", at=world.now, by="operations", letter=key)
    found = world.app.fold.foresee("m", asked)
    assert found is not None
    foretold = {change.field: change.after for change in found.changes}
    world.ask(events.ReplayRequested, letter=key)
    world.app.fold.advance("m")
    head = world.head()
    assert (foretold["dead"] or 0, foretold["next_command"]) == (head.dead, head.next_command)
    assert foretold["outstanding"] == head.outstanding
    assert found.commands == ("tell",)


def test_a_dry_run_says_that_an_event_would_fail_again(world: World) -> None:
    key = bury(world)
    asked = events.ReplayRequested(id="try", at=world.now, by="operations", letter=key)
    found = world.app.fold.foresee("m", asked)
    assert found is not None
    assert [step.answer for step in found.steps] == ["taken", "raises"]
    assert LOST in found.steps[-1].why


# Crashes


class Crash(Exception):
    """The process ends here."""


@pytest.mark.parametrize("moment", range(12))
@pytest.mark.parametrize("letter", [bury, _given_up])
def test_a_crash_within_a_replay_repeats_nothing(world: World, letter: Callable[..., str], moment: int) -> None:
    key = letter(world)
    mend(world)
    world.accept("m", events.ReplayRequested(id="again", at=world.now, by="operations", why="because", letter=key))
    calls = iter(range(1000))

    def trap(call: str) -> None:
        if next(calls) == moment:
            raise StorageBusy("lost", next="again")

    world.table.trap = trap
    for _ in range(3):
        try:
            world.settle()
        except StorageBusy:
            world.restart()
        world.now += timedelta(seconds=95)
    world.settle()
    assert (keys(world), world.head().dead, world.head().outstanding) == ([], 0, 0)
    assert answers(world, "ReplayRequested") == ["taken"]
    check_rows(world)
    check_platform(world)


# Poison


def test_one_poison_event_among_a_hundred_delays_none_of_them(world: World) -> None:
    for number in range(100):
        if number == 7:
            world.accept("m", events.ModelPublished(id="poison", at=world.now, by="author", folder=LOST))
        world.app.book.record("m", events.ModelDeployed(id=f"good-{number:03d}", at=world.now, service="m"))
    folds = 0
    while world.app.fold.advance("m").more:
        folds += 1
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    good = [line for line in lines if line["event"]["kind"] == "ModelDeployed"]
    assert {line["answer"] for line in good} == {"taken"}
    assert len(good) == 100
    dead = next(line for line in lines if line["answer"] == "dead")
    assert dead["n"] <= 2 + 3 * 20
    assert "baton deadletters" in dead["notes"][0]["next"]
    assert keys(world) == ["dead:poison"]
    assert folds <= 100 // 20 + 3
    check_rows(world)


def test_a_replayed_event_keeps_the_moment_that_it_carried(world: World) -> None:
    key = bury(world)
    mend(world)
    at = world.now.isoformat()
    world.now += timedelta(hours=3)
    replay(world, key)
    published = [journal.read(line)["event"] for line in world.app.book.journal("m")]
    moments = [event["at"] for event in published if event["kind"] == "ModelPublished"]
    assert moments[-1] == at
