"""A verdict as JUnit's XML: what a CI shows of it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.junit import to_junit

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
schema:
  - name: rows
    properties:
      - {name: ID, logicalType: integer, primaryKey: true}
      - {name: AGE, logicalType: number, logicalTypeOptions: {maximum: 99}, quality: [{type: text, severity: info, description: plausible}]}
    quality: [{metric: rowCount, mustBeGreaterThan: 5, severity: warning}]
"""


@pytest.fixture
def suite(tmp_path: Path):
    """The test suite that a CI reads of a file with this content."""

    def read(content: str) -> ElementTree.Element:
        file, contract = tmp_path / "drop", parse_contract(CONTRACT)
        file.write_text(content)
        xml = to_junit(check(file, contract), contract, name="x.csv")
        return ElementTree.fromstring(xml)[0]

    return read


def told(suite: ElementTree.Element, kind: str) -> dict[tuple[str, str], str]:
    """The test cases that hold an element of this kind, with its message or text."""
    return {
        (case.get("classname", ""), case.get("name", "")): found.get("message") or found.text or ""
        for case in suite.iter("testcase")
        for found in case.findall(kind)
    }


def counts(suite: ElementTree.Element) -> tuple[str | None, ...]:
    return tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped"))


def test_each_rule_of_the_contract_is_a_test_case(suite) -> None:
    cases = [(case.get("classname"), case.get("name")) for case in suite("ID,AGE\n1,50\n").iter("testcase")]
    assert cases == [
        ("the file", "readable"), ("the file", "extra_column"), ("the file", "rows"), ("the file", "shape"),
        ("ID", "missing_column"), ("ID", "type"), ("AGE", "missing_column"), ("AGE", "type"),
        ("ID", "required"), ("AGE", "maximum"), ("ID", "primaryKey"), ("the file", "rowCount"), ("the file", "not_checked"),
    ]  # fmt: skip


def test_a_broken_rule_is_a_failure_with_rows_values_and_remedy(suite) -> None:
    found = suite("ID,AGE\n1,50\n2,120\n")
    (failure,) = found.iter("failure")
    assert (counts(found)[:2], list(told(found, "failure"))) == (("13", "1"), [("AGE", "maximum")])
    assert failure.get("message") == "AGE: 1 of 2 values is above 99 (row 2)"
    assert failure.text is not None
    assert failure.text.splitlines()[:2] == ["rows: 2", "found: 120"]
    assert "to mend it: correct them" in failure.text


def test_a_broken_warning_is_told_in_a_case_that_passes(suite) -> None:
    found = suite("ID,AGE\n1,50\n")
    assert "warning: the file has 1 rows" in told(found, "system-out")["the file", "rowCount"]
    assert counts(found)[1] == "0"


def test_prose_is_skipped_and_says_that_a_person_must_look(suite) -> None:
    assert told(suite("ID,AGE\n1,50\n"), "skipped") == {("the file", "not_checked"): "not checked: AGE: plausible"}


def test_rules_about_a_column_that_is_missing_are_skipped(suite) -> None:
    found = suite("ID\n1\n")
    assert list(told(found, "failure")) == [("AGE", "missing_column")]
    assert [case for case in told(found, "skipped") if case[0] == "AGE"] == [("AGE", "type"), ("AGE", "maximum")]


def test_a_file_that_cannot_be_read_passes_nothing(suite) -> None:
    found = suite("")
    passed = [case.get("name") for case in found.iter("testcase") if not len(case)]
    assert (list(told(found, "failure")), passed) == ([("the file", "empty")], [])


def test_what_stood_in_the_file_cannot_break_the_xml(suite) -> None:
    failure = next(suite('ID,AGE\n1,"]]>\x01<a>&"\n').iter("failure"))
    assert failure.text is not None
    assert "found: ]]>\\x01<a>&" in failure.text


def test_names_of_control_characters_leave_xml_that_a_ci_can_read(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT.replace("name: ID", 'name: "I\\x01D"'))
    (tmp_path / "drop").write_text("I\x01D,AGE\n1,\x02\uffff\n")
    xml = to_junit(check(tmp_path / "drop", contract), contract, name="x\x03.csv")
    suite = ElementTree.fromstring(xml)[0]
    assert (suite.get("name"), suite.find("testcase/failure") is not None) == ("x\\x03.csv", True)
    assert "I\\x01D" in {case.get("classname") for case in suite.iter("testcase")}
