"""Verdicts on files: what a data engineer hears about each way that a file can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.profile import Profile
from shared.data.reading import read_table
from shared.data.rules import Contract
from shared.data.verdict import REFUSED, Problem, Verdict
from shared.errors import Permanent

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"
PATIENTS = """\
      - {name: ID, logicalType: integer, primaryKey: true}
      - {name: AGE, logicalType: number, required: true, logicalTypeOptions: {minimum: 18, maximum: 99}}
      - {name: TOWN, logicalType: string}
"""
GOOD = "ID,AGE,TOWN\n1,59,Ulm\n2,48.5,\n3,72,Bonn\n"


def contract_of(*properties: str, table: str = "") -> Contract:
    return parse_contract(HEAD + "".join(f"      - {item}\n" for item in properties) + table)


def patients() -> Contract:
    return parse_contract(HEAD + PATIENTS)


@pytest.fixture
def verdict_on(tmp_path: Path):
    """Checks a file with this content against a contract, the patients' unless told."""

    def verdict(content: str | bytes, contract: Contract | None = None) -> Verdict:
        file = tmp_path / "drop"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return check(file, contract or patients())

    return verdict


@pytest.fixture
def only(verdict_on):
    """The one problem of a file."""

    def problem(content: str | bytes, contract: Contract | None = None) -> Problem:
        (found,) = verdict_on(content, contract).problems
        return found

    return problem


def column(kind: str, *cells: str, more: str = "") -> tuple[str, Contract]:
    """A file of one column A of text cells, and its contract."""
    text = "N,A\n" + "".join(f'{number},"{cell}"\n' for number, cell in enumerate(cells))
    return text, contract_of("{name: N, logicalType: integer}", f"{{name: A, logicalType: {kind}{more}}}")


# Files that are fine


def test_a_good_file_is_accepted_with_its_rows_and_hash(verdict_on) -> None:
    expected = Verdict(True, hashlib.sha256(GOOD.encode()).hexdigest(), 3, ("ID", "AGE", "TOWN"))
    assert verdict_on(GOOD) == expected


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), id="byte order mark"),
        pytest.param(GOOD.replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(GOOD.replace(",", ";").encode(), id="semicolons"),
        pytest.param(GOOD.replace(",", "\t").encode(), id="tabs"),
        pytest.param(GOOD.replace(",", "|").encode(), id="bars"),
        pytest.param(b'"ID";"AGE";"TOWN"\n1;59;"Ulm; upper, ""old"" town"\n2;48.5;""\n3;72;Bonn\n', id="quoted semicolons"),
        pytest.param(GOOD.rstrip("\n").encode(), id="no line end at the end"),
        pytest.param(GOOD.replace("\n3", "\n\n3").encode(), id="a blank line"),
        pytest.param(gzip.compress(GOOD.encode()), id="gzip"),
        pytest.param(pa.compress(GOOD.encode(), "zstd", asbytes=True), id="zstd"),
        pytest.param(b"TOWN,ID,AGE\nUlm,1,59\n,2,48.5\nBonn,3,72\n", id="columns in another order"),
        pytest.param(b'"ID","AGE","TOWN"\n"1","59","Ulm, upper\ntown"\n2, 48.5 ,\n"3","72",Bonn\n', id="quotes"),
        pytest.param(b'{"ID":1,"AGE":59,"TOWN":"Ulm"}\n{"ID":2,"AGE":48.5}\n{"TOWN":null,"AGE":72,"ID":3}\n', id="JSON"),
        pytest.param(gzip.compress(b'{"ID":1,"AGE":"59","TOWN":"Ulm"}\n{"ID":2,"AGE":48}\n{"ID":3,"AGE":20}'), id="JSON.gz"),
    ],
)  # fmt: skip
def test_files_as_people_write_them_are_accepted(verdict_on, content: bytes) -> None:
    assert (verdict_on(content).summary, verdict_on(content).rows) == ("3 rows accepted", 3)


def test_a_parquet_file_is_accepted(tmp_path: Path) -> None:
    table = pa.table(
        {"ID": [1, 2], "AGE": pa.array([59, None], pa.int16()), "TOWN": pa.array(["a", "b"]).dictionary_encode()}
    )
    parquet.write_table(table, tmp_path / "drop")
    (problem,) = check(tmp_path / "drop", patients()).problems
    assert (problem.rule, problem.rows) == ("required", (2,))


def test_the_same_bytes_give_the_same_verdict(verdict_on) -> None:
    spoiled = GOOD.replace("59", "x").replace("72", "100")
    assert verdict_on(spoiled) == verdict_on(spoiled)


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "rule", "told"),
    [
        (b"", "empty", "the file is empty"),
        (b" \n\n", "empty", "the file is empty"),
        (b"ID,AGE,TOWN\n", "rows", "the file has a header and no rows"),
        (b"ID,AGE,TOWN", "rows", "the file has a header and no rows"),
        (b"ID,AGE,TOWN\n1,59," + b"a" * (9 << 20) + b"\n", "readable", "a row is longer than 4 MiB"),
        (b"PK\x03\x04\x14\x00", "format", "the file is an Excel workbook or ZIP archive"),
        (b"Obj\x01\x04", "format", "the file is an Avro file"),
        ("ID,AGE\n".encode("utf-32"), "format", "the file is text in UTF-32"),
        (bytes(range(256)), "format", "the file is no text"),
        (b'[{"ID": 1}]', "format", "the file is one JSON array"),
        (b'ID,AGE,TOWN\n1,59,"Ulm\n2,48,Bonn\n', "quotes", "line 2: a quote is opened and never closed"),
        (b'ID,AGE,TOWN\n1,59,Ulm\n2,48,"Bad" Ischl\n', "quotes", "line 3: text follows a closing quote"),
        (b'ID,AGE,TOWN\n1,59,5" pipe\n', "quotes", "line 2: a quote stands within a cell without quotes"),
        (b"1,59,Ulm\n2,48,\n", "header", "the first line names no column of the contract"),
        (b"<html><body>Sign in</body></html>", "header", "the first line names no column of the contract"),
        (b"ID,AGE,TOWN,Stra\xdfe\n1,59,Ulm,x\n", "encoding", "the header is not UTF-8; it looks like Latin-1"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(verdict_on, content: bytes, rule: str, told: str) -> None:
    verdict = verdict_on(content)
    assert [(problem.rule, problem.what) for problem in verdict.problems] == [(rule, told)]
    assert not verdict.accepted


@pytest.mark.parametrize(
    "content", [gzip.compress(GOOD.encode() * 99, mtime=0)[:-20], b"PAR1 and then nothing of the kind"]
)
def test_a_broken_file_is_refused_and_not_raised(only, content: bytes) -> None:
    assert only(content).rule == "readable"


# Columns and shape


@pytest.mark.parametrize("content", ['{"X":1}\n{}\n', "X\n1\n2\n"])
def test_a_file_of_other_columns_is_refused(verdict_on, content: str) -> None:
    assert not verdict_on(content).accepted


@pytest.mark.parametrize("kind", ["string", "integer", "date"])
@pytest.mark.parametrize("cells", [[{"a": 1}, None], [[1], None]])
def test_a_nested_cell_is_of_no_kind(tmp_path: Path, kind: str, cells: list[object]) -> None:
    parquet.write_table(pa.table({"A": pa.array(cells)}), tmp_path / "drop")
    (problem,) = check(tmp_path / "drop", contract_of(f"{{name: A, logicalType: {kind}}}")).problems
    assert (problem.rule, problem.rows, problem.samples) == ("type", (1,), (str(cells[0]),))


@pytest.mark.parametrize("kind", ["date", "timestamp"])
@pytest.mark.parametrize("neighbour", ["2026-03-31", "x"])
@pytest.mark.parametrize("cell", ["0000-12-31", "9999-12-31T23:59:59-01:00"])
def test_a_time_outside_the_calendar_is_none(verdict_on, kind: str, neighbour: str, cell: str) -> None:
    problem, *_ = verdict_on(*column(kind, cell, neighbour)).problems
    assert (problem.rule, problem.rows[0], problem.samples[0]) == ("type", 1, cell)


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_microseconds_that_were_taken_for_another_unit_are_no_times(tmp_path: Path, unit: str) -> None:
    """2**60 overflows microseconds; the ends of the calendar are still times."""
    seconds = [-62_135_596_800, 253_402_300_799, 253_402_300_800, -62_135_596_801]
    cells = [second * {"ms": 1000, "us": 1_000_000}[unit] for second in seconds] + [2**60]
    times = pa.array(cells, pa.int64()).cast(pa.timestamp(unit))
    table = pa.table({"A": times, "B": pa.array([-719_162, 2_932_896, 2**31 - 1, 0, 0], pa.int32()).cast(pa.date32())})
    parquet.write_table(table, tmp_path / "drop", **({"version": "1.0"} if unit == "us" else {}))
    contract = contract_of("{name: A, logicalType: timestamp}", "{name: B, logicalType: date}")
    profile = Profile.of(contract)
    first, second = check(tmp_path / "drop", contract, profile).problems
    assert (first.rows, second.rows, second.samples) == ((3, 4, 5), (3,), ("2147483647 d from 1970",))
    assert profile.columns["A"].range == ("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00")


ROWS_ALONE = "    customProperties: [{property: acceptance, value: rows}, {property: acceptedShare, value: 50}]\n"


@pytest.mark.parametrize(
    ("cell", "kind", "told"),
    [
        (1_700_000_000_123_456_789, pa.timestamp("ns"), "2023-11-14 22:13:20.123456789"),
        (1_700_000_000_123_456, pa.timestamp("us", "Mars/Base"), "2023-11-14 22:13:20.123456"),
    ],
)
@pytest.mark.parametrize("acceptance", ["", ROWS_ALONE])
def test_a_time_that_python_does_not_have_is_shown_all_the_same(
    tmp_path: Path, cell: int, kind: pa.DataType, told: str, acceptance: str
) -> None:
    """pandas writes nanoseconds; a datetime has none of them, and no zone that the machine does not know."""
    parquet.write_table(pa.table({"A": pa.array([cell, 0], pa.int64()).cast(kind)}), tmp_path / "drop")
    column = "{name: A, logicalType: timestamp, logicalTypeOptions: {maximum: 2020-01-01}}"
    contract = parse_contract(f"{HEAD}      - {column}\n{acceptance}")
    verdict = check(tmp_path / "drop", contract, keep=tmp_path)
    assert (verdict.accepted, verdict.problems[0].samples) == (bool(acceptance), (told,))
    refused = tmp_path / REFUSED
    assert not acceptance or told in refused.read_text()


def test_whole_numbers_that_came_as_floats_are_read_as_far_as_floats_tell_them_apart(tmp_path: Path) -> None:
    """pandas makes floats of a column of whole numbers with a missing value."""
    cells = [1577836800123456.0, None, 0.0, -7.0, 2.0**53, 1.5, 2.0**53 + 2, float("inf"), float("nan")]
    parquet.write_table(pa.table({"A": pa.array(cells, pa.float64())}), tmp_path / "drop")
    (problem,) = check(tmp_path / "drop", contract_of("{name: A, logicalType: integer}")).problems
    assert (problem.rule, problem.rows) == ("type", (6, 7, 8))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("logicalTypeOptions: {maximum: 1234567}", "A: 1 of 1 values is above 1234567 (row 1)"),
        (
            'quality: [{type: sql, query: "SELECT max(A) FROM {object}", mustBeLessThan: 1234567}]',
            "is 1234568, must be less than 1234567",
        ),
        (
            'quality: [{type: sql, query: "SELECT max(A) / 1e5 FROM {object}", mustBeGreaterThan: 12.34569}]',
            "is 12.34568, must be more than 12.34569",
        ),
    ],
)
def test_a_number_and_its_limit_are_told_with_the_digits_that_tell_them_apart(only, more: str, told: str) -> None:
    problem = only("A\n1234568\n", contract_of(f"{{name: A, logicalType: integer, {more}}}"))
    assert told in problem.what


@pytest.mark.parametrize(
    ("more", "broken"),
    [
        ("logicalTypeOptions: {minimum: 1234567890123456790}", "A: 1 of 2 values is below 1234567890123456790 (row 1)"),
        ('quality: [{type: sql, query: "SELECT count(*) FROM {object} WHERE {property} NOT BETWEEN -1 AND 6.5", mustBe: 0}]', "A: 2 of 2"),
        ('quality: [{type: sql, query: "SELECT avg({property}) FROM {object}", mustBeLessThan: 1}]', "A: avg is 1.23456789012346e+18"),
        ('quality: [{type: sql, query: "SELECT sum({property}) FROM {object}", mustBeLessThan: 1}]', "A: sum is 2.46913578024691e+18"),
    ],
)  # fmt: skip
def test_whole_numbers_that_no_float_tells_apart_are_held_to_their_rules(only, more: str, broken: str) -> None:
    content = "A\n1234567890123456789\n1234567890123456790\n"
    assert only(content, contract_of(f"{{name: A, logicalType: integer, {more}}}")).what.startswith(broken)


def test_the_ends_of_a_range_of_whole_numbers_may_be_fractions(only) -> None:
    query = "SELECT count(*) FROM {object} WHERE {property} NOT BETWEEN 1.5 AND 3.5"
    rule = f'{{type: sql, query: "{query}", mustBe: 0}}'
    assert only("A\n1\n2\n3\n4\n", contract_of(f"{{name: A, logicalType: integer, quality: [{rule}]}}")).rows == (1, 4)


def test_a_parquet_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"X": [1, 2]}), tmp_path / "drop")
    verdict = check(tmp_path / "drop", patients())
    assert (verdict.accepted, verdict.rows, verdict.columns) == (False, 2, ("X",))


def test_a_json_field_that_comes_late_is_a_column_all_the_same(only) -> None:
    """JSON lines are read 8,192 at a time."""
    lines = "".join(f'{{"ID":{row},"AGE":50}}\n' for row in range(1, 8193))
    problem = only(lines + '{"ID":9000,"AGE":50,"TOWN":"Ulm"}\n{"ID":9001,"AGE":120}\n')
    assert (problem.rule, problem.rows) == ("maximum", (8194,))


def test_a_missing_column_is_named(only) -> None:
    problem = only("ID,TOWN\n1,Ulm\n")
    assert (problem.rule, problem.what, problem.remedy) == ("missing_column", "column AGE is missing", "add column AGE")


def test_a_renamed_column_is_recognised(verdict_on) -> None:
    missing, extra = verdict_on("ID, age,TOWN\n1,59,Ulm\n").problems
    assert (missing.remedy, extra.what) == ('rename " age" to AGE', "the contract has no column  age")


def test_a_column_named_with_its_unit_is_recognised(verdict_on) -> None:
    missing, _ = verdict_on("ID,AGE_YEARS,TOWN\n1,59,Ulm\n").problems
    assert missing.remedy == 'rename "AGE_YEARS" to AGE'


def test_a_column_that_the_contract_does_not_have_is_accepted_with_a_warning(verdict_on) -> None:
    verdict = verdict_on("ID,AGE,TOWN,SIZE\n1,59,Ulm,3\n")
    assert verdict.accepted
    assert [problem.what for problem in verdict.problems] == ["the contract has no column SIZE"]


def test_an_optional_column_that_was_dropped_is_refused(only) -> None:
    problem = only("ID,AGE\n1,59\n")
    assert (problem.severity, problem.what) == ("error", "column TOWN is missing")


def test_a_column_that_stands_twice_is_refused(only) -> None:
    assert only("ID,AGE,AGE,TOWN\n1,59,60,Ulm\n").what == "column AGE stands 2 times"


def test_rows_of_another_shape_are_counted_with_their_numbers(only) -> None:
    problem = only("ID,AGE,TOWN\n1,59,Ulm\n2,48\n\n3,72,Bonn, near Cologne\n4,60,x\n")
    assert (problem.rule, problem.rows) == ("shape", (2, 3))
    assert problem.samples == ("2 cells: 2,48", "4 cells: 3,72,Bonn, near Cologne")


def test_rows_after_one_of_another_shape_keep_their_numbers(verdict_on) -> None:
    rows = "1,x,a\n2\n3,x,a\n4\n5\n6,x,a\n"
    shape, wrong = verdict_on("ID,AGE,TOWN\n" + rows).problems
    assert (shape.rows, wrong.rows) == ((2, 4, 5), (1, 3, 6))


def test_lines_that_are_no_json_objects_are_counted_with_their_numbers(verdict_on) -> None:
    shape, wrong = verdict_on('{"ID":1,"AGE":20,"TOWN":"a"}\n[1]\n{"ID":\n{"ID":4,"AGE":"x"}\n').problems
    assert (shape.rows, wrong.rows, wrong.samples) == ((2, 3), (4,), ("x",))


# Cells


@pytest.mark.parametrize(
    ("kind", "good", "wrong"),
    [
        ("number", ["1", "-2.5", "+3", ".5", "5.", "1e-3", " 7 "], ["1,5", "1 000", "inf", "-Infinity", "x", "0x1F", "1e999", "12€"]),
        ("integer", ["1", "-2", "+3", "007", "4.0", " 5 "], ["1.5", "1e3", "99999999999999999999", "x"]),
        ("boolean", ["true", "FALSE", "1", "0", " True "], ["yes", "2", "t"]),
        ("date", ["2026-03-31", " 2024-02-29 "], ["31.03.2026", "2026-02-31", "2026-13-01", "2026-1-1"]),
        ("timestamp", ["2026-03-31T12:00:00Z", "2026-03-31 12:00", "2026-03-31T12:00:00.25+02:00"], ["12:00", "2026-03-31T25:00:00Z"]),
        ("string", ["x", "NA", " "], []),
    ],
)  # fmt: skip
def test_each_kind_takes_its_cells_and_shows_the_others(
    verdict_on, kind: str, good: list[str], wrong: list[str]
) -> None:
    assert verdict_on(*column(kind, *good)).accepted
    for cell in wrong:
        (problem,) = verdict_on(*column(kind, good[0], cell)).problems
        assert (problem.rule, problem.column, problem.rows, problem.samples) == ("type", "A", (2,), (cell,))


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "1234567890123456789"),
        ("integer", "-9223372036854775808"),
        ("integer", "00000000000000000000000042"),
        ("timestamp", "2026-03-31 12"),
        ("timestamp", "2026-03-31 12:00:00+02"),
        ("timestamp", "2026-03-31T12:00:00.1234567Z"),
        ("timestamp", "2026-03-31T12:00:00.123456789"),
    ],
)
@pytest.mark.parametrize("neighbour", ["", "NA", " "])
def test_what_a_cell_is_does_not_hang_on_its_neighbours(verdict_on, kind: str, cell: str, neighbour: str) -> None:
    assert verdict_on(*column(kind, cell, cell, neighbour)).accepted


@pytest.mark.parametrize("cell", ["0x1F", "-0x1F", "0XFF", "9223372036854775808", "-9223372036854775809"])
@pytest.mark.parametrize("neighbour", ["7", "NA", "x"])
def test_a_whole_number_is_written_in_digits_and_fits_64_bits(verdict_on, cell: str, neighbour: str) -> None:
    problem, *_ = verdict_on(*column("integer", cell, neighbour)).problems
    assert (problem.rule, problem.rows[0], problem.samples[0]) == ("type", 1, cell)


def test_a_cell_that_does_not_parse_is_told_with_row_column_and_value(only) -> None:
    problem = only(GOOD.replace("48.5", "n/a?"))
    assert problem.what == "AGE: 1 of 3 values is not a number (row 2)"
    assert problem.samples == ("n/a?",)
    assert problem.remedy.startswith("write numbers like 1234.5")


def test_a_cell_that_is_no_text_counts_as_wrong_and_never_as_a_value(tmp_path: Path) -> None:
    (tmp_path / "drop").write_bytes("A\nKöln\nUlm\n".encode("latin-1"))
    contract = contract_of("{name: A, logicalType: string, enum: [{value: Ulm}]}")
    profile = Profile.of(contract)
    (problem,) = check(tmp_path / "drop", contract, profile).problems
    column = profile.columns["A"]
    assert (problem.rule, column.wrong, column.missing, column.present) == ("type", 1, 0, 1)


def test_latin_1_cells_are_told_with_their_rows(only) -> None:
    problem = only(GOOD.replace("Bonn", "Köln").encode("latin-1"))
    assert (problem.rows, problem.samples) == ((3,), ("Köln",))
    assert "Latin-1" in problem.remedy


@pytest.mark.parametrize("cell", ["", "NaN", "NA", "null", " "])
def test_a_missing_required_value_is_told_with_its_row(only, cell: str) -> None:
    problem = only(GOOD.replace("48.5", cell))
    assert (problem.rule, problem.rows, problem.what) == ("required", (2,), "AGE: 1 of 3 values is missing (row 2)")


@pytest.mark.parametrize(
    ("cell", "rule", "told"),
    [("100", "maximum", "AGE: 1 of 3 values is above 99 (row 1)"), ("17.9", "minimum", "AGE: 1 of 3 values is below 18 (row 1)")],
)  # fmt: skip
def test_a_value_out_of_its_range_is_told(only, cell: str, rule: str, told: str) -> None:
    problem = only(GOOD.replace("59", cell))
    assert (problem.rule, problem.what, problem.samples) == (rule, told, (cell,))


@pytest.mark.parametrize("cell", ["18", "99"])
def test_the_ends_of_a_range_belong_to_it(verdict_on, cell: str) -> None:
    assert verdict_on(GOOD.replace("59", cell)).accepted


def test_repeated_keys_are_told_with_the_rows_that_repeat(only) -> None:
    problem = only("ID,AGE,TOWN\n1,59,a\n2,48,b\n1,72,c\n1,60,d\n")
    assert (problem.rule, problem.rows, problem.samples) == ("primaryKey", (3, 4), ("1", "1"))


def test_a_key_of_two_columns_is_repeated_only_as_a_whole(only) -> None:
    keys = [f"{{name: {name}, logicalType: string, primaryKey: true}}" for name in "AB"]
    problem = only("A,B\nx,1\nx,2\ny,1\nx,2\n", contract_of(*keys))
    assert (problem.column, problem.rows, problem.samples) == ("A, B", (4,), ("x, 2",))


@pytest.mark.parametrize(
    ("more", "cells", "rows"),
    [
        (", logicalTypeOptions: {minLength: 2}", ["a", "öß"], (1,)),
        (", logicalTypeOptions: {maxLength: 2}", ["öß", "abc"], (2,)),
        (', logicalTypeOptions: {pattern: "^[A-Z]{2}$"}', ["DE", "de", "DEU"], (2, 3)),
        (", enum: [{value: red}, {value: blue}]", ["red", "green", ""], (2,)),
        (", quality: [{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}]", ["a", "c", ""], (2,)),
        (", quality: [{metric: missingValues, arguments: {missingValues: [null, none]}, mustBe: 0}]", ["", "a", "none"], (1, 3)),
        (", unique: true", ["a", "b", "a", "", ""], (3,)),
    ],
)  # fmt: skip
def test_text_is_held_to_its_rules(only, more: str, cells: list[str], rows: tuple[int, ...]) -> None:
    assert only(*column("string", *cells, more=more)).rows == rows


@pytest.mark.parametrize(
    ("kind", "of", "cells", "rows"),
    [
        ("integer", "5", ["0", "-5", "7", "", "999999999999999995", "999999999999999994"], (3, 6)),
        ("number", "0.05", ["0.15", "1e9", "12345678.95", "0.151", "", "-0.35", "12345678.96"], (4, 7)),
        ("number", "0.1", ["0.3", "0.7", "0.30000001"], (3,)),
    ],
)
def test_a_number_is_held_to_be_a_multiple(only, kind: str, of: str, cells: list[str], rows: tuple[int, ...]) -> None:
    problem = only(*column(kind, *cells, more=f", logicalTypeOptions: {{multipleOf: {of}}}"))
    assert (problem.rule, problem.rows) == ("multipleOf", rows)
    assert f"are no multiple of {of}" in problem.what or f"is no multiple of {of}" in problem.what


@pytest.mark.parametrize(
    ("limit", "accepted"),
    [
        ("mustBe: 1", True),
        ("mustBe: 2", False),
        ("mustNotBe: 1", False),
        ("mustBeLessThan: 1", False),
        ("mustBeLessOrEqualTo: 1", True),
        ("mustBeGreaterThan: 0", True),
        ("mustBeGreaterOrEqualTo: 2", False),
        ("mustBeBetween: [1, 2]", True),
        ("mustNotBeBetween: [1, 2]", False),
        ("mustBeLessOrEqualTo: 25, unit: percent", True),
        ("mustBeLessThan: 25, unit: percent", False),
    ],
)
def test_a_metric_is_held_to_its_limit(verdict_on, limit: str, accepted: bool) -> None:
    """One of four values is missing."""
    text, contract = column("number", "1", "2", "", "4", more=f", quality: [{{metric: nullValues, {limit}}}]")
    assert verdict_on(text, contract).accepted is accepted


def test_a_broken_warning_does_not_refuse(verdict_on) -> None:
    text, contract = column("number", "1", "", more=", quality: [{metric: nullValues, mustBe: 0, severity: warning}]")
    verdict = verdict_on(text, contract)
    assert (verdict.accepted, verdict.summary) == (True, "2 rows accepted, 1 warning")


def test_the_row_count_is_held_to_its_limit(only) -> None:
    table = "    quality: [{metric: rowCount, mustBeGreaterThan: 3}]\n"
    problem = only("A\n1\n2\n", contract_of("{name: A, logicalType: integer}", table=table))
    assert problem.what == "the file has 2 rows, must be more than 3"


def test_prose_is_told_as_not_checked(verdict_on) -> None:
    contract = contract_of(
        "{name: A, logicalType: integer, quality: [{type: text, severity: info, description: plausible}]}"
    )
    verdict = verdict_on("A\n1\n", contract)
    assert (verdict.accepted, verdict.problems[0].what) == (True, "not checked: A: plausible")


def test_all_problems_of_a_file_are_told_at_once(verdict_on) -> None:
    verdict = verdict_on("ID,AGE,SIZE\n1,x,1\n1,100,2\n,50,3\n7\n")
    assert [(problem.rule, problem.column) for problem in verdict.problems] == [
        ("missing_column", "TOWN"),
        ("extra_column", ""),
        ("shape", ""),
        ("type", "AGE"),
        ("required", "ID"),
        ("maximum", "AGE"),
        ("primaryKey", "ID"),
    ]


def test_many_wrong_rows_are_counted_and_the_first_ten_named(only) -> None:
    problem = only("ID,AGE,TOWN\n" + "".join(f"{row},x{row},\n" for row in range(1, 51)))
    assert (problem.count, problem.rows, problem.samples) == (50, tuple(range(1, 11)), ("x1", "x2", "x3", "x4", "x5"))


def test_long_and_odd_values_are_shortened_and_escaped(only) -> None:
    problem = only(GOOD.replace("59", '"x\n\x1b[31m' + "y" * 100 + '"'))
    assert problem.samples == ("x\\n\\x1b[31m" + "y" * 48 + "…",)


def test_rows_far_into_a_large_file_keep_their_numbers(only) -> None:
    """Batches of a CSV are 4 MiB: this file has several."""
    rows = [f"{row},50,{'t' * 200}\n" for row in range(1, 100_001)]
    rows[99_998] = "99999,120,t\n"
    problem = only("ID,AGE,TOWN\n" + "".join(rows))
    assert (problem.rule, problem.rows) == ("maximum", (99_999,))


# Stored form and reading


def test_a_verdict_survives_being_stored(verdict_on) -> None:
    verdict = verdict_on(GOOD.replace("59", "x"))
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_an_accepted_file_is_read_with_the_contracts_types(tmp_path: Path) -> None:
    contract = contract_of(
        "{name: N, logicalType: number}", "{name: I, logicalType: integer}", "{name: B, logicalType: boolean}",
        "{name: D, logicalType: date}", "{name: T, logicalType: timestamp}", "{name: S, logicalType: string}",
    )  # fmt: skip
    (tmp_path / "drop").write_text("S,T,D,B,I,N\nNA,2026-03-31T12:00:00+02:00,2026-03-31,true,4.0,NaN\n")
    moment = datetime(2026, 3, 31, 10, tzinfo=UTC)
    assert read_table(tmp_path / "drop", contract).to_pylist() == [
        {"N": None, "I": 4, "B": True, "D": date(2026, 3, 31), "T": moment, "S": "NA"}
    ]


def test_a_file_that_does_not_fit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "drop").write_text(GOOD.replace("59", "x"))
    with pytest.raises(Permanent, match="AGE holds values that are no number"):
        read_table(tmp_path / "drop", patients())


cells = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.sampled_from(["", "NaN", "inf", "1,5", "x", "-", "1e5", " 3 ", "0x1F"]),
    st.text("0123456789.+-eE ", max_size=8),
)


def as_number(cell: str) -> float | None:
    """What a cell means by the contract: a finite number, None for a missing one, ValueError for another text."""
    if cell.strip() in ("", "NaN"):
        return None
    number = float(cell)
    if not math.isfinite(number) or "_" in cell:
        raise ValueError(cell)
    return number


@given(st.lists(cells, min_size=1, max_size=8))
@example(["1,5", "0E0000", "0E1000", "1E-99999", "1E99999"])
def test_numbers_are_read_as_python_reads_them(tmp_path_factory: pytest.TempPathFactory, found: Sequence[str]) -> None:
    file = tmp_path_factory.mktemp("cells") / "drop"
    text, contract = column("number", *found)
    file.write_text(text)
    wrong = [row for row, cell in enumerate(found, start=1) if not is_number(cell)]
    verdict = check(file, contract)
    assert [list(problem.rows) for problem in verdict.problems] == ([wrong] if wrong else [])
    if not wrong:
        assert read_table(file, contract)["A"].to_pylist() == [as_number(cell) for cell in found]


def is_number(cell: str) -> bool:
    try:
        as_number(cell)
    except ValueError:
        return False
    return True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # that handler's own
def test_a_row_of_another_shape_in_latin_1_is_told(only) -> None:
    """pyarrow's handler of such rows never hears of them."""
    problem = only("ID,AGE,TOWN\n1,59,Ulm\n2,Köln\n".encode("latin-1"))
    assert (problem.rule, problem.what) == ("encoding", "row 2 is not UTF-8, and of another shape than the header")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # that handler's own
@given(st.binary(max_size=300))
def test_no_bytes_make_the_check_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "drop"
    file.write_bytes(b"ID,AGE,TOWN\n" + content)
    stored: Mapping[str, object] = check(file, patients()).to_dict()
    assert json.dumps(stored)
