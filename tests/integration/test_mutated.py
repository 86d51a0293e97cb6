"""Files with bytes changed at random: no crash, no unbounded memory, and what is accepted another reader finds too;
the quick reading gives the verdict of the careful one.

1,500 files by default; BATON_MUTATED=10000 checks as many. Each is checked in a child process that may take 1 GB of data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.documents import ROOT
from tests.mutated.files import mutated

FILES = int(os.environ.get("BATON_MUTATED", "1500"))
IN_A_CHILD, AT_ONCE = 500, 2


def judged(first: int, last: int, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.mutated", str(first), str(last), str(folder)]
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, f"file {first + len(told)} ended its reader: {ended.stderr[-2000:]}"
    return told


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mutated")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = pool.map(
            lambda first: judged(first, min(FILES, first + IN_A_CHILD), folder), range(0, FILES, IN_A_CHILD)
        )
        return [one for part in parts for one in part]


def test_every_mutated_file_gets_a_verdict(found: list[dict[str, Any]]) -> None:
    assert [one["number"] for one in found] == list(range(FILES))


def test_what_is_accepted_a_second_reader_finds_cell_by_cell(found: list[dict[str, Any]]) -> None:
    assert [one for one in found if one["differs"]] == []


def test_enough_of_every_format_is_accepted_to_be_compared(found: list[dict[str, Any]]) -> None:
    """Otherwise the second reader would have nothing to say."""
    accepted = Counter(one["format"] for one in found if one["accepted"])
    assert (len(accepted), sum(accepted.values()) >= FILES / 20) == (7, True), accepted


def test_mutated_files_are_as_small_as_drops_of_their_kind_and_mostly_differ() -> None:
    sizes = [len(mutated(number)[1]) for number in range(200)]
    assert sum(1000 <= size <= 50_000 for size in sizes) > 150
    assert max(sizes) <= 100_000
