"""The chain's table against what decides, what is subscribed, and what the app indexes.

What decides is watched through the journal of many histories: random ones of people, strangers and outages,
and a few scenes for what chance seldom plays.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import chain, events, names
from shared.chain import MODEL
from tests.fakes.platform import Outcome
from tests.histories.test_people_and_strangers import History, HistoryWithHands
from tests.keeping import keeper_of, remove
from tests.world import CERTIFIED, World, evidence

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 25
Change = tuple[str, str]


@dataclass
class Watched:
    """What one kind of event did: which states it changed into which, by which commands it was followed."""

    changes: set[Change] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)


# Scenes


def _approved(world: World) -> None:
    """m-0001 serves; m-0002 is approved, and its first traffic is about to be set."""
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.app.fold.advance("m")
    world.perform_and_end()


def _a_broken_certificate(world: World) -> None:
    world.trainer.script["certify"] = Outcome(result={**CERTIFIED.result, "size_mb": 900.0})
    world.drop("rows")
    world.settle()


def _a_schedule(world: World) -> None:
    world.publish(files=2, quiet=86400 * 9, schedule='{retrain: "0 6 * * *", data: "0 7 * * *", monitor_hours: 5}')
    world.settle()
    world.drop("rows")
    world.monitor_reports()
    world.wait(timedelta(days=2), step=timedelta(hours=1))


def _runs_that_fail(world: World) -> None:
    for step in ("certify", "judge", "train"):
        world.trainer.script[step] = Outcome("failed", "no")
        world.drop(f"rows for {step}")
        world.settle()


def _a_freeze(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.app.freezer.freeze("f", "operations", "because")
    world.settle()
    world.app.freezer.unfreeze("u", "operations", "because")
    world.settle()


def _no_room(world: World) -> None:
    world.trainer.room = 0
    world.drop("rows")
    world.settle()
    world.trainer.room = 9
    world.wait(timedelta(minutes=2))


def _silence(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.wait(timedelta(hours=25), step=timedelta(hours=5))


def _staging_that_fails(world: World) -> None:
    world.endpoints.states["m-0001"] = "failed"
    world.drop("rows")
    world.settle()


def _a_registry_that_does_not_answer(world: World) -> None:
    world.drop("rows")
    world.until("registering")
    world.registry.busy = True
    world.wait(timedelta(minutes=20))


def _an_endpoint_that_never_answers_again(world: World) -> None:
    _approved(world)
    world.settle()
    world.endpoints.busy = True
    world.wait(timedelta(minutes=40))


def _staged_and_then_unreadable(world: World) -> None:
    world.drop("rows")
    while world.release("m-0001").state != "staging" if world.states() else True:
        world.app.fold.advance("m")
        world.app.performer.perform("m")
        world.announce_runs()
    world.app.performer.perform("m")
    world.endpoints.busy = True
    world.wait(timedelta(minutes=10))


def _a_hand_before_the_first_step(world: World) -> None:
    _approved(world)
    world.endpoints.set_traffic("m", {"m-0001": 50, "m-0002": 50}, expected={"m-0001": 100})
    world.settle()


def _a_hand_during_a_step(world: World) -> None:
    _approved(world)
    world.settle()
    world.endpoints.set_traffic("m", {"m-0002": 100}, expected={"m-0001": 90, "m-0002": 10})
    world.wait(timedelta(minutes=2))


def _somebody_elses_run(world: World) -> None:
    world.go_live()
    world.accept("m", events.RunChanged(id="f", at=world.now, run_id="theirs", status="completed", model="m"))
    world.accept("m", events.ModelDeployed(id="d", at=world.now, service="m"))
    world.drift()
    world.settle()


def _errors(world: World) -> None:
    _approved(world)
    world.settle()
    world.endpoints.count("m", "m-0002", requests=20, errors=20)
    world.wait(timedelta(minutes=2))


def _a_roll_back(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.ask(events.RollbackRequested)
    world.settle()


def _waiting_for_the_slot(world: World) -> None:
    _approved(world)
    world.trainer.script["m-0003-j-1"] = evidence(2400.0, 3000.0, version="1")
    world.trainer.script["m-0003-j-2"] = evidence(2300.0, 2500.0, version="2")
    world.drop("still more rows")
    world.wait(timedelta(minutes=8))


def _lost_drops(world: World) -> None:
    gone = world.blob_created("m/a.csv", world.blobs.drop("incoming", "m/a.csv", b"one"), 3)
    world.blobs.drop("incoming", "m/a.csv", b"two")
    world.app.intake.receive(gone)
    world.drop("bad rows")
    world.settle()
    world.drop("rows")
    world.settle()
    world.decide("m-0001", approve=False)
    world.settle()
    world.ask(events.RetryRequested, release="m-0001")
    world.ask(events.RetrainRequested)
    world.settle()


def _a_pin_and_forgotten_bytes(world: World) -> None:
    world.go_live("rows")
    world.ask(events.VersionPinned, manifest=world.release("m-0001").manifest, files=1)
    world.ask(events.ForgetRequested, erase={"files": [names.digest("rows")]})
    world.settle()


def _a_damaged_table(world: World) -> None:
    remove(world, "!0head")
    keeper_of(world).repair.mend("m", by="operations", why="the head was gone")
    world.settle()


SCENES: tuple[Callable[[World], None], ...] = (
    _a_schedule,
    _a_broken_certificate,
    _runs_that_fail,
    _a_freeze,
    _no_room,
    _silence,
    _staging_that_fails,
    _a_registry_that_does_not_answer,
    _an_endpoint_that_never_answers_again,
    _staged_and_then_unreadable,
    _a_hand_before_the_first_step,
    _a_hand_during_a_step,
    _somebody_elses_run,
    _errors,
    _a_roll_back,
    _waiting_for_the_slot,
    _lost_drops,
    _a_pin_and_forgotten_bytes,
    _a_damaged_table,
)


# What the journals tell


def _worlds(home: Path) -> Iterator[World]:
    for scene in SCENES:
        world = World(home / scene.__name__)
        world.publish()
        world.settle()
        scene(world)
        yield world
    for seed in range(SEEDS):
        for kind in (History, HistoryWithHands):
            history = kind(home / f"{kind.__name__}{seed}", seed)
            history.run()
            history.come_to_rest()
            yield history.world


def _watch(world: World, watched: dict[str, Watched]) -> None:
    states: dict[str, str] = {}
    for text in world.app.book.journal("m", limit=100_000):
        line = json.loads(text)
        if line["answer"] not in ("taken", "stale"):
            continue
        seen = watched[line["event"]["kind"]]
        changes = {(states.get(release, MODEL), state) for release, state in line["states"].items()}
        seen.changes |= {(before, after) for before, after in changes if before != after}
        seen.commands |= {kind for _, kind, _ in line["commands"]}
        states |= line["states"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    """What every kind of event did in all of them."""
    found: dict[str, Watched] = defaultdict(Watched)
    for world in _worlds(tmp_path_factory.mktemp("chain")):
        _watch(world, found)
    return found


def _in_table(kind: str, change: Change) -> bool:
    before, after = change
    return any(before in row.taken_in and after in row.leads_to for row in chain.rows(kind))


def test_every_change_of_state_is_in_the_table(watched: dict[str, Watched]) -> None:
    seen = {(kind, change) for kind, what in watched.items() for change in what.changes}
    assert {(k, c) for k, c in seen if not _in_table(k, c) and c not in chain.FOLLOW_ON_STATES} == set()


def test_every_command_is_in_the_table(watched: dict[str, Watched]) -> None:
    told = {kind: {*chain.FOLLOW_ON, *(c for row in chain.rows(kind) for c in row.commands)} for kind in watched}
    assert {kind: what.commands - told[kind] for kind, what in watched.items() if what.commands - told[kind]} == {}


def test_every_event_of_the_table_is_met(watched: dict[str, Watched]) -> None:
    assert {row.event for row in chain.TABLE} == set(watched)


def test_every_state_that_the_table_promises_is_reached(watched: dict[str, Watched]) -> None:
    reached = {kind: {after for _, after in what.changes} for kind, what in watched.items()}
    promised = {(row.event, state) for row in chain.TABLE for state in {*row.leads_to} - {*row.taken_in, MODEL}}
    assert {(kind, state) for kind, state in promised if state not in reached[kind]} == set()


def test_the_drawing_has_exactly_the_ways_that_releases_go(watched: dict[str, Watched]) -> None:
    gone = {change for what in watched.values() for change in what.changes if change[0] != MODEL}
    assert gone == {(before, after) for before, after, _ in chain.PATH}


# Subscriptions and functions


@pytest.fixture(scope="module")
def indexed() -> list[dict[str, Any]]:
    """The functions that the host would find, in a process of its own: an app may be indexed once."""
    script = """
import inspect, json, function_app
found = function_app.app.get_functions()
print(json.dumps([
    {
        "name": one.get_function_name(),
        "trigger": one.get_trigger().type,
        "bindings": [binding.name for binding in one.get_bindings() if binding.name != "$return"],
        "parameters": [name for name in inspect.signature(one.get_user_function()).parameters if name != "context"],
    }
    for one in found
]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _subscribed() -> dict[str, str]:
    document = json.loads((ROOT / "infra" / "subscriptions.json").read_text())
    return {one["function"]: one["topic"] for one in document["subscriptions"]}


def test_every_event_grid_function_is_subscribed_to_the_topic_of_the_table() -> None:
    assert _subscribed() == chain.functions()


def test_the_app_indexes_the_functions_of_the_table(indexed: list[dict[str, Any]]) -> None:
    triggers = {one["name"] for one in indexed if one["trigger"] == "eventGridTrigger"}
    assert triggers == set(chain.functions())
    assert {row.function for row in chain.TABLE} <= {one["name"] for one in indexed}


def test_every_function_takes_what_its_bindings_are_called(indexed: list[dict[str, Any]]) -> None:
    assert {one["name"] for one in indexed if one["bindings"] != one["parameters"]} == set()
