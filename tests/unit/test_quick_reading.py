"""The quick reading of CSV, whose cells Arrow's reader converts, gives the answer of the careful one, whatever the file holds."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import shared.data.look as looking
from shared.data.check import check
from shared.data.csv_rows import READ_AS
from shared.data.lean import without_pandas
from shared.data.profile import Profile
from shared.data.rules import Contract, Kind
from shared.data.verdict import Verdict
from tests.unit.test_check import contract_of

NEVER = 1 << 40
CELLS: dict[Kind, Sequence[str]] = {
    "number": [
        "1", "-2.5", "+3", ".5", "5.", "1e-3", " 7", "NaN", "NAN", "nan", "inf", "", "NA", "0x1F", "1e999", "1,5", "x",
        "-0.0", "007", " ", "1 2",
    ],
    "integer": [
        "1", "-2", "+3", "007", "4.0", " 5 ", "", "0x1F", " 0x1F", "9223372036854775807", " 1234567890123456789", "1e3",
        "000000000000000000001", "x",
    ],
    "boolean": [
        "true", "FALSE", "1", "0", " True ", "tRUE", "", "yes", "NA",
    ],
    "date": [
        "2026-03-31", " 2024-02-29 ", "2026-02-31", "", "31.03.2026", "1-1-1", "0001-01-01", "NaN", "0000-12-31",
    ],
    "timestamp": [
        "2026-03-31T12:00:00Z", "2026-03-31 12:00", "2026-03-31", "2026-03-31T12:00:00.25+02:00", "2026-03-31T12",
        " 2026-03-31T12:00:00Z", "", "12:00", "0000-12-31", "9999-12-31T23:59:59-01:00", "2026-03-31 12:00:00+02",
        "2026-03-31T12:00:00.123456789Z",
    ],
    "string": [
        "x", "NA", " ", "", "Köln", "a, b", 'the "Old" Town', "two\nlines",
    ],
}  # fmt: skip


def both(file: Path, contract: Contract) -> tuple[tuple[Verdict, dict[str, object]], ...]:
    """Verdict and profile of the quick reading, where it can answer, and of the careful one; quantiles toss coins."""
    found = []
    for quick_from in (0, NEVER):
        profile = Profile.of(contract)
        verdict = check(file, contract, profile, quick_from=quick_from)
        found.append((verdict, profile.to_dict()))
    return tuple(found)


def write(file: Path, cells: Sequence[str], *, quoted: bool) -> None:
    mark = '"' if quoted else ""
    file.write_text("N,A\n" + "".join(f"{row},{mark}{cell}{mark}\n" for row, cell in enumerate(cells)))


@pytest.mark.parametrize("kind", CELLS)
def test_each_cell_alone_and_among_others_is_told_alike(tmp_path: Path, kind: Kind) -> None:
    contract = contract_of("{name: N, logicalType: integer}", f"{{name: A, logicalType: {kind}, required: true}}")
    for place, cell in enumerate(CELLS[kind]):
        for others in ([], [CELLS[kind][place - 1]] * 2):
            write(tmp_path / "drop", [*others, cell], quoted=kind == "string" or place % 2 == 0)
            quick, careful = both(tmp_path / "drop", contract)
            assert quick == careful, (cell, others)


anything = st.one_of(
    *(st.sampled_from(CELLS[kind]) for kind in READ_AS),
    st.floats().map(repr),
    st.datetimes().map(str),
    st.dates().map(str),
    st.text("0123456789.+-eEx:TZ \t", max_size=12),
)


@settings(max_examples=40)
@given(st.sampled_from(sorted(READ_AS)), st.lists(anything, min_size=1, max_size=6))
@example("number", ["1", "\t7"])
def test_any_cells_are_told_alike(tmp_path_factory: pytest.TempPathFactory, kind: Kind, cells: Sequence[str]) -> None:
    file = tmp_path_factory.mktemp("quick") / "drop"
    contract = contract_of("{name: N, logicalType: integer}", f"{{name: A, logicalType: {kind}}}")
    write(file, cells, quoted=True)
    quick, careful = both(file, contract)
    assert quick == careful


@pytest.mark.parametrize(
    ("spoiled", "readings"),
    [("", 1), ("NaN", 2), (" 1", 1), ("5", 2), ("x", 2)],
)
def test_a_file_is_read_twice_only_for_what_the_quick_reading_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: str, readings: int
) -> None:
    """The spoiled cell stands behind the rows by which the types are chosen."""
    contract = contract_of(
        "{name: A, logicalType: number, logicalTypeOptions: {maximum: 3}}", "{name: T, logicalType: string}"
    )
    rows = ["1.5,Ulm"] * 20_000
    rows[15_000] = f"{spoiled},Ulm"
    (tmp_path / "drop").write_text("A,T\n" + "\n".join(rows) + "\n")
    opened = []
    real = looking.open_rows
    monkeypatch.setattr(looking, "open_rows", lambda *asked, **named: opened.append(asked) or real(*asked, **named))
    quick, careful = both(tmp_path / "drop", contract)
    assert quick[0] == careful[0]
    assert len(opened) == readings + 1


@pytest.mark.parametrize("begins", ["plain", "two\nlines"])
@pytest.mark.parametrize("often", [7, 5_000])
def test_cells_with_line_ends_are_told_alike_wherever_blocks_end(tmp_path: Path, begins: str, often: int) -> None:
    """Blocks are 4 MiB; the types are chosen by the first 64 kB."""
    contract = contract_of("{name: N, logicalType: number}", "{name: A, logicalType: string}")
    texts = [begins] * 500 + ["x" * 300 if row % often else "a\n1.5,b\n" * 60 for row in range(30_000)]
    (tmp_path / "drop").write_text("N,A\n" + "".join(f'{row},"{text}"\n' for row, text in enumerate(texts)))
    quick, careful = (check(tmp_path / "drop", contract, quick_from=size) for size in (0, NEVER))
    assert (quick, quick.rows, quick.accepted) == (careful, len(texts), True)


def test_a_process_that_checks_finds_no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    without_pandas()
    with pytest.raises(ModuleNotFoundError, match="does without pandas"):
        importlib.import_module("pandas")
