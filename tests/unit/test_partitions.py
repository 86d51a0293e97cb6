"""Folders that were written by partition: the column in the path is one of the drop's, and a part is named by its path."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.data.check import check
from shared.data.checking import KEPT
from shared.data.contract import parse_contract
from shared.data.folders import check_on_disk
from shared.data.rules import Contract
from shared.data.verdict import ACCEPTED, REFUSED, Verdict
from shared.names import digest
from tests.fakes.storage import MemoryNotifier
from tests.unit.test_folders import CLOSED, MINUTE, files, messages, told, write
from tests.world import World

TEXT = """\
apiVersion: v3.1.0
kind: DataContract
id: rents
version: 1.0.0
schema:
  - name: rents
    properties:
      - {name: ID, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}
      - {name: DAY, logicalType: date, required: true}
      - {name: TOWN, logicalType: string}
"""
CONTRACT = parse_contract(TEXT)
ALONE = parse_contract(
    f"{TEXT}    customProperties: [{{property: acceptance, value: rows}}, {{property: acceptedShare, value: 50}}]\n"
)
FIRST, SECOND = "DAY=2026-03-01/TOWN=Bad%20T%C3%B6lz/part-0.csv", "DAY=2026-03-02/TOWN=Ulm/part-0.csv"
DAYS = {FIRST: "ID\n1\n2\n", SECOND: "ID\n3\n"}


def checked(folder: Path, parts: Mapping[str, str], contract: Contract = CONTRACT) -> Verdict:
    """The verdict on a folder on disk; the accepted and the refused rows lie in `kept` beside it."""
    for name, content in {**parts, "_SUCCESS": ""}.items():
        (file := folder / "drop" / name).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (keep := folder / KEPT).mkdir()
    return check_on_disk(folder / "drop", "_SUCCESS", lambda drop: check(drop, contract, keep=keep))


def test_a_column_in_the_path_is_checked_and_kept_as_one_of_the_file(tmp_path: Path) -> None:
    verdict = checked(tmp_path, DAYS)
    assert (verdict.accepted, verdict.rows, verdict.problems) == (True, 3, ())
    assert (tmp_path / KEPT / ACCEPTED).read_text().splitlines() == [
        '"ID","DAY","TOWN"',
        '"1","2026-03-01","Bad Tölz"',
        '"2","2026-03-01","Bad Tölz"',
        '"3","2026-03-02","Ulm"',
    ]


def test_pyarrow_writes_partitions_that_are_read(tmp_path: Path) -> None:
    towns = pa.table({"ID": [1, 2], "DAY": ["2026-03-01"] * 2, "TOWN": ["Ulm", "a/b=c%"]})
    pq.write_to_dataset(towns, tmp_path / "drop", partition_cols=["DAY", "TOWN"])
    assert checked(tmp_path, {}).accepted
    assert '"2","2026-03-01","a/b=c%"' in (tmp_path / KEPT / ACCEPTED).read_text()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"DAY=1 March/a.csv": "ID,TOWN\n1,\n"}, "DAY: 1 of 1 values is not a date (row 1); in DAY=1 March/a.csv row 1"),
        ({"DAY=__HIVE_DEFAULT_PARTITION__/a.csv": "ID,TOWN\n1,\n"}, "DAY: 1 of 1 values is missing"),
        ({"DAY=2026-03-01/a.csv": "ID,TOWN,DAY\n1,,2026-03-01\n"}, "part DAY=2026-03-01/a.csv: column DAY stands in its path"),
        ({**DAYS, "a.csv": "ID\n1\n"}, "2 files lie in folders of the folder, which are not all partitions"),
        ({**DAYS, "DAY=2026-03-03/a.csv": "ID\n1\n"}, "3 files lie in folders of the folder, which are not all partitions"),
        ({"DAY=2026-03-01/more/a.csv": "ID\n1\n"}, "1 file lies in folders of the folder, which are not all partitions"),
    ],
)  # fmt: skip
def test_a_path_that_gives_no_right_column_refuses_the_folder(tmp_path: Path, parts: dict[str, str], why: str) -> None:
    verdict = checked(tmp_path, parts)
    assert not verdict.accepted
    assert verdict.problems[0].what.startswith(why)


def test_a_column_in_the_path_that_the_contract_does_not_know_is_told(tmp_path: Path) -> None:
    verdict = checked(tmp_path, {f"YEAR=2026/{FIRST}": DAYS[FIRST]})
    assert verdict.accepted
    assert [problem.what for problem in verdict.problems] == ["the contract has no column YEAR"]


@pytest.mark.parametrize("wrong", ["x\n", "8,8\n"])
def test_refused_rows_name_the_part_that_they_stand_in(tmp_path: Path, wrong: str) -> None:
    assert checked(tmp_path, {**DAYS, SECOND: f"ID\n3\n{wrong}"}, ALONE).refused_rows == 1
    with (tmp_path / KEPT / REFUSED).open() as rows:
        (row,) = csv.DictReader(rows)
    assert (row["refused_row"], row["refused_part"], row["refused_part_row"]) == ("4", SECOND, "2")


def test_refused_rows_of_a_single_file_name_no_part(tmp_path: Path) -> None:
    (tmp_path / "drop").write_text("ID,DAY,TOWN\n1,2026-03-01,\nx,2026-03-01,\n")
    check(tmp_path / "drop", replace(ALONE), keep=tmp_path)
    assert (tmp_path / REFUSED).read_text().splitlines()[
        0
    ] == '"refused_row","refused_why","refused_text","ID","DAY","TOWN"'


# As drops


def by_contract(drop: Path, _: Path) -> Verdict:
    (keep := drop.with_name(KEPT)).mkdir(exist_ok=True)
    return check(drop, CONTRACT, keep=keep)


def opened(home: Path, closed_by: str) -> World:
    world = World(home, checker=by_contract)
    world.notifier = MemoryNotifier()
    world.restart()
    world.publish(closed=CLOSED.format(closed_by))
    world.settle()
    return world


def test_partitions_are_parts_of_the_folder_above_them_which_its_marker_closes(tmp_path: Path) -> None:
    world = opened(tmp_path, "_SUCCESS")
    for name, content in DAYS.items():
        write(world, f"run/{name}", content)
    world.settle()
    assert (files(world), len(world.head().open)) == ([], 1)
    write(world, "run/_SUCCESS")
    world.settle()
    assert (files(world), told(world), world.head().open) == ([(1, "incoming/m/run/_SUCCESS", 3)], ("accepted", ""), ())
    write(world, "run/DAY=2026-03-03/TOWN=Ulm/part-0.csv", "ID\n9\n")
    world.wait(MINUTE)
    assert told(world, "run/DAY=2026-03-03/TOWN=Ulm/part-0.csv")[0] == "refused"


def test_a_partition_may_be_closed_by_itself(tmp_path: Path) -> None:
    world = opened(tmp_path, "_SUCCESS")
    write(world, "run/DAY=2026-03-01/part-0.csv", "ID,DAY,TOWN\n1,2026-03-01,Ulm\n")
    write(world, "run/DAY=2026-03-01/_SUCCESS")
    world.wait(timedelta(hours=30), step=timedelta(hours=1))
    assert files(world) == [(1, "incoming/m/run/DAY=2026-03-01/_SUCCESS", 1)]
    assert "folder left open" not in messages(world)


def test_a_manifest_lists_parts_in_their_partitions(tmp_path: Path) -> None:
    world = opened(tmp_path, "manifest.json")
    parts = [{"name": name, "bytes": len(text), "sha256": digest(text)} for name, text in DAYS.items()]
    for name, content in DAYS.items():
        write(world, f"run/{name}", content)
    write(world, "run/manifest.json", json.dumps({"parts": parts}))
    world.settle()
    assert files(world) == [(1, "incoming/m/run/manifest.json", 3)]
