"""Every entry of the standard's classes: it changes what a contract demands, is refused by name, or is listed as descriptive.

An entry that a new version of the library brings is in neither list, and fails here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
import yaml
from open_data_contract_standard import model
from pydantic import BaseModel

from shared.data.contract import parse_contract
from shared.data.rules import Contract
from shared.errors import SpecRefused
from tests.documents import ROOT

BASE: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "servers": [{"server": "lake"}],
    "slaDefaultElement": "rows.DAY",
    "slaProperties": [
        {"property": "freshness", "value": 2, "unit": "d", "element": "rows.DAY"},
        {"property": "retention", "value": 2, "unit": "y"},
    ],
    "schema": [
        {
            "name": "rows",
            "customProperties": [{"property": "acceptance", "value": "rows"}],
            "quality": [{"type": "sql", "query": "SELECT count(*) FROM {object} WHERE T = 'b'", "mustBe": 0}],
            "properties": [
                {"name": "A", "logicalType": "integer", "quality": [{"metric": "nullValues", "mustBeLessThan": 5}]},
                {"name": "DAY", "logicalType": "date"},
                {"name": "SENT", "logicalType": "date"},
                {
                    "name": "T",
                    "logicalType": "string",
                    "enum": [{"value": "a"}],
                    "relationships": [{"to": "towns.NAME"}],
                },
            ],
        }
    ],
}
TABLE = ("schema", 0)
CALLED: Mapping[str, type[BaseModel]] = {
    "contract": model.OpenDataContractStandard, "table": model.SchemaObject, "property": model.SchemaProperty,
    "quality rule": model.DataQuality, "service level": model.ServiceLevelAgreementProperty,
    "relationship": model.Relationship, "enum value": model.EnumValue, "custom property": model.CustomProperty,
    "server": model.Server,
}  # fmt: skip
PLACES: Mapping[str, tuple[str | int, ...]] = {
    "contract": (), "table": TABLE, "property": (*TABLE, "properties", 0), "quality rule": (*TABLE, "properties", 0, "quality", 0),
    "service level": ("slaProperties", 0), "relationship": (*TABLE, "properties", 3, "relationships", 0),
    "enum value": (*TABLE, "properties", 3, "enum", 0), "custom property": (*TABLE, "customProperties", 0), "server": ("servers", 0),
}  # fmt: skip
DEMANDS: Mapping[str, Mapping[str, Any]] = {
    "contract": {
        "version": "2.0.0", "kind": "Data", "apiVersion": "v2.2.2", "schema": [], "slaProperties": [], "slaDefaultElement": "rows.SENT",
        "servers": [{"encoding": "iso-8859-1"}], "customProperties": [{"property": "acceptance", "value": "rows"}],
    },
    "table": {
        "name": "lines", "physicalName": "lines", "logicalType": "array", "properties": [], "quality": [],
        "customProperties": [], "relationships": [{"from": ["rows.T"], "to": ["towns.NAME"]}],
    },
    "property": {
        "name": "B", "physicalName": "B", "logicalType": "number", "logicalTypeOptions": {"minimum": 1}, "required": True,
        "unique": True, "primaryKey": True, "primaryKeyPosition": 1, "semanticType": "measure", "classification": "restricted",
        "tags": ["pii"], "customProperties": [{"property": "personal", "value": True}], "enum": [{"value": 1}],
        "relationships": [{"to": "towns.ID"}], "quality": [], "properties": [], "items": {"logicalType": "string"}, "map": {},
    },
    "quality rule": {
        "type": "custom", "unit": "percent", "severity": "warning", "metric": "duplicateValues", "rule": "duplicateValues",
        "arguments": {"properties": ["T"]}, "mustBe": 0, "mustNotBe": 0, "mustBeGreaterThan": 0, "mustBeGreaterOrEqualTo": 0,
        "mustBeLessThan": 9, "mustBeLessOrEqualTo": 9, "mustBeBetween": [1, 2], "mustNotBeBetween": [1, 2], "query": "SELECT 1",
        "engine": "soda", "implementation": "x", "customProperties": [{"property": "threshold", "value": 1}],
    },
    "service level": {
        "property": "latency", "value": 3, "valueExt": 4, "unit": "h", "element": "rows.A",
        "customProperties": [{"property": "severity", "value": "warning"}],
    },
    "relationship": {"type": "kin", "from": "rows.A", "to": "towns.OTHER"},
    "enum value": {"value": "b"},
    "custom property": {"property": "note", "value": "file"},
    "server": {"encoding": "iso-8859-1", "delimiter": "array"},
}  # fmt: skip
ANY: Mapping[type, Any] = {str: "words", bool: True, int: 7, list: ["words"]}


def described() -> Mapping[str, set[str]]:
    """What the page lists for each element."""
    section = (ROOT / "docs/contracts.md").read_text().split("## What only describes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| (`.*) \|$", section, re.MULTILINE)
    return {element: {*re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", listed))} for element, listed in rows}


def entries(element: str) -> set[str]:
    return {field.alias or name for name, field in CALLED[element].model_fields.items()}


def with_entry(element: str, entry: str, value: Any) -> str:
    document = copy.deepcopy(BASE)
    found: Any = document
    for step in PLACES[element]:
        found = found[step]
    found[entry] = value
    return yaml.safe_dump(document)


def read(text: str) -> Contract | str:
    """The contract, or what it was refused for."""
    try:
        return parse_contract(text)
    except SpecRefused as refused:
        return refused.what


def classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from classes_in(inner)


def some_value(annotation: Any) -> Any:
    """A value that the entry takes: of a class its first entry, of a list one element."""
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            name, field = next(iter(kind.model_fields.items()))
            return {field.alias or name: some_value(field.annotation)}
        if get_args(kind):
            return [some_value(get_args(kind)[0])]
    return next((value for kind, value in ANY.items() if kind in kinds), "words")


@pytest.mark.parametrize("element", CALLED)
def test_each_entry_either_demands_something_or_is_listed_as_descriptive(element: str) -> None:
    assert {*DEMANDS[element]} | described()[element] == entries(element)
    assert not {*DEMANDS[element]} & described()[element]


def test_every_class_behind_an_entry_that_demands_something_is_looked_at() -> None:
    behind = {
        inner
        for element in CALLED
        for name, field in CALLED[element].model_fields.items()
        if (field.alias or name) in DEMANDS[element]
        for inner in classes_in(field.annotation)
    }
    assert behind - {*CALLED.values()} == {model.MapDefinition}, (
        "of a map nothing is read: a property that has one is refused"
    )


@pytest.mark.parametrize(("element", "entry"), [(element, entry) for element in DEMANDS for entry in DEMANDS[element]])
def test_an_entry_that_demands_something_changes_the_contract_or_is_refused_by_name(element: str, entry: str) -> None:
    found = read(with_entry(element, entry, DEMANDS[element][entry]))
    if isinstance(found, str):
        assert entry in found or "operators" in found
    else:
        assert found != read(yaml.safe_dump(BASE))


@pytest.mark.parametrize("element", CALLED)
def test_an_entry_that_only_describes_changes_nothing(element: str) -> None:
    base = parse_contract(yaml.safe_dump(BASE))
    aliases = {field.alias or name: field.annotation for name, field in CALLED[element].model_fields.items()}
    for entry in sorted(described()[element]):
        assert parse_contract(with_entry(element, entry, some_value(aliases[entry]))) == base, entry
