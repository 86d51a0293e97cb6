"""What a drop unpacks to, which decides where it is checked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.data.unpacked import unpacks_beyond

MIB = 1 << 20
PLAIN = b"A\n" + b"1\n" * 999


def written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("packed", [PLAIN, gzip.compress(PLAIN), pa.compress(PLAIN, "zstd", asbytes=True)])
def test_a_file_counts_as_what_it_unpacks_to(tmp_path: Path, packed: bytes) -> None:
    file = written(tmp_path / "drop", packed)
    assert not unpacks_beyond(file, len(PLAIN))
    assert unpacks_beyond(file, len(PLAIN) - 1)


def test_a_cell_of_parquet_counts_two_bytes_however_little_it_takes(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"A": [1] * 50_000, "B": [2] * 50_000}), tmp_path / "drop")
    assert (tmp_path / "drop").stat().st_size < 10_000
    assert not unpacks_beyond(tmp_path / "drop", 200_000)
    assert unpacks_beyond(tmp_path / "drop", 199_999)


def test_the_parts_of_a_folder_count_together(tmp_path: Path) -> None:
    written(tmp_path / "a.csv.gz", gzip.compress(PLAIN))
    written(tmp_path / "b.csv", PLAIN)
    assert not unpacks_beyond(tmp_path, 2 * len(PLAIN))
    assert unpacks_beyond(tmp_path, 2 * len(PLAIN) - 1)


def test_a_bomb_and_a_file_that_nobody_can_read_are_the_checks_to_refuse_and_start_no_run(tmp_path: Path) -> None:
    bomb = written(tmp_path / "bomb", b"".join([gzip.compress(b"A\n" + b"1\n" * (MIB // 2))] * 300))
    assert bomb.stat().st_size < MIB
    assert not unpacks_beyond(bomb, MIB)
    assert not unpacks_beyond(written(tmp_path / "broken", gzip.compress(PLAIN)[:10] + PLAIN), 1500 + len(PLAIN))
