"""A person's decision: bound to who, what and when, by a key that only the web API has; anything else is refused or stale."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from shared.approvals import is_genuine, sign
from shared.events import ApprovalGiven
from shared.journaling import journal
from tests.world import KEY, World

NOT_BOUND = ("id", "mac", "trace")
"""Its identity is for repeats: whoever changes it repeats a decision that was made. Its trace is the last door's, and decides nothing."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A release waits for approval."""
    made = World(tmp_path)
    made.publish()
    made.settle()
    made.drop("rows")
    made.settle()
    assert made.states() == {"m-0001": "awaiting approval"}
    return made


def _decision(world: World, **changes: object) -> ApprovalGiven:
    seen = world.release("m-0001")
    event = ApprovalGiven(
        id="decision",
        at=world.now,
        by="operations",
        why="looks right",
        release=seen.id,
        approve=True,
        version=seen.version,
        evidence=seen.evidence,
        certificate=seen.certificate,
        nonce=seen.nonce,
    )
    return dataclasses.replace(event, **changes)  # type: ignore[arg-type]


def _decide(world: World, event: ApprovalGiven) -> str:
    """What the journal says of it."""
    world.accept("m", event)
    world.settle()
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    return next(str(line["answer"]) for line in lines if line["event"]["id"] == event.id)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(ApprovalGiven) if f.name not in NOT_BOUND])
def test_every_field_of_a_decision_is_bound(world: World, field: str) -> None:
    signed = sign(_decision(world), KEY)
    assert is_genuine(signed, KEY)
    value = getattr(signed, field)
    other = not value if field == "approve" else world.now + timedelta(1) if field == "at" else f"{value}x"
    assert not is_genuine(dataclasses.replace(signed, **{field: other}), KEY)


def test_parts_of_a_decision_cannot_slide_into_each_other(world: World) -> None:
    signed = sign(_decision(world, by="ab", why="c"), KEY)
    assert not is_genuine(dataclasses.replace(signed, by="a", why="bc"), KEY)


@pytest.mark.parametrize("key", ["", "another key, 24 signs long"])
def test_a_decision_that_somebody_wrote_into_the_table_is_refused(world: World, key: str) -> None:
    event = _decision(world) if not key else sign(_decision(world), key)
    assert _decide(world, event) == "refused"
    assert world.states() == {"m-0001": "awaiting approval"}


@pytest.mark.parametrize("field", ["version", "evidence", "certificate", "nonce"])
def test_a_genuine_decision_about_something_else_decides_nothing(world: World, field: str) -> None:
    """Another hash of the evidence or certificate, or an older question, with our own signature on it."""
    assert _decide(world, sign(_decision(world, **{field: "other"}), KEY)) == "stale"
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_decision_replayed_under_another_id_decides_nothing_again(world: World) -> None:
    signed = sign(_decision(world, approve=False), KEY)
    assert _decide(world, signed) == "taken"
    assert _decide(world, dataclasses.replace(signed, id="again")) == "stale"
    assert world.states() == {"m-0001": "rejected"}


def test_a_rejection_does_not_become_an_approval_of_the_retried_release(world: World) -> None:
    signed = sign(_decision(world), KEY)
    other = dataclasses.replace(signed, release="m-0002")
    assert not is_genuine(other, KEY)


@pytest.mark.parametrize("body", ["m", "m\nm", "../m", "{}", "m-0001 approve", "\x00", "m" * 5000])
def test_a_forged_ring_carries_no_decision(world: World, body: str) -> None:
    """Queue messages name a model and say nothing; whoever can write one can only make Baton look."""
    before = world.states()
    world.app.doors.advance(body)
    world.app.doors.perform(body)
    assert world.states() == before
