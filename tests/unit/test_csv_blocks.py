"""CSV read by blocks of whole rows: the same rows, numbers and hash as by Arrow's own reader in batches, wherever blocks end."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import shared.data.csv_blocks as blocks
import shared.data.csv_rows as csv_rows
from shared.data.formats import UTF8_MARK, Unreadable
from shared.data.opened import BLOCK_BYTES, Rows
from shared.data.quotes import Quoted
from shared.data.rows import open_rows
from shared.data.whole_rows import PART_BYTES, WholeRows

SMALL = 64
KINDS = {"N": "number", "A": "string"}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of so few bytes for both readers."""
    for module in (blocks, csv_rows):
        monkeypatch.setattr(module, "BLOCK_BYTES", SMALL)


def read(file: Path, *, quick: bool) -> tuple[list[int], list[tuple[float, str]], Rows]:
    """The lengths of the batches, their cells, and what else was found."""
    rows = open_rows(file, tuple(KINDS), kinds=KINDS if quick else None)  # type: ignore[arg-type]
    batches = list(rows.batches)
    cells = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    return [len(batch) for batch in batches], [(float(number), _text(text)) for number, text in cells], rows


def _text(cell: str | bytes) -> str:
    return cell.decode() if isinstance(cell, bytes) else cell


CONTENTS = {
    "plain": "".join(f"{row}.5,text {row}\n" for row in range(50)),
    "quoted": "".join(f'{row},"a, ""b"" {row}"\n' for row in range(50)),
    "two lines": "".join(f'{row},"a\n{row}"\n' for row in range(50)),
    "all quoted": "".join(f'"{row}","a {row}"\n' for row in range(50)),
    "returns": "".join(f'{row},"text {row}"\r\n' for row in range(50)),
    "blank lines": "".join(f"{row},text\n\n" for row in range(50)),
    "another shape": "".join(f"{row},text" + ",more" * (row % 7 == 3) + "\n" for row in range(50)),
    "no last line end": "".join(f"{row},text\n" for row in range(50))[:-1],
    "one row": "1,a\n",
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("begins", ["N,A\n", '"N","A"\n', "\n\nN,A\r\n", UTF8_MARK.decode() + '"N",A\n'])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_blocks_give_what_the_streaming_reader_gives(tmp_path: Path, begins: str, content: str) -> None:
    file = tmp_path / "drop"
    file.write_bytes((begins + content).encode())
    lengths, cells, rows = read(file, quick=True)
    _, same_cells, same = read(file, quick=False)
    assert (cells, rows.skipped.numbers, rows.skipped.samples) == (
        same_cells,
        same.skipped.numbers,
        same.skipped.samples,
    )
    assert len(lengths) > 1 or content == CONTENTS["one row"]
    assert rows.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.usefixtures("small_blocks")
def test_a_row_may_begin_with_a_block_and_end_in_the_next(tmp_path: Path) -> None:
    """The most that is carried over, behind a mark: the buffer is full to its last byte."""
    file = tmp_path / "drop"
    begins = UTF8_MARK + b"N,A\n1," + b"x" * 54 + b"\n"
    assert len(begins) == SMALL
    file.write_bytes(begins + b"2," + b"y" * 100 + b"\n" + b"3,z\n" * 20)
    assert read(file, quick=True)[1] == read(file, quick=False)[1]


def test_blocks_end_where_those_of_the_streaming_reader_do(tmp_path: Path) -> None:
    """So that a profile, which is made batch by batch, is the same."""
    file = tmp_path / "drop"
    file.write_text("N,A\n" + "".join(f'{row},"{"x" * (row % 90)}"\n' for row in range(200_000)))
    quick, careful = (read(file, quick=quick)[0] for quick in (True, False))
    assert (quick, len(quick)) == (careful, 3)


def test_a_packed_file_is_hashed_as_it_lies_there_and_not_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_bytes(gzip.compress(b"N,A\n1,a\n2,b\n"))
    lengths, cells, rows = read(file, quick=True)
    assert (lengths, cells, rows.sha256) == ([2], [(1.0, "a"), (2.0, "b")], "")


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("bad", [f"1,{'x' * 3 * SMALL}\n", '1,"a"b\n', '1,a"b"\n', '1,"a\n'])
def test_a_row_that_is_too_long_and_a_quote_out_of_place_end_the_quick_reading(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "drop"
    file.write_text("N,A\n" + "1,a\n" * 40 + bad + "1,a\n" * 40)
    with pytest.raises((Unreadable, pa.ArrowException)):
        read(file, quick=True)


def test_who_asks_for_the_next_batch_has_no_more_than_blocks_in_memory(tmp_path: Path) -> None:
    """Nothing is read ahead: of a file of many blocks, the first batch costs the first block."""
    file = tmp_path / "drop"
    file.write_text("N,A\n" + "1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 400_000)
    rows = open_rows(file, tuple(KINDS), kinds=KINDS)  # type: ignore[arg-type]
    before = pa.total_allocated_bytes()
    first = next(rows.batches)
    assert first.num_rows < 100_000
    assert pa.total_allocated_bytes() - before < 4 * BLOCK_BYTES


rows_of_bytes = st.lists(
    st.sampled_from([b'"', b'"', b",", b"\n", b"\r", b"a", b'""', b'"a"', b',"b\nc",']), max_size=12
)


@given(st.lists(rows_of_bytes, max_size=4), st.integers(0, 150), st.booleans())
@example([[b'"a"', b"\n"]], 63, False)
@example([[b'"a\nb"', b"\n"], [b'"']], 0, False)
@example([[b"a", b"\n"], [b'"b']], 63, False)
@example([[b'"a\n', b'b"', b"\n"], [b'"a\n']], 62, True)
def test_rows_end_where_quotes_say_and_quotes_are_judged_as_by_the_careful_look(
    lines: list[list[bytes]], before: int, is_last: bool
) -> None:
    content = b"x" * before + b"\n" + b"".join(b"".join(line) for line in lines)
    buffer = bytearray(b"\n" + content + b"\n")
    end = len(content) + 1
    cut = WholeRows(",").end_of_rows(buffer, 1, end, is_last=is_last)
    whole = content[: cut - 1] if cut >= 0 else content[: content.rfind(b"\n") + 1] if not is_last else content
    assert (cut >= 0) is _is_in_place(whole)
    if cut > 1 and not is_last:
        assert cut - 1 == _last_end(content)


def _is_in_place(content: bytes) -> bool:
    """What the careful look says."""
    try:
        return b"".join(iter(Quoted(lambda: io.BytesIO(content), ",").read, b"")) == content
    except Unreadable:
        return False


def _last_end(content: bytes) -> int:
    """Behind the last line feed outside of quotes."""
    ends = [at + 1 for at, byte in enumerate(content) if byte == 10 and content[:at].count(b'"') % 2 == 0]
    return ends[-1] if ends else 0


@pytest.mark.parametrize("place", [0, 63, 64, 65, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1])
@pytest.mark.parametrize("wrong", [b'a"b"', b'"a"b', b'"a""'])
def test_quotes_are_looked_at_across_words_and_parts(place: int, wrong: bytes) -> None:
    for cell, is_right in ((b'"a ""b"" c"', True), (wrong, False)):
        content = b"\n" + b"x" * place + b"\n" + cell + b",\n"
        found = WholeRows(",").end_of_rows(bytearray(content + b"\n"), 1, len(content), is_last=True)
        assert (found == len(content)) is is_right
