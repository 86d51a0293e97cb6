"""`baton drift` against real storage, with nothing else of Baton running."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import wiring
from shared.storage.port import Put
from tests.integration.command_line import CommandLine
from tests.unit.test_drifting import TEXT, checked, rows
from tests.world import World

MODEL = "drifting"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A model that went live in memory."""
    made = World(tmp_path, checker=checked)
    made.publish(MODEL)
    made.settle(MODEL)
    made.go_live(rows(1), model=MODEL)
    return made


def stored(world: World, connection: str, home: Path) -> CommandLine:
    """A terminal that finds the world's rows and blobs in real storage."""
    wiring.create_storage(connection)
    table, _, blobs = wiring.storage(connection)
    for (partition, key), (body, *_) in world.table.rows.items():
        if partition == MODEL:
            table.write(partition, [Put(key, body)])
    for (container, name), (content, *_) in world.blobs.blobs.items():
        blobs.remove(container, name)  # an earlier test's, with another contract
        blobs.put(container, name, content, content_type="application/octet-stream")
    return CommandLine({"BATON_DATA": connection, "BATON_HOME": str(home)})


def test_a_drifted_column_is_told_with_sizes_and_ends_with_2(world: World, connection: str, tmp_path: Path) -> None:
    world.drop(rows(2, shift=1.5), model=MODEL)
    world.settle(MODEL)
    ran = stored(world, connection, tmp_path)("drift", MODEL)
    assert ran.code == 2, ran.err
    first, worst, last, todo = ran.out.splitlines()
    assert first == f"{MODEL}: 1 newer file of 400 rows against version 1, 1 file of 400 rows"
    assert worst.startswith("drift  X  values  ███")
    assert (last, todo.startswith("Next: ")) == ("drifted: X", True)


def test_a_script_is_told_every_test(world: World, connection: str, tmp_path: Path) -> None:
    world.drop(rows(3), model=MODEL)
    world.settle(MODEL)
    ran = stored(world, connection, tmp_path)("drift", MODEL, "--json")
    assert (ran.code, ran.json["drifted"]) == (0, [])
    assert [(change["column"], change["test"]) for change in ran.json["changes"]] != []
    assert set(ran.json["changes"][0]) >= {"size", "limit", "p_value", "drifted"}


def test_each_file_over_time_is_a_character_and_the_last_one_decides(
    world: World, connection: str, tmp_path: Path
) -> None:
    for seed, shift in ((2, 0.0), (3, 1.5)):
        world.drop(rows(seed, shift=shift), model=MODEL)
        world.settle(MODEL)
    ran = stored(world, connection, tmp_path)("drift", MODEL, "--over-time")
    assert ran.code == 2, ran.err
    first, line, last = ran.out.splitlines()
    assert first.startswith(f"{MODEL}: 2 files, ")
    assert line.split()[:2] == ["drift", "X"]
    assert line.split()[2][-1] == "█"
    assert last == "drifted in the last file: X"


def with_contract(world: World) -> World:
    """The published folder's contract is one that rows can be read by."""
    (name,) = (
        name for container, name in world.blobs.blobs if container == "models" and name.endswith("/contract.yaml")
    )
    world.blobs.drop("models", name, TEXT.encode())
    return world


def test_columns_together_are_told_apart_by_a_classifier(world: World, connection: str, tmp_path: Path) -> None:
    world.drop(rows(2, shift=1.5), model=MODEL)
    world.settle(MODEL)
    ran = stored(with_contract(world), connection, tmp_path)("drift", MODEL, "--joint")
    assert ran.code == 2, ran.err
    first, read, told, most, todo = ran.out.splitlines()
    assert first == f"{MODEL}: 1 newer file of 400 rows against version 1, 1 file of 400 rows"
    assert read == "read: 400 newer and 400 older rows, columns X"
    assert told.startswith("drift  told apart 0.8")
    assert (most, todo.startswith("Next: ")) == ("most by: X", True)


def test_rows_of_the_same_kind_are_not_told_apart(world: World, connection: str, tmp_path: Path) -> None:
    world.drop(rows(3), model=MODEL)
    world.settle(MODEL)
    ran = stored(with_contract(world), connection, tmp_path)("drift", MODEL, "--joint", "--json")
    found = ran.json["found"]
    assert (ran.code, found["drifted"], found["rows_before"], found["rows_now"]) == (0, False, 400, 400)
    assert found["limit"] == pytest.approx(0.5713, abs=1e-4)  # of 400 rows a side


def test_joint_drift_goes_with_no_other_way_to_look(connection: str, tmp_path: Path) -> None:
    ran = CommandLine({"BATON_DATA": connection, "BATON_HOME": str(tmp_path)})("drift", MODEL, "--joint", "--all")
    assert (ran.code, "leave out --all and --over-time" in ran.err) == (1, True)


def test_a_model_without_a_champion_is_an_error(connection: str, tmp_path: Path) -> None:
    wiring.create_storage(connection)
    ran = CommandLine({"BATON_DATA": connection, "BATON_HOME": str(tmp_path)})("drift", "nobody")
    assert (ran.code, "no version of nobody serves yet" in ran.err) == (1, True)
