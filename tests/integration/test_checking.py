"""The check in a process of its own: limits, crashes, and what it may see."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.checking import TooLarge, check_in_subprocess
from shared.data.contract import read_contract
from shared.data.profile import Profile
from shared.errors import Retryable, SpecRefused

DIABETES = Path(__file__).parents[2] / "models" / "diabetes"
CONTRACT = DIABETES / "contract.yaml"
HEADER = "PATIENT,AGE,SEX,BMI,BP,S1,S2,S3,S4,S5,S6,Y\n"
ROW = "1,59,2,32.1,101,157,93.2,38,4,4.8598,87,151\n"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    file = tmp_path / "a drop.csv"
    file.write_text(HEADER + ROW + ROW.replace("59", "1000"))
    return file


def test_the_verdict_is_that_of_the_check_itself(drop: Path) -> None:
    apart = check_in_subprocess(drop, CONTRACT, memory_mb=1024, seconds=60)
    assert apart == check(drop, read_contract(CONTRACT))
    assert [problem.rule for problem in apart.problems] == ["maximum", "primaryKey"]


def test_a_reader_that_would_die_after_its_answer_has_answered(
    drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen once with Arrow and DuckDB: a thread of theirs ended the process while it was torn down, with a good file read."""
    (tmp_path / "sitecustomize.py").write_text("import atexit, os\natexit.register(os.abort)\n")
    monkeypatch.syspath_prepend(tmp_path)
    asked = subprocess.run([sys.executable, "-c", "pass"], env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert asked.returncode == -signal.SIGABRT, "the trap is not set"
    told = check_in_subprocess(drop, CONTRACT, memory_mb=1024, seconds=60)
    assert [problem.rule for problem in told.problems] == ["maximum", "primaryKey"]


def test_the_profile_is_written_where_it_is_wanted(drop: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "profile.json"
    verdict = check_in_subprocess(drop, CONTRACT, memory_mb=1024, seconds=60, profile=wanted)
    assert verdict == check_in_subprocess(drop, CONTRACT, memory_mb=1024, seconds=60)
    found = Profile.from_dict(json.loads(wanted.read_text()))
    assert (found.rows, found.columns["AGE"].numbers.mean) == (2, (59 + 1000) / 2)


def test_the_moment_to_which_age_is_counted_reaches_the_check(tmp_path: Path) -> None:
    level = "slaProperties:\n  - {property: freshness, value: 1, unit: d, element: T}\n"
    table = "schema:\n  - name: rows\n    properties:\n      - {name: T, logicalType: timestamp}\n"
    (tmp_path / "contract.yaml").write_text(f"apiVersion: v3.1.0\nkind: DataContract\nid: t\n{table}{level}")
    (tmp_path / "drop").write_text("T\n2026-03-10T12:00:00Z\n")
    verdicts = [
        check_in_subprocess(
            tmp_path / "drop",
            tmp_path / "contract.yaml",
            memory_mb=1024,
            seconds=60,
            at=datetime(2026, 3, day, tzinfo=UTC),
        )
        for day in (11, 12)
    ]
    assert [verdict.accepted for verdict in verdicts] == [True, False]


def test_sql_rules_are_answered_within_the_limits_of_the_check(tmp_path: Path) -> None:
    rules = [
        "SELECT count(*) FROM {object} WHERE A > B",
        "SELECT avg(A) FROM {object}",
        "SELECT median(A) FROM {object}",
    ]
    quality = "".join(f'      - {{type: sql, query: "{rule}", mustBe: -1}}\n' for rule in rules)
    columns = "      - {name: A, logicalType: number}\n      - {name: B, logicalType: number}\n"
    text = (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: t\nschema:\n  - name: t\n    properties:\n{columns}    quality:\n"
    )
    (tmp_path / "contract.yaml").write_text(text + quality)
    (tmp_path / "drop").write_text("A,B\n" + "3,1\n1,2\n2,9\n" * 200_000)
    verdict = check_in_subprocess(tmp_path / "drop", tmp_path / "contract.yaml", memory_mb=512, seconds=120)
    assert [problem.what for problem in verdict.problems] == [
        "A, B: 200000 of 600000 rows where A > B (rows 1, 4, 7, 10, 13, …), must be exactly -1",
        "A: avg is 2, must be exactly -1",
        'SELECT median(A) FROM "t" is 2, must be exactly -1',
    ]


def test_a_file_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_text(HEADER + ROW * 300_000)
    (problem,) = check_in_subprocess(file, CONTRACT, memory_mb=48, seconds=60).problems
    assert problem.rule == "readable"


def test_a_file_whose_reading_takes_too_long_is_refused(tmp_path: Path) -> None:
    """A small file that unpacks to gigabytes: packed parts may stand one after the other."""
    file = tmp_path / "endless.csv.gz"
    file.write_bytes(gzip.compress(HEADER.encode()) + gzip.compress(ROW.encode() * 100_000) * 1000)
    (problem,) = check_in_subprocess(file, CONTRACT, memory_mb=4096, seconds=200, computing_seconds=4).problems
    assert (problem.rule, problem.what) == (
        "readable",
        "the file cannot be read: reading it took more than 4 s of computing",
    )


def test_a_drop_is_checked_up_to_the_bytes_that_it_unpacks_to(tmp_path: Path) -> None:
    rows, most = HEADER + "".join(f"{number}{ROW[1:]}" for number in range(20)), 900
    assert len(gzip.compress(rows.encode())) < most < len(rows)
    (small := tmp_path / "small").write_bytes(gzip.compress((HEADER + ROW).encode()))
    (packed := tmp_path / "packed").write_bytes(gzip.compress(rows.encode()))
    limits = {"memory_mb": 512, "seconds": 60, "most_bytes": most}

    assert check_in_subprocess(small, CONTRACT, **limits).accepted
    with pytest.raises(TooLarge):
        check_in_subprocess(packed, CONTRACT, **limits)
    assert check_in_subprocess(packed, CONTRACT, **limits | {"most_bytes": len(rows)}).rows == 20


def test_a_key_that_needs_more_memory_than_there_is_here_says_nothing_of_its_file(tmp_path: Path) -> None:
    key = "      - {name: A, logicalType: integer, unique: true}\n"
    table = f"schema:\n  - name: t\n    properties:\n{key}"
    (tmp_path / "contract.yaml").write_text(f"apiVersion: v3.1.0\nkind: DataContract\nid: t\n{table}")
    (tmp_path / "drop").write_text("A\n" + "\n".join(map(str, range(10_000_000, 11_500_000))) + "\n")
    with pytest.raises(TooLarge):
        check_in_subprocess(
            tmp_path / "drop", tmp_path / "contract.yaml", memory_mb=208, seconds=60, most_bytes=64 << 20
        )


def test_a_file_is_not_blamed_for_a_machine_that_leaves_no_time_to_read_it(tmp_path: Path) -> None:
    """A pipe that nobody writes to: its reader waits and computes nothing, as on a machine with too much to do."""
    pipe = tmp_path / "a drop.csv"
    os.mkfifo(pipe)
    with pytest.raises(Retryable, match="took 8 s without computing so long; it was read"):
        check_in_subprocess(pipe, CONTRACT, memory_mb=1024, seconds=8, computing_seconds=4)


def test_a_contract_that_cannot_be_used_is_nobody_elses_fault(drop: Path, tmp_path: Path) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text(CONTRACT.read_text().replace("integer", "counter"))
    with pytest.raises(SpecRefused, match="PATIENT.logicalType"):
        check_in_subprocess(drop, contract, memory_mb=1024, seconds=60)


def test_a_check_that_cannot_start_may_be_tried_again(drop: Path) -> None:
    with pytest.raises(Retryable, match="did not start to be read"):
        check_in_subprocess(drop, CONTRACT, memory_mb=1024, seconds=0.01)


def loaded_by(module: str, names: tuple[str, ...]) -> list[str]:
    code = f"import sys, {module}; print(*[name for name in {names!r} if name in sys.modules])"
    root = Path(__file__).parents[2]
    fresh = subprocess.run([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return fresh.stdout.split()


@pytest.mark.parametrize(
    "module", ["shared.data.checking", "shared.data.report", "shared.data.versions", "shared.model_yaml.spec_file"]
)
def test_what_the_app_imports_is_light(module: str) -> None:
    assert loaded_by(module, ("pyarrow", "numpy", "pydantic", "open_data_contract_standard")) == []


def test_a_check_loads_the_standard_only_for_a_contract_that_nobody_read_before() -> None:
    assert loaded_by("shared.data.__main__", ("pydantic", "open_data_contract_standard")) == []


def test_the_command_prints_the_verdict(drop: Path) -> None:
    command = [sys.executable, "-m", "shared.data", str(drop), str(CONTRACT)]
    ended = subprocess.run(command, cwd=DIABETES.parents[1], capture_output=True, text=True, check=True)
    verdict: Mapping[str, object] = json.loads(ended.stdout)
    assert (verdict["v"], verdict["accepted"], verdict["rows"]) == (1, False, 2)
