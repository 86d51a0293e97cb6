"""Personal columns: what a contract may say to mark them, and that no value of theirs comes out of a check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.junit import to_junit
from shared.data.report import to_html, to_json
from shared.data.rules import Contract
from shared.errors import SpecRefused

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"


def contract_of(more: str) -> Contract:
    name = f"      - {{name: NAME, logicalType: string, logicalTypeOptions: {{maxLength: 3}}{more}}}\n"
    return parse_contract(f"{HEAD}      - {{name: ID, logicalType: integer, primaryKey: true}}\n{name}")


@pytest.mark.parametrize(
    "more",
    [
        ", classification: restricted",
        ", classification: Confidential",
        ", tags: [customer, PII]",
        ", tags: [personal]",
        ", customProperties: [{property: personal, value: true}]",
        ", classification: public, customProperties: [{property: personal, value: true}]",
        ", customProperties: [{property: Personal, value: true}]",
        ", classification: public, customProperties: [{property: pii, value: true}]",
        ", customProperties: [{property: PII, value: {detected: true}}]",
    ],
)
def test_a_column_is_personal_by_classification_tag_or_property(more: str) -> None:
    assert contract_of(more).personal == {"NAME"}


@pytest.mark.parametrize(
    "more",
    [
        "",
        ", classification: public",
        ", classification: internal",
        ", tags: [customer]",
        ", classification: restricted, customProperties: [{property: personal, value: false}]",
        ", customProperties: [{property: pii, value: false}]",
        ", customProperties: [{property: pii}]",
        ", customProperties: [{property: pii, value: true}, {property: personal, value: false}]",
    ],
)
def test_a_column_is_not_personal_without_a_mark_or_where_the_property_says_so(more: str) -> None:
    assert contract_of(more).personal == set()


def test_a_property_that_is_neither_true_nor_false_is_a_fault() -> None:
    with pytest.raises(SpecRefused, match="NAME.customProperties.personal: found 'yes'"):
        contract_of(", customProperties: [{property: personal, value: 'yes'}]")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("ID,NAME\n1,Lovelace\n", id="a value too long"),
        pytest.param("ID,NAME\n1,Ada,Lovelace\n", id="a row of another shape"),
        pytest.param("ID,NAME\n1,Lovelac\u00e9\n", id="in Latin-1"),
        pytest.param("Lovelace,1\nByron,2\n", id="no header"),
        pytest.param('{"ID":1,"NAME":"Lovelace"}\n{"ID":2,"NAME":"Lovelace"\n', id="JSON cut off"),
        pytest.param("ID;NAME\n1;Lovelace;\n", id="semicolons"),
    ],
)
def test_no_value_of_a_personal_column_comes_out_of_a_check(tmp_path: Path, content: str) -> None:
    (tmp_path / "drop").write_bytes(content.encode("latin-1"))
    contract = contract_of(", classification: restricted")
    verdict = check(tmp_path / "drop", contract)
    told = [json.dumps(verdict.to_dict()), verdict.summary, to_json(verdict), to_html(verdict, title="x")]
    told.append(to_junit(verdict, contract, name="x"))
    assert not verdict.accepted
    assert [text for text in told if "Lovelac" in text or "Byron" in text] == []


def test_the_form_of_a_personal_value_is_shown_and_marked(tmp_path: Path) -> None:
    (tmp_path / "drop").write_text("ID,NAME\n1,ada@example.org\n")
    (problem,) = check(tmp_path / "drop", contract_of(", tags: [pii]")).problems
    assert (problem.samples, problem.masked) == (("x@x.x",), True)


def test_columns_beside_a_personal_one_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "drop").write_text("ID,NAME\n7,Ada\n7,Bob\n")
    (problem,) = check(tmp_path / "drop", contract_of(", tags: [pii]")).problems
    assert (problem.rule, problem.samples, problem.masked) == ("primaryKey", ("7",), False)
