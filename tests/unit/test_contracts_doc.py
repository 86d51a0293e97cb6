"""docs/contracts.md: each example loads, or is refused where it says so."""

from __future__ import annotations

import re

import pytest
import yaml

from shared.data.contract import parse_contract
from shared.data.rules import PLAIN
from shared.errors import SpecRefused
from tests.documents import ROOT

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0"}
KINDS = {"ID": "integer", "TOWN": "string", "PAID": "number", "DUE": "number", "SENT": "timestamp"}
EXAMPLES = re.findall(
    r"^```yaml( refused)?\n(.*?)^```", (ROOT / "docs/contracts.md").read_text(), re.MULTILINE | re.DOTALL
)


def contract_with(example: str) -> str:
    """A contract of the columns above with an example in its place: properties, entries of the table, or of the top."""
    found = yaml.safe_load(example)
    properties = [{"name": name, "logicalType": kind} for name, kind in KINDS.items()]
    if isinstance(found, list):
        taken = {item["name"] for item in found}
        table = {"properties": [item for item in properties if item["name"] not in taken] + found}
        return yaml.safe_dump({**HEAD, "schema": [{"name": "rows", **table}]})
    top = {name: value for name, value in found.items() if name == "slaProperties"}
    table = {name: value for name, value in found.items() if name not in top}
    return yaml.safe_dump({**HEAD, **top, "schema": [{"name": "rows", "properties": properties, **table}]})


@pytest.mark.parametrize("example", [text for refused, text in EXAMPLES if not refused])
def test_an_example_makes_a_contract(example: str) -> None:
    contract = parse_contract(contract_with(example))
    told = (contract.rules, contract.levels, contract.ends_lines, contract.floor_percent, contract.dialect != PLAIN)
    assert any(told)


@pytest.mark.parametrize("example", [text for refused, text in EXAMPLES if refused])
def test_an_example_of_what_cannot_be_checked_is_refused(example: str) -> None:
    with pytest.raises(SpecRefused):
        parse_contract(contract_with(example))


def test_there_are_examples_of_both() -> None:
    assert {bool(refused) for refused, _ in EXAMPLES} == {True, False}
    assert len(EXAMPLES) >= 10
