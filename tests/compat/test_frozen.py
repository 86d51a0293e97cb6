"""Ledgers of 0.1.0, frozen in every waiting state: today's code carries each to the end that it would have had."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from tests.compat.frozen import file_of, thawed
from tests.compat.states import BETTER, STATES
from tests.compat.test_upgrade import finish
from tests.histories.older import side_by_side
from tests.histories.oracle import check_platform, check_rest, check_rows
from tests.world import World

LIVE = {"m-0001": "live"}
SECOND_LIVE = {"m-0001": "replaced", "m-0002": "live"}
# The ends that a person would expect, by hand: whoever is asked approves, every candidate is better.
ENDS = {
    **dict.fromkeys(["inbox-undecided", "command-due", "command-claimed", "command-tried", "basket-waiting"], LIVE),
    **dict.fromkeys(["training-to-start", "training-queued", "training-running"], LIVE),
    **dict.fromkeys(["judging-to-observe", "judging-running", "registering", "certifying-running"], LIVE),
    **dict.fromkeys(["staging-deploying", "awaiting-approval"], LIVE),
    **dict.fromkeys(["rolling-out-10", "rolling-out-50", "rolling-out-100", "live-warm", "paused"], SECOND_LIVE),
    "rolling-out-back": {"m-0001": "live", "m-0002": "rolled back"},
    "rollback-under-way": {"m-0001": "replaced", "m-0002": "rolled back"},
    "held": {"m-0001": "live", "m-0002": "held"},
    "early": {"m-0001": "superseded", "m-0002": "live"},  # the version that somebody registered is newer
    "staging-ready": {**SECOND_LIVE, "m-0003": "held"},  # it was compared with version 1, which no longer serves
    "dead-event": {},
    "dead-command": {"m-0001": "failed"},
    "dead-ring": {},
}
SERVES = {
    "rolling-out-back": "m-0001",
    "rollback-under-way": "m-0001",
    "held": "m-0001",
    "dead-event": "",
    "dead-command": "",
    "dead-ring": "",
}


def _world(name: str, home: Path) -> World:
    world = thawed(name, home)
    if world.head().champion:
        world.trainer.script["judge"] = BETTER
    return world


def test_every_waiting_state_is_frozen_and_has_its_end() -> None:
    assert set(ENDS) == set(STATES)
    assert [name for name in STATES if not file_of(name).exists()] == []


@pytest.mark.parametrize("name", STATES)
def test_what_is_frozen_was_written_by_0_1_0(name: str) -> None:
    rows = json.loads(gzip.decompress(file_of(name).read_bytes()))["rows"]
    assert {json.loads(text).get("v", 1) for _, _, text in rows} == {1}


@pytest.mark.parametrize("name", STATES)
def test_a_ledger_of_0_1_0_is_carried_to_its_end(tmp_path: Path, name: str) -> None:
    world = _world(name, tmp_path)
    finish(world)
    assert world.states() == ENDS[name]
    seen = world.endpoints.look("m")
    serves = SERVES.get(
        name, max(release for release in ENDS[name] if ENDS[name][release] != "held") if ENDS[name] else ""
    )
    assert (seen.split if seen else {}) == ({serves: 100} if serves else {})
    check_rows(world)
    check_platform(world)
    check_rest(world)


@pytest.mark.parametrize("name", STATES)
def test_the_journal_of_0_1_0_is_whole_and_rebuilds_what_was_carried_over(tmp_path: Path, name: str) -> None:
    """Today's rules decide some of its lines otherwise (they count the drops being checked): the first fold says how it was."""
    world = _world(name, tmp_path)
    world.app.fold.advance("m")
    lines, stored = world.app.book.journal("m"), world.app.book.read("m")
    assert stored.head is not None
    assert journal.first_break(lines) is None
    head, opened, ended = rebuild("m", lines, world.app.parts.rules)
    assert head == replace(stored.head, wake_at=None)
    assert opened == dict(stored.releases)
    by_journal, there = side_by_side(ended, [row.body for row in world.table.page("m", "release:", "release:~", 100)])
    assert by_journal == there


@pytest.mark.parametrize("name", ["dead-event", "dead-command", "dead-ring"])
def test_dead_letters_of_0_1_0_are_still_there_to_be_read(tmp_path: Path, name: str) -> None:
    world = _world(name, tmp_path)
    finish(world)
    kinds = {"dead-event": "event", "dead-command": "command", "dead-ring": "poison"}
    assert [letter["kind"] for _, letter in world.app.book.dead("m")] == [kinds[name]]


def test_an_approval_that_was_asked_by_0_1_0_is_given_with_the_link_of_then(tmp_path: Path) -> None:
    world = _world("awaiting-approval", tmp_path)
    nonce = world.release("m-0001").nonce
    world.settle()
    assert world.release("m-0001").nonce == nonce
    world.decide("m-0001", approve=False)
    world.settle()
    assert world.states() == {"m-0001": "rejected"}
