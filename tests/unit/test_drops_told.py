"""What stands on a drop while it is looked at and afterwards, and who hears of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared import events
from shared.data.glance import owner_of
from shared.data.verdict import Verdict
from shared.effects.files import check_file
from shared.errors import Permanent
from shared.state import Command
from tests.fakes.storage import MemoryNotifier
from tests.world import World, check

NEXT = "mend contract.yaml"


def tags(world: World, name: str) -> Mapping[str, str]:
    return world.blobs.tags.get(("incoming", f"m/{name}.csv"), {})


def with_checker(world: World, checker: Any) -> None:
    world.checker = checker
    world.restart()


def unusable(file: Path, contract: Path) -> Verdict:
    raise Permanent("the contract is no contract", next=NEXT)


def test_a_drop_says_that_it_is_being_checked(world: World) -> None:
    seen: list[Mapping[str, str]] = []

    def look(file: Path, contract: Path) -> Verdict:
        seen.append(tags(world, "a"))
        return check(file, contract)

    with_checker(world, look)
    world.drop("rows", name="a")
    world.settle()
    assert (seen, tags(world, "a")["baton"]) == ([{"baton": "checking"}], "accepted")


def test_a_worker_that_comes_too_late_takes_no_verdict_away(world: World) -> None:
    world.drop("rows", name="a")
    world.settle()
    seen = world.blobs.look("incoming", "m/a.csv")
    assert seen is not None
    told = tags(world, "a")
    payload = {"container": "incoming", "blob": "m/a.csv", "etag": seen.etag, "size": 4, "folder": world.head().folder}
    check_file(world.app.performer._parts, "m", Command(1, "check_file", "", world.now, payload=payload))
    assert tags(world, "a") == told


def test_a_drop_that_could_not_be_checked_is_held_and_its_owner_told(world: World) -> None:
    world.notifier = notifier = MemoryNotifier()
    with_checker(world, unusable)
    world.drop("rows", name="a")
    world.settle()
    (message,) = notifier.told.values()
    assert tags(world, "a") == {"baton": "held"}
    assert (message.what, message.to, message.next) == ("drop held", "the-team", NEXT)
    assert "incoming/m/a.csv" in message.why


def test_a_held_drop_that_is_replayed_gets_its_verdict(world: World) -> None:
    with_checker(world, unusable)
    world.drop("rows", name="a")
    world.settle()
    with_checker(world, check)
    (letter,) = [key for _, key in world.table.rows if key.startswith("dead:")]
    world.ask(events.ReplayRequested, letter=letter)
    world.settle()
    assert tags(world, "a")["baton"] == "accepted"


TEAM = {"team": {"members": [{"username": "ann", "role": "analyst"}, {"username": "olga", "role": "Data Owner"}]}}


@pytest.mark.parametrize(("contract", "told"), [(TEAM, "olga"), ({}, "the-team")])
def test_a_refusal_is_told_to_the_contracts_owner_or_else_the_models(
    world: World, contract: Mapping[str, Any], told: str
) -> None:
    world.blobs.drop("models", f"m/{world.head().folder}/contract.yaml", json.dumps(contract).encode())
    world.notifier = notifier = MemoryNotifier()
    world.restart()
    world.drop("bad rows", name="a")
    world.settle()
    (message,) = notifier.told.values()
    report = tags(world, "a")["report"]
    assert (message.what, message.to, message.link.endswith(f"/reports/{report}")) == ("drop refused", told, True)
    assert message.why == "incoming/m/a.csv: X is missing"


@pytest.mark.parametrize(
    ("contract", "owner"),
    [
        ("team: [{username: ann, role: Owner, dateOut: '2026-01-01'}, {name: Bo, role: data owner}]", "Bo"),
        ("team: {members: [{username: ann, role: steward}]}", ""),
        ("team: 5", ""),
        ("[1", ""),
        ("", ""),
    ],
)
def test_the_owner_is_who_has_that_role_and_has_not_left(contract: str, owner: str) -> None:
    assert owner_of(contract.encode()) == owner
