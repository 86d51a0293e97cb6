"""Files that are small and unpack to more than any machine holds: refused by what they are, in little time and memory."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.data.check import check
from shared.data.checking import check_in_subprocess
from shared.data.contract import parse_contract
from shared.data.formats import room

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"
CONTRACT = HEAD + "      - {name: A, logicalType: integer}\n"
MIB = 1 << 20


def _gzip(content: bytes, times: int, *, of: bytes = b"1\n") -> bytes:
    """Packed text of `content`, then so many MiB of the same row."""
    out = io.BytesIO()
    rows = of * (MIB // len(of))
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
        packed.write(content)
        for _ in range(times):
            packed.write(rows)
    return out.getvalue()


def _zstd(content: bytes, times: int) -> bytes:
    return bytes(pa.compress(content + b"1\n" * (MIB // 2) * times, codec="zstd", asbytes=True))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_gzip(b"A\n", 260), id="gzip"),
        pytest.param(_zstd(b"A\n", 260), id="zstd"),
        pytest.param(_gzip(b'A\n"', 260), id="one endless cell"),
        pytest.param(_gzip(b'{"A":', 260, of=b" "), id="one endless JSON line"),
    ],
)
def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, content: bytes) -> None:
    """A few MiB at most that hold more than the 256 MiB that may be unpacked freely."""
    file = tmp_path / "drop"
    file.write_bytes(content)
    assert len(content) < 3 * MIB
    verdict = check(file, parse_contract(CONTRACT))
    assert not verdict.accepted
    assert verdict.problems[0].rule in ("format", "readable")


def test_the_bomb_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_bytes(_gzip(b"A\n", 260))
    (problem,) = check(file, parse_contract(CONTRACT)).problems
    assert problem.what == "the file unpacks to more than 100 times its size, and more than 256 MiB"
    assert problem.remedy == "split it into several files, or send it unpacked"


@pytest.mark.parametrize(
    ("size", "may_unpack_to"),
    [(1, 256 * MIB), (3 * MIB, 300 * MIB), (100 * MIB, 4000 * MIB), (1024 * MIB, 20 << 30), (20 << 30, 400 << 30)],
)
def test_what_a_file_may_unpack_to_grows_with_it(tmp_path: Path, size: int, may_unpack_to: int) -> None:
    """A large file of real rows is no bomb: 20 GB of Parquet, whose cells take more than 4 GiB, can be read."""
    with (tmp_path / "drop").open("wb") as file:
        file.truncate(size)
    assert may_unpack_to <= room(tmp_path / "drop") <= may_unpack_to + 96 * MIB


def test_a_well_packed_file_of_ordinary_size_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_bytes(_gzip(b"A\n", 20))
    verdict = check(file, parse_contract(CONTRACT))
    assert (verdict.accepted, verdict.rows) == (True, 20 * MIB // 2)


def test_a_parquet_file_that_says_more_rows_than_it_can_hold_is_refused_before_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    table = pa.table({"A": pa.DictionaryArray.from_arrays(pa.array([0] * 40_000_000, pa.int8()), pa.array([1]))})
    parquet.write_table(table, file, compression="zstd")
    assert file.stat().st_size < MIB
    (problem,) = check(file, parse_contract(CONTRACT)).problems
    assert "says that it holds 40000000 rows" in problem.what


def test_the_process_that_checks_a_bomb_stays_within_its_memory(tmp_path: Path) -> None:
    file, contract = tmp_path / "drop", tmp_path / "contract.yaml"
    file.write_bytes(_gzip(b"A\n", 260))
    contract.write_text(CONTRACT)
    # 480 MB are enough where its reader is not kept waiting: what it has read ahead by then counts as well
    verdict = check_in_subprocess(file, contract, memory_mb=640, seconds=50)
    assert "more than 100 times its size" in verdict.problems[0].what
