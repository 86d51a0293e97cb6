"""Rules in SQL: conditions on rows, measures of a column, queries over the whole file, and what they cannot reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.rules import Contract, Measured, Outside, Query, Where
from shared.data.verdict import Problem, Verdict
from shared.errors import SpecRefused

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: orders\n    properties:\n"
COLUMNS = """\
      - {name: PAID, logicalType: number}
      - {name: DUE, logicalType: number}
      - {name: SENT, logicalType: date}
"""
ORDERS = "PAID,DUE,SENT\n10,10,2026-01-01\n12,10,2026-01-02\n,10,2026-01-03\n30,20,2026-01-04\n"


def contract_of(query: str, limit: str = "mustBe: 0", more: str = "") -> Contract:
    return parse_contract(f'{HEAD}{COLUMNS}    quality:\n      - {{type: sql, query: "{query}", {limit}{more}}}\n')


@pytest.fixture
def verdict_on(tmp_path: Path):
    def verdict(contract: Contract, content: str = ORDERS) -> Verdict:
        file = tmp_path / "orders.csv"
        file.write_text(content)
        return check(file, contract)

    return verdict


@pytest.fixture
def only(verdict_on):
    def problem(contract: Contract, content: str = ORDERS) -> Problem:
        (found,) = verdict_on(contract, content).problems
        return found

    return problem


def test_a_condition_across_columns_picks_rows_with_their_numbers_and_values(only) -> None:
    problem = only(contract_of("SELECT count(*) FROM {object} WHERE PAID > DUE"))
    assert (problem.rule, problem.column, problem.count, problem.rows) == ("sql", "PAID, DUE", 2, (2, 4))
    assert problem.samples == ("PAID=12, DUE=10", "PAID=30, DUE=20")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object} WHERE PAID NOT BETWEEN 11 AND 12",
        "SELECT count(*) FROM {object} WHERE PAID NOT BETWEEN 11 AND 12 AND true",
    ],
)
def test_a_range_in_sql_is_the_same_with_duckdb_and_without(only, query: str) -> None:
    problem = only(contract_of(query))
    assert (problem.column, problem.count, problem.rows) == ("PAID", 2, (1, 4))


def test_a_rule_is_called_by_its_name(only) -> None:
    named = contract_of("SELECT count(*) FROM {object} WHERE PAID > DUE", more=", name: nobody pays too much")
    assert only(named).what == "nobody pays too much: 2 of 4 rows where PAID > DUE (rows 2, 4)"


def test_a_condition_counts_rows_over_many_batches(only) -> None:
    """Blocks of CSV are 8 MiB; each row below is 20 bytes."""
    rows = "".join(f"{number % 2000},1000,2026-01-01\n" for number in range(600_000))
    problem = only(contract_of("SELECT count(*) FROM {object} WHERE PAID > DUE"), "PAID,DUE,SENT\n" + rows)
    assert (problem.count, problem.rows[0]) == (300 * 999, 1002)


def test_a_share_of_rows_may_meet_a_condition(verdict_on) -> None:
    condition = "SELECT count(*) FROM {object} WHERE PAID > DUE"
    assert verdict_on(contract_of(condition, "mustBeLessOrEqualTo: 50", ", unit: percent")).accepted
    assert not verdict_on(contract_of(condition, "mustBeLessThan: 50", ", unit: percent")).accepted


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("SELECT avg(PAID) FROM {object}", "17.3333"),
        ("SELECT sum(DUE) FROM orders", "50"),
        ("SELECT min(PAID) FROM ${table}", "10"),
        ("SELECT max(PAID) - min(PAID) FROM {object}", "20"),
        ("SELECT median(PAID) FROM {object}", "12"),
        ("SELECT count(*) FROM {object} WHERE PAID > (SELECT avg(PAID) FROM {object})", "1"),
        ("SELECT sum(PAID) > sum(DUE) FROM {object}", "1"),
        ("SELECT date_diff('day', min(SENT), max(SENT)) FROM {object}", "3"),
    ],
)
def test_a_query_gives_a_number(only, query: str, number: str) -> None:
    assert f"is {number}, must be exactly -1" in only(contract_of(query, "mustBe: -1")).what


def test_a_query_within_its_limit_is_no_problem(verdict_on) -> None:
    assert verdict_on(contract_of("SELECT median(PAID) FROM {object}", "mustBeBetween: [10, 20]")).accepted
    assert verdict_on(contract_of("SELECT sum(PAID) > sum(DUE) FROM {object}", "mustBe: true")).accepted


def test_a_number_of_no_values_does_not_hold(only) -> None:
    empty = "PAID,DUE,SENT\n,1,\n"
    assert "PAID: avg is there for no row" in only(contract_of("SELECT avg(PAID) FROM {object}"), empty).what


def test_a_query_that_fails_on_a_files_values_refuses_it_and_says_why(only) -> None:
    problem = only(contract_of("SELECT sum(CAST(PAID AS TINYINT)) FROM {object}"), "PAID,DUE,SENT\n1000,1,\n")
    assert "cannot be asked of this file (Conversion Error" in problem.what


def test_a_condition_that_fails_on_a_files_values_is_named(only) -> None:
    query = "SELECT count(*) FROM {object} WHERE CAST(PAID AS TINYINT) > 5"
    problem = only(contract_of(query, "mustBe: 0"), "PAID,DUE,SENT\n1000,1,\n")
    assert problem.what.startswith(
        "rows where CAST(PAID AS TINYINT) > 5 cannot be asked of this file (Conversion Error"
    )
    assert "TRY_CAST" in problem.remedy


def test_a_property_rule_knows_its_column(only) -> None:
    rule = '{type: sql, query: "SELECT count(*) FROM {object} WHERE {property} < 0", mustBe: 0}'
    text = f'{HEAD}      - {{name: "the sum", logicalType: number, quality: [{rule}]}}\n'
    assert only(parse_contract(text), "the sum\n1\n-1\n").rows == (2,)


def test_a_measure_is_of_its_own_column_whatever_the_table_is_called(only) -> None:
    """The table's name is a column's too, and comes first."""
    rule = '{type: sql, query: "SELECT avg({property}) FROM {object}", mustBe: 0}'
    text = f"{HEAD}      - {{name: orders, logicalType: number}}\n      - {{name: A, logicalType: number, quality: [{rule}]}}\n"
    assert only(parse_contract(text), "orders,A\n1,7\n").what == "A: avg is 7, must be exactly 0"


def test_of_a_personal_column_no_number_is_told(only) -> None:
    rule = '{type: sql, query: "SELECT max({property}) FROM {object}", mustBe: 0}'
    text = f"{HEAD}      - {{name: PAY, logicalType: number, tags: [personal], quality: [{rule}]}}\n"
    assert "4711" not in str(only(parse_contract(text), "PAY\n4711\n"))


def test_a_warning_does_not_refuse(verdict_on) -> None:
    verdict = verdict_on(contract_of("SELECT avg(PAID) FROM {object}", more=", severity: warning"))
    assert (verdict.accepted, len(verdict.problems)) == (True, 1)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT count(*) FROM {object} WHERE PAID > 1", Where),
        ("SELECT count(*) FROM {object} WHERE PAID > 1 GROUP BY DUE", Query),
        ("SELECT count(*) FROM {object} WHERE PAID > (SELECT 1)", Query),
        ("SELECT count(*) FROM {object} WHERE PAID NOT BETWEEN 1 AND 2.5", Outside),
        ("SELECT count(*) FROM {object} WHERE NOT PAID BETWEEN 1 AND 2.5", Where),
        ("SELECT avg(PAID) FROM {object}", Measured),
        ("SELECT avg(PAID) FROM {object} WHERE PAID > 1", Query),
        ("SELECT max(SENT) > DATE '2026-01-01' FROM {object}", Query),
    ],
)
def test_what_can_be_asked_batch_by_batch_is_and_the_rest_is_not(query: str, kind: type) -> None:
    assert isinstance(contract_of(query).rules[0].test, kind)


def test_a_query_that_does_not_end_is_refused_when_it_is_read() -> None:
    with pytest.raises(SpecRefused, match="INTERRUPT"):
        contract_of("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM read_text('/etc/passwd')",
        "SELECT count(*) FROM '/etc/passwd'",
        "SELECT count(*) FROM read_csv('http://127.0.0.1/x.csv')",
        "COPY orders TO 'out.csv'",
        "ATTACH 'other.db'",
        "SET threads = 8",
        "SELECT count(*) FROM sql",
        "SELECT random()",
        "SELECT CURRENT_DATE > DATE '2026-01-01'",
    ],
)
def test_nothing_leads_out_of_a_query(query: str) -> None:
    with pytest.raises(SpecRefused, match="query"):
        contract_of(query)
