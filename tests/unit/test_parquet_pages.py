"""Page headers of Parquet: whatever Arrow writes passes, and damage that it passes over does not."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.parquet_pages import check_pages
from shared.data.unreadable import Unreadable
from tests.mutated.files import COLUMNS, CONTRACT, mutated

TABLE = pa.table(
    {
        "ID": list(range(5000)),
        "SIZE": [None if number % 7 == 0 else number / 3 for number in range(5000)],
        "TOWN": ["a long name of a town " * 40 + str(number) for number in range(5000)],
        "NOTE": [True, False] * 2500,
    }
)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_what_arrow_writes_passes(tmp_path: Path, version: str, compression: str, dictionary: bool) -> None:
    file = tmp_path / "file"
    parquet.write_table(
        TABLE,
        file,
        row_group_size=1500,
        data_page_version=version,
        compression=compression,
        use_dictionary=dictionary,
        data_page_size=4096,
        write_page_checksum=True,
        write_page_index=True,
    )
    check_pages(file, parquet.ParquetFile(file).metadata, COLUMNS)


def test_an_encoding_that_there_is_not_is_refused_though_arrow_reads_the_values(tmp_path: Path) -> None:
    """File 6623 of the mutated ones: DuckDB stops at it."""
    name, content = mutated(6623)
    assert name == "parquet"
    assert parquet.read_table(io.BytesIO(content)).num_rows
    (tmp_path / "drop").write_bytes(content)
    (problem,) = check(tmp_path / "drop", parse_contract(CONTRACT)).problems
    assert (problem.rule, problem.what.rsplit(": ", 1)[1]) == ("readable", "encoding 35 is none")


def test_a_page_whose_checksum_is_another_refuses_the_file(tmp_path: Path) -> None:
    sink = io.BytesIO()
    parquet.write_table(
        TABLE.select(["ID", "SIZE", "NOTE"]), sink, compression="none", write_page_checksum=True, use_dictionary=False
    )
    content = bytearray(sink.getvalue())
    content[20_000] ^= 1
    (tmp_path / "drop").write_bytes(content)
    contract = parse_contract(CONTRACT.replace("      - {name: TOWN, logicalType: string}\n", ""))
    (problem,) = check(tmp_path / "drop", contract).problems
    assert problem.rule == "readable"


@pytest.mark.parametrize("place", [4, 5])
def test_bytes_that_make_no_header_are_told_by_column_and_place(tmp_path: Path, place: int) -> None:
    sink = io.BytesIO()
    parquet.write_table(TABLE, sink, use_dictionary=False)
    content = bytearray(sink.getvalue())
    content[place] = 0xFF
    (tmp_path / "drop").write_bytes(content)
    with pytest.raises(Unreadable, match="ID, page header at byte 4"):
        check_pages(tmp_path / "drop", parquet.ParquetFile(tmp_path / "drop").metadata, COLUMNS)
