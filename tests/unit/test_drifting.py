"""How far a model's newer files have drifted from what its champion was trained on, from the profiles that their checks left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared import wiring
from shared.data.check import check
from shared.data.checking import PROFILE
from shared.data.contract import parse_contract
from shared.data.profile import Profile
from shared.data.verdict import Verdict
from shared.files.keeping import tombstone
from shared.monitoring.drifting import Drifting, NothingToCompare, drifting, profile_of_accepted
from tests.unit.test_check import HEAD
from tests.world import World

TEXT = HEAD + "      - {name: ID, logicalType: integer}\n      - {name: X, logicalType: number}\n"
CONTRACT = parse_contract(TEXT)


def checked(file: Path, contract: Path) -> Verdict:
    """The real check of a contract with a key and a number, without a process of its own."""
    profile = Profile.of(CONTRACT)
    verdict = check(file, CONTRACT, profile)
    profile.save(file.with_name(PROFILE))
    return verdict


def rows(seed: int, shift: float = 0.0, count: int = 400) -> str:
    values = np.random.default_rng(seed).normal(shift, 1, count)
    return "ID,X\n" + "".join(f"{seed * count + number},{value:.6f}\n" for number, value in enumerate(values))


@pytest.fixture
def served(tmp_path: Path) -> World:
    """A world in which a version serves that was trained on 400 rows."""
    world = World(tmp_path, checker=checked)
    world.publish()
    world.settle()
    world.go_live(rows(1))
    return world


def seen(world: World) -> Drifting:
    return drifting(world.app.book, world.blobs, wiring.published_rules(world.blobs), "m")


def test_newer_rows_that_moved_are_drift_and_the_key_is_not(served: World) -> None:
    served.drop(rows(2, shift=1.5))
    served.settle()
    found = seen(served)
    assert (found.drifted, found.before.rows, found.now.rows) == (("X",), 400, 400)
    assert {change.column for change in found.changes} == {"X"}


def test_newer_rows_of_the_same_kind_are_none(served: World) -> None:
    for seed in (2, 3):
        served.drop(rows(seed))
        served.settle()
    found = seen(served)
    assert (found.drifted, found.now.files, found.now.rows) == ((), 2, 800)


def test_without_a_champion_there_is_nothing_to_compare(tmp_path: Path) -> None:
    world = World(tmp_path, checker=checked)
    world.publish()
    world.settle()
    with pytest.raises(NothingToCompare, match="no version of m serves yet"):
        seen(world)


def test_without_newer_files_there_is_nothing_to_compare(served: World) -> None:
    with pytest.raises(NothingToCompare, match="no newer file"):
        seen(served)


def test_a_file_without_a_profile_is_told(served: World) -> None:
    served.drop(rows(2))
    served.settle()
    (_, newer) = served.app.book.files("m", 2)
    del served.blobs.blobs["datasets", newer.profile]
    with pytest.raises(NothingToCompare, match="file 2 .* has no profile"):
        seen(served)


def test_forgotten_files_are_on_neither_side(served: World) -> None:
    for seed in (2, 3):
        served.drop(rows(seed, shift=seed))
        served.settle()
    first, second, _ = served.app.book.files("m", 3)
    served.blobs.put("datasets", tombstone("m", second.sha256), b"{}", content_type="application/json")
    del served.blobs.blobs["datasets", second.profile]
    assert seen(served).now.files == 1
    served.blobs.put("datasets", tombstone("m", first.sha256), b"{}", content_type="application/json")
    with pytest.raises(NothingToCompare, match="is forgotten"):
        seen(served)


def test_the_profile_of_all_accepted_files_leaves_out_what_was_forgotten(served: World) -> None:
    served.drop(rows(2, count=100))
    served.settle()
    assert profile_of_accepted(served.app.book, served.blobs, "m").rows == 500

    first = served.app.book.files("m", 2)[0]
    served.blobs.put("datasets", tombstone("m", first.sha256), b"{}", content_type="application/json")
    assert profile_of_accepted(served.app.book, served.blobs, "m").rows == 100


def test_a_model_without_files_has_no_profile_and_says_what_to_drop(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(NothingToCompare, match="no file of m was accepted yet") as error:
        profile_of_accepted(world.app.book, world.blobs, "m")
    assert error.value.next == "baton drop m FILE"
