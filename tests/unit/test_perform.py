"""Performing: pauses, claims, effects that come late, and outcomes that nobody can decide."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

from shared import events, release
from shared.platforms.port import RunRequest
from tests.fakes.platform import Outcome
from tests.fakes.trapped import Call
from tests.world import BEGIN, World, evidence


def _rolling(world: World) -> None:
    """m-0001 serves, m-0002 is approved and its first traffic not yet set."""
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")


def _split(world: World) -> dict[str, int]:
    seen = world.endpoints.look("m")
    assert seen is not None
    return seen.split


def test_a_pause_holds_from_the_next_command_on(world: World) -> None:
    world.drop("one", name="one")
    world.drop("two", name="two")
    world.app.fold.advance("m")
    check = world.checker
    assert check is not None

    def pause_in_between(file: object, contract: object) -> object:
        world.ask(events.PauseRequested)
        world.app.fold.advance("m")
        return check(file, contract)  # type: ignore[arg-type]

    world.checker = pause_in_between  # type: ignore[assignment]
    world.restart()
    assert world.app.performer.perform("m") == 1


def test_a_command_that_only_newer_code_knows_is_left_alone(world: World) -> None:
    body = {"v": 2, "number": 99, "kind": "sing", "release": "", "due": world.now.isoformat()}
    world.table.rows[("m", "!3out:0:000000000099")] = (json.dumps(body), 10_000)
    world.drop("rows")
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_step_that_the_endpoint_delayed_does_not_come_after_the_way_back(world: World) -> None:
    _rolling(world)
    world.app.fold.advance("m")
    world.app.performer.perform("m")
    world.endpoints.busy = True
    world.app.performer.perform("m")
    world.endpoints.busy = False
    world.ask(events.RollbackRequested)
    world.settle()
    world.wait(timedelta(minutes=5))
    assert _split(world) == {"m-0001": 100}
    assert world.states() == {"m-0001": "live", "m-0002": "rolled back"}


def test_the_first_release_whose_roll_out_fails_gives_its_traffic_to_nobody(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.decide("m-0001")
    world.settle()
    world.endpoints.count("m", "m-0001", requests=20, errors=20)
    world.wait(timedelta(minutes=2))
    assert world.states() == {"m-0001": "rolled back"}
    assert world.endpoints.look("m").deployments == ()  # type: ignore[union-attr]


def test_a_release_that_has_ended_starts_no_run(world: World) -> None:
    world.trainer.busy = True
    world.drop("rows")
    world.settle()
    claimed = [command for command, _, _ in world.app.book.commands("m") if command.kind == "start_run"]
    assert claimed
    world.now += timedelta(minutes=20)
    world.trainer.busy = False
    world.settle()
    assert world.states() == {"m-0001": "failed"}
    assert not world.trainer.started


def test_a_run_whose_release_ends_while_it_is_started_is_stopped(world: World) -> None:
    def passes(when: str, call: Call) -> None:
        if when == "before" and str(call) == "trainer.start" and world.now < BEGIN + timedelta(minutes=10):
            world.now += timedelta(minutes=20)
            world.app.fold.advance("m")

    world.trap = passes
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.settle()
    world.wait(timedelta(minutes=1))
    assert world.states() == {"m-0001": "failed"}
    assert [world.trainer.look(run.run_id).status for run in world.trainer.started] == ["canceled"]  # type: ignore[union-attr]


def test_a_deployment_that_became_healthy_too_late_is_removed(world: World) -> None:
    world.endpoints.states["m-0001"] = "starting"
    world.drop("rows")
    world.wait(timedelta(minutes=40), step=timedelta(minutes=1))
    world.endpoints.states.clear()
    world.wait(timedelta(minutes=5))
    assert world.states() == {"m-0001": "failed"}
    assert world.endpoints.look("m").deployments == ()  # type: ignore[union-attr]
    assert world.head().outstanding == 0


def test_a_deployment_that_takes_minutes_is_looked_at_less_and_less_often(world: World) -> None:
    asked: list[datetime] = []

    def ask(when: str, call: Call) -> None:
        if (when, call.method) == ("before", "deploy"):
            asked.append(world.now)

    world.endpoints.states["m-0001"] = "starting"
    world.trap = ask
    world.drop("rows")
    world.wait(timedelta(minutes=8), step=timedelta(seconds=1))
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=1), timedelta(seconds=15))
    assert len(asked) < 80


def test_a_release_that_waited_for_the_slot_is_judged_against_what_serves_then(world: World) -> None:
    _rolling(world)
    world.settle()
    world.trainer.script["m-0003-j-1"] = evidence(2400.0, 3000.0, version="1")
    world.trainer.script["m-0003-j-2"] = evidence(2300.0, 2500.0, version="2")
    world.drop("still more rows")
    world.settle()
    waiting = world.release("m-0003")
    assert (waiting.state, waiting.ready, waiting.owner) == ("staging", True, "the shipping slot")
    assert waiting.deadline is not None
    world.wait(timedelta(minutes=6))
    asked = world.release("m-0003")
    assert (asked.state, asked.against) == ("awaiting approval", "2")
    runs = [run for run in world.trainer.started if run.run_id.startswith("m-0003-j")]
    assert [run.inputs["champion"] for run in runs] == ["version:1", "version:2"]


def test_the_champion_before_is_kept_warm_and_then_removed_and_forgotten(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.wait(timedelta(hours=23), step=timedelta(hours=1))
    assert world.head().previous is not None
    world.wait(timedelta(hours=2), step=timedelta(hours=1))
    assert world.head().previous is None
    assert [deployment.name for deployment in world.endpoints.look("m").deployments] == ["m-0002"]  # type: ignore[union-attr]


def test_a_champion_again_keeps_its_full_time_when_the_next_one_goes_live(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.wait(timedelta(hours=20), step=timedelta(hours=1))
    world.ask(events.RollbackRequested)
    world.settle()
    world.go_live("third rows", judged=evidence(2500.0, 3000.0, version="1"))
    world.wait(timedelta(hours=10), step=timedelta(hours=1))
    world.ask(events.RollbackRequested)
    world.settle()
    assert _split(world) == {"m-0001": 100}


def test_a_release_held_by_a_hand_on_the_traffic_leaves_the_truth_in_the_ledger(world: World) -> None:
    _rolling(world)
    world.settle()
    world.endpoints.set_traffic("m", {"m-0002": 100}, expected=_split(world))
    world.wait(timedelta(minutes=2))
    champion = world.head().champion
    assert champion is not None
    assert (champion.version, champion.deployment) == ("2", "m-0002")
    assert world.states() == {"m-0001": "replaced", "m-0002": "held"}


def test_a_rejected_release_stays_removed_although_its_run_ends_late(world: World) -> None:
    world.trainer.start(RunRequest("stray", "m", "train", "f" * 16))
    world.drop("rows")
    world.settle()
    world.decide("m-0001", approve=False)
    world.wait(timedelta(minutes=5))
    assert world.states() == {"m-0001": "rejected"}
    assert world.head().outstanding == 0


def test_an_observation_that_is_older_than_our_own_change_of_the_traffic_is_asked_for_again(world: World) -> None:
    world.go_live()
    asked_at = world.head().moves
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    head, opened = world.head(), world.app.book.read("m").releases
    rules = {head.folder: world.app.parts.rules("m", head.folder)}
    seen = {"at": world.now, "command": 1, "version": "1", "deployment": "m-0001"}
    late = release.decide(rules, head, opened, events.ChampionSeen(id="late", moves=asked_at, **seen), world.now)
    now = release.decide(rules, head, opened, events.ChampionSeen(id="now", moves=head.moves, **seen), world.now)
    assert (late.answer, late.head.champion, [command.kind for command in late.commands]) == (
        "stale",
        head.champion,
        ["observe_champion"],
    )
    assert now.head.champion.version == "1"  # type: ignore[union-attr]
