"""Rows refused alone, through the chain: what is kept where, who is told, what a repeat adds and what forgetting takes away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import events
from shared.data.check import check
from shared.data.checking import KEPT
from shared.data.verdict import Verdict
from tests.unit.test_sift import BROKEN, by_row
from tests.world import World

RULES = by_row()


def by_rows(file: Path, contract: Path) -> Verdict:
    """The real check in this process, by a contract that refuses rows alone."""
    keep = file.with_name(KEPT)
    keep.mkdir(exist_ok=True)
    return check(file, RULES, keep=keep)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, checker=by_rows)
    world.publish()
    world.settle()
    return world


def kept(world: World, container: str) -> dict[str, bytes]:
    return {name: world.blobs.read(container, name) for name in world.blobs.names(container, "m/")}


def test_accepted_rows_become_the_file_and_refused_ones_lie_in_quarantine_beside_their_report(world: World) -> None:
    world.drop(BROKEN, name="march")
    world.settle()
    (file,) = world.app.book.files("m", 10)
    assert (file.rows, file.blob, world.blobs.read("datasets", file.stored).count(b"\n")) == (
        5,
        "incoming/m/march.csv",
        6,
    )
    apart = kept(world, "quarantine")
    assert sorted(name.rsplit("/", 1)[1] for name in apart) == ["drop-refused-rows.csv", "report.html", "report.json"]
    assert world.blobs.tags_of("incoming", "m/march.csv")["baton"] == "accepted"


def test_the_owner_hears_of_refused_rows_and_what_to_do_with_them(world: World) -> None:
    world.drop(BROKEN)
    world.settle()
    told = [json.loads(file.read_text()) for file in (world.home / "notices").glob("*.json")]
    (message,) = [one for one in told if one["what"] == "rows refused"]
    assert "5 of 10 rows" in message["why"]
    assert "drop-refused-rows.csv" in message["next"]


def test_the_same_drop_again_adds_nothing(world: World) -> None:
    world.drop(BROKEN, name="march")
    world.settle()
    world.drop(BROKEN, name="march-again")
    world.settle()
    assert [file.number for file in world.app.book.files("m", 10)] == [1]


def test_forgetting_the_file_takes_the_drop_with_it_whose_bytes_are_others(world: World) -> None:
    world.drop(BROKEN, name="march")
    world.settle()
    (file,) = world.app.book.files("m", 10)
    assert file.drop_sha256 not in ("", file.sha256)
    erase = {"files": [file.sha256]}
    asked = events.ForgetRequested(id="f", at=world.now, by="operations", why="case 1", erase=erase)
    world.accept("m", asked)
    world.settle()
    assert world.blobs.look("incoming", "m/march.csv") is None
    assert kept(world, "quarantine") == {}
    assert not [name for name in kept(world, "datasets") if "/files/" in name]
