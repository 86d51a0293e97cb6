"""Rows refused alone: which, for what, and that the accepted file holds exactly the others, whatever the drop's format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.profile import Profile
from shared.data.reading import read_table
from shared.data.rules import Contract
from shared.data.verdict import ACCEPTED, REFUSED, Verdict
from shared.errors import SpecRefused

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"
PATIENTS = """\
      - {name: ID, logicalType: integer, primaryKey: true}
      - {name: AGE, logicalType: number, required: true, logicalTypeOptions: {minimum: 18, maximum: 99}}
      - {name: TOWN, logicalType: string}
"""
BY_ROW = "    customProperties: [{property: acceptance, value: rows}, {property: acceptedShare, value: 50}]\n"
BROKEN = 'ID,AGE,TOWN\n1,59,Ulm\n2,17,Bonn\n3,old,\n4,72,\n5,60\n6,61.50,"Bad ""Tölz"""\n1,30,Ulm\n8,,Ulm\n9,99,\n10,18,Bonn\n'


def by_row(more: str = "", *, properties: str = PATIENTS) -> Contract:
    return parse_contract(HEAD + properties + BY_ROW + more)


@pytest.fixture
def sifted(tmp_path: Path) -> Callable[..., Verdict]:
    """Checks a drop by row, or by the contract given; what is kept lies in the test's folder."""

    def verdict(content: str | bytes, contract: Contract | None = None) -> Verdict:
        (tmp_path / "drop").write_bytes(content.encode() if isinstance(content, str) else content)
        return check(tmp_path / "drop", contract or by_row(), keep=tmp_path)

    return verdict


def refused_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / REFUSED).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_accepted_file_holds_the_rows_that_break_no_rule_and_nothing_else(sifted, tmp_path: Path) -> None:
    verdict = sifted(BROKEN)
    assert (verdict.accepted, verdict.rows, verdict.file_rows, verdict.refused_rows) == (True, 10, 5, 5)
    expected = '"ID","AGE","TOWN"\n"1","59","Ulm"\n"4","72",\n"6","61.5","Bad ""Tölz"""\n"9","99",\n"10","18","Bonn"\n'
    assert (tmp_path / ACCEPTED).read_text(encoding="utf-8") == expected


def test_refused_rows_keep_their_cells_as_they_came_with_row_and_reasons(sifted, tmp_path: Path) -> None:
    sifted(BROKEN)
    found = {row["refused_row"]: row for row in refused_rows(tmp_path)}
    assert {number: row["refused_why"] for number, row in found.items()} == {
        "2": "AGE: below 18",
        "3": "AGE: not a number",
        "5": "another shape: 2 cells",
        "7": "ID: there in an earlier row already",
        "8": "AGE: missing",
    }
    assert (found["3"]["AGE"], found["5"]["refused_text"], found["7"]["TOWN"]) == ("old", "5,60", "Ulm")


def test_the_report_tells_what_rows_were_refused_for_and_that_the_others_count(sifted) -> None:
    verdict = sifted(BROKEN)
    assert verdict.summary == "5 of 10 rows accepted, 5 refused"
    assert {problem.severity for problem in verdict.problems} == {"rows"}
    assert {problem.rule: problem.rows for problem in verdict.problems} == {
        "shape": (5,), "type": (3,), "required": (8,), "minimum": (2,), "primaryKey": (7,),
    }  # fmt: skip
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_mended_rows_may_be_dropped_as_the_file_that_they_are_in(sifted, tmp_path: Path) -> None:
    sifted(BROKEN)
    mended = [{**row, "AGE": "18"} for row in refused_rows(tmp_path) if row["ID"] in ("2", "3")]
    lines = [",".join(row.values()) for row in mended]
    verdict = sifted("\n".join([",".join(mended[0]), *lines]) + "\n")
    assert verdict.file_rows == 2
    assert verdict.kept is None
    assert [problem.rule for problem in verdict.problems] == ["extra_column"]


def test_a_share_below_the_floor_refuses_the_whole_file_and_keeps_no_row(sifted) -> None:
    found = sifted("ID,AGE,TOWN\n1,59,\n2,1,\n3,2,\n")
    assert (found.accepted, found.kept) == (False, None)
    assert found.problems[0].what == "1 of 3 rows (33.3 %) could be accepted, must be 50 %"


def test_whole_files_are_the_default(sifted) -> None:
    assert not sifted(BROKEN, parse_contract(HEAD + PATIENTS)).accepted


def test_a_drop_without_a_fault_is_kept_as_it_is(sifted) -> None:
    verdict = sifted("ID;AGE;TOWN\n1;59;Ulm\n")
    assert (verdict.accepted, verdict.kept, verdict.file_sha256) == (True, None, verdict.sha256)


def test_rules_about_the_whole_file_are_asked_of_the_accepted_rows(sifted) -> None:
    quality = "    quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 2}]\n"
    average = "quality: [{type: sql, query: 'SELECT avg({property}) FROM {object}', mustBeLessThan: 60}]"
    age = f"      - {{name: AGE, logicalType: number, {average}, logicalTypeOptions: {{maximum: 99}}}}\n"
    contract = by_row(quality, properties="      - {name: ID, logicalType: integer}\n" + age)
    assert sifted("ID,AGE\n1,50\n2,51\n3,1000\n", contract).accepted  # the average is 367 with the row that is refused
    few = sifted("ID,AGE\n1,50\n3,1000\n", contract)
    assert [problem.what for problem in few.problems if problem.rule == "rowCount"] == [
        "of the accepted rows: the file has 1 rows, must be at least 2"
    ]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ('ID,AGE,TOWN\n1,59,Ulm\n2,60,"Bonn\n3,61,Ulm\n', "quotes"),
        ("ID,AGE\n1,59\n2,60\n", "missing_column"),
        ("ID,AGE,TOWN\n1,1,Ulm\n2,2,\n", "acceptedShare"),
    ],
)
def test_what_leaves_no_row_that_is_certain_refuses_the_whole_file(sifted, content: str, rule: str) -> None:
    verdict = sifted(content)
    assert not verdict.accepted
    assert rule in [problem.rule for problem in verdict.problems]


def test_the_same_rows_give_the_same_file_in_every_format_and_each_time(sifted, tmp_path: Path) -> None:
    rows = [
        {"ID": 1, "AGE": 59.0, "TOWN": "Ulm"},
        {"ID": 2, "AGE": 0.1 + 0.2, "TOWN": 'a "b"\nc'},
        {"ID": 3, "AGE": 72.0, "TOWN": None},
    ]
    rows[1]["AGE"] = 30 + 0.1 + 0.2
    wrong = {"ID": 4, "AGE": 1.0, "TOWN": "x"}
    lines = "".join(json.dumps(row) + "\n" for row in [*rows, wrong])
    parquet.write_table(pa.Table.from_pylist([*rows, wrong]), tmp_path / "p")
    cells = 'ID\tAGE\tTOWN\n1\t59\tUlm\n2\t30.3\t"a ""b""\nc"\n3\t72.0\t\n4\t1\tx\n'.replace(
        "30.3", repr(rows[1]["AGE"])
    )
    drops = [lines, (tmp_path / "p").read_bytes(), cells, cells, lines.encode("utf-16")]
    assert len({sifted(drop).file_sha256 for drop in drops}) == 1


CELLS = st.sampled_from(["18", "99", "50.5", " 7", "17.99", "100", "", "NA", "old", "1e1", "2e1", "+40", "inf"])
TOWN = st.sampled_from(["Ulm", "", '"a, b"', '"q ""x"" y"', '"two\nlines"', "Köln", "'"])


def is_right(age: str) -> bool:
    """The rule in words: a number from 18 to 99 must be there."""
    try:
        return 18 <= float(age) <= 99
    except ValueError:
        return False


@given(st.lists(st.tuples(st.integers(1, 30), CELLS, TOWN, st.booleans()), min_size=1, max_size=40))
def test_training_reads_exactly_the_rows_that_were_not_refused(
    tmp_path_factory: pytest.TempPathFactory, drawn: Sequence[tuple[int, str, str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("sift")
    lines = [f"{number},{age},{town}{',more' if longer else ''}" for number, age, town, longer in drawn]
    (folder / "drop").write_text("\n".join(["ID,AGE,TOWN", *lines]) + "\n", encoding="utf-8")
    seen: set[int] = set()
    right: list[tuple[int, float, str | None]] = []
    for number, age, town, longer in drawn:
        if longer:
            continue
        if number not in seen and is_right(age):
            (cell,) = next(csv.reader([f"{town}\n"])) or [""] if "\n" not in town else ["two\nlines"]
            right.append((number, float(age), cell or None))
        seen.add(number)
    contract, profile = by_row(), Profile.of(by_row())
    verdict = check(folder / "drop", contract, profile, keep=folder)
    assert verdict.accepted == (2 * len(right) >= len(drawn) and bool(right))
    if verdict.accepted:
        accepted = folder / ACCEPTED if verdict.kept else folder / "drop"
        assert [tuple(row.values()) for row in read_table(accepted, contract).to_pylist()] == right
        assert profile.rows == len(right) == verdict.file_rows
        assert check(accepted, replace(contract, floor_percent=None)).accepted


def test_rows_far_into_a_large_drop_are_told_by_their_numbers_in_the_drop(sifted, tmp_path: Path) -> None:
    lines = [f"{number},{17 if number in (7, 150_000) else 50},x" for number in range(1, 200_001)]
    lines[99_999] = "100000,50"
    verdict = sifted("\n".join(["ID,AGE,TOWN", *lines]) + "\n")
    assert verdict.file_rows == 199_997
    assert sorted(int(row["refused_row"]) for row in refused_rows(tmp_path)) == [7, 100_000, 150_000]


# How text is written


def written(*entries: str) -> Contract:
    listed = ", ".join(f"{{property: {entry}}}" for entry in entries)
    return parse_contract(HEAD + PATIENTS + f"    customProperties: [{listed}]\n")


@pytest.mark.parametrize(
    ("content", "contract"),
    [
        pytest.param("ID,AGE,TOWN\n1,59,Köln\n".encode("utf-16"), written(), id="UTF-16"),
        pytest.param("ID,AGE,TOWN\n1,59,Köln\n".encode("utf-16-be").join([b"\xfe\xff", b""]), written(), id="UTF-16, big end first"),
        pytest.param("ID,AGE,TOWN\n1,59,Köln\n".encode("cp1252"), written("encoding, value: windows-1252"), id="cp1252"),
        pytest.param("ID,AGE,TOWN\n1,59,Köln\n".encode("latin-1"), written("encoding, value: iso-8859-1"), id="Latin-1"),
        pytest.param("ID^AGE^TOWN\n1^59^Köln\n".encode(), written("delimiter, value: ^"), id="delimiter"),
        pytest.param("ID,AGE,TOWN\n1,59,'Köln'\n".encode(), written("quote, value: ''''"), id="quote"),
    ],
)  # fmt: skip
def test_text_is_read_as_the_contract_says_and_kept_in_utf_8(
    sifted, tmp_path: Path, content: bytes, contract: Contract
) -> None:
    verdict = sifted(content, contract)
    assert verdict.accepted
    assert verdict.refused_rows == 0
    assert (tmp_path / ACCEPTED).read_text(encoding="utf-8") == '"ID","AGE","TOWN"\n"1","59","Köln"\n'
    assert read_table(tmp_path / ACCEPTED, contract).to_pylist() == [{"ID": 1, "AGE": 59.0, "TOWN": "Köln"}]


def test_a_byte_order_mark_says_utf_8_whatever_the_contract_says(sifted) -> None:
    verdict = sifted("ID,AGE,TOWN\n1,59,Köln\n".encode("utf-8-sig"), written("encoding, value: windows-1252"))
    assert verdict.accepted
    assert verdict.kept is None


@pytest.mark.parametrize(
    "content", ["ID,AGE,TOWN\n1,59,Köln\n".encode("utf-16")[:-1], b"\xff\xfe" + b"I\0D\0\n\0\0\xd8"]
)
def test_bytes_that_are_no_utf_16_refuse_the_file(sifted, content: bytes) -> None:
    assert [problem.rule for problem in sifted(content).problems] == ["encoding"]


def test_bytes_that_the_encoding_does_not_have_are_told_by_line(sifted) -> None:
    (problem,) = sifted(b"ID,AGE,TOWN\n1,59,Ulm\n2,60,\x81\n", written("encoding, value: windows-1252")).problems
    assert problem.what == "line 3 holds bytes that are no text in windows-1252"


@pytest.mark.parametrize(
    "entry",
    ["encoding, value: ebcdic", "delimiter, value: ab", "quote, value: x", "acceptance, value: most", "acceptedShare, value: 90"],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_fault_of_the_contract(entry: str) -> None:
    with pytest.raises(SpecRefused, match="customProperties"):
        written(entry)
