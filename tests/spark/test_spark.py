"""Spark gives the verdict and the profile that `check` gives of the same file, wherever Spark cuts it: `make spark`.

Needs Java 17 and an environment with pyspark; without them the tests are skipped aloud.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from shared.data.check import check
from shared.data.contract import read_contract
from shared.data.profile import Profile
from shared.data.rules import Contract
from tests.locked import PROJECT
from tests.spark import environment
from tests.spark.broken import AT, CONTRACT, ROWS, ZONE, drops, references

pytestmark = pytest.mark.long
DROPS = drops()


@dataclass(frozen=True, slots=True)
class Told:
    """The folder with the files, and what Spark said of each of them, and of tables that it refused."""

    folder: Path
    contract: Contract
    by_name: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    if lacking := environment.lacks():
        pytest.skip(f"NOT CHECKED ON SPARK: {lacking}")
    folder = tmp_path_factory.mktemp("spark")
    contract, towns = folder / "contract.yaml", references(folder / "references")
    contract.write_text(CONTRACT, encoding="utf-8")
    files = [folder / f"{name}.parquet" for name in DROPS]
    for file, drop in zip(files, DROPS.values(), strict=True):
        parquet.write_table(drop.rows, file, row_group_size=500, compression="none", use_dictionary=False)
    command = [str(environment.python()), "-m", "tests.spark.side", *map(str, (contract, towns, *files))]
    seen = {**os.environ, "PYTHONPATH": str(PROJECT), "SPARK_LOCAL_IP": "127.0.0.1"}
    ended = subprocess.run(command, cwd=folder, env=seen, capture_output=True, text=True, check=False, timeout=800)
    assert not ended.returncode, ended.stderr[-5000:]
    *lines, refused = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    return Told(folder, read_contract(contract), dict(zip(DROPS, lines, strict=True)), refused)


@pytest.mark.parametrize("name", DROPS)
def test_the_verdict_on_a_file_is_that_of_check(told: Told, name: str) -> None:
    file = told.folder / f"{name}.parquet"
    verdict = check(file, told.contract, at=AT, references=told.folder / "references")
    assert told.by_name[name]["verdict"] == json.loads(json.dumps(verdict.to_dict()))
    assert {(problem.rule, problem.column) for problem in verdict.problems} == DROPS[name].broken


def test_spark_read_each_file_in_several_parts(told: Told) -> None:
    assert all(told.by_name[name]["parts"] > 3 for name, drop in DROPS.items() if drop.rows.num_rows == ROWS)


def test_the_profile_is_that_of_check_but_for_rounding_and_tossed_coins(told: Told) -> None:
    profile = Profile.of(told.contract)
    check(told.folder / "a condition.parquet", told.contract, profile, at=AT)
    spark = Profile.from_dict(told.by_name["a condition"]["profile"])
    assert spark.rows == profile.rows == ROWS
    for name, column in profile.columns.items():
        other = spark.columns[name]
        assert (other.missing, other.wrong, other.present) == (column.missing, column.wrong, column.present)
        assert other.distinct.to_text() == column.distinct.to_text()
        assert other.numbers.mean == pytest.approx(column.numbers.mean, nan_ok=True)
        assert other.numbers.deviation == pytest.approx(column.numbers.deviation, nan_ok=True)


def test_the_sessions_time_zone_is_what_it_was(told: Told) -> None:
    assert {said["zone"] for said in told.by_name.values()} == {ZONE}


def test_text_and_tables_without_files_are_refused_with_what_to_do(told: Told) -> None:
    assert "is text, of which Spark cuts or fills rows" in told.refused["text"]
    assert "no files lie behind this table" in told.refused["no files"]
    assert all("as Parquet" in said for said in told.refused.values())
