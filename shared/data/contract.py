"""Reads contract.yaml, in the Open Data Contract Standard v3, into rules.

The standard's own model classes (package open-data-contract-standard) read it, so a contract written elsewhere works.
What a contract uses and Baton cannot check is a fault at load, never ignored; rules in prose and service levels that say
themselves that they only inform are listed as not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty, Server
from pydantic import BaseModel, ValidationError

from shared.data.faults import Faults
from shared.data.foreign import LINK, foreign_keys
from shared.data.levels import levels_of
from shared.data.options import enum_rule, option_rules
from shared.data.own_properties import own_properties
from shared.data.personal import is_personal
from shared.data.quality import prose_rules, quality_rules
from shared.data.rules import Column, Contract, Foreign, Kind, Missing, Repeated, Rule
from shared.data.uncheckable import refuse_in_contract, refuse_in_property, refuse_in_table
from shared.errors import SpecRefused

YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KINDS: tuple[Kind, ...] = get_args(Kind)


def read_contract(file: Path) -> Contract:
    """The contract in a file; `SpecRefused` lists everything in it that is wrong or cannot be checked."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecRefused(
            f"{file.name} is not text in UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}.",
            next=f"save {file.name} as UTF-8, then try again",
        ) from error
    return parse_contract(text, file=file.name)


def parse_contract(text: str, *, file: str = "contract.yaml") -> Contract:
    """The contract in a text; `file` is named in the faults that `SpecRefused` lists."""
    faults = Faults(file)
    standard = _document(text, faults)
    contract = _contract(standard, faults) if standard else None
    if contract is None or faults.found:
        listed = "\n".join(faults.found)
        raise SpecRefused(
            f"{file} is no contract that can be checked:\n{listed}\n", next=f"mend {file}, then try again"
        )
    return contract


def _document(text: str, faults: Faults) -> OpenDataContractStandard | None:
    try:
        found = yaml.load(text, YAML)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        faults.add("YAML", " ".join(str(error).split()), "text that a YAML reader takes")
        return None
    if not isinstance(found, dict):
        faults.add("document", "it is no mapping", "apiVersion: v3.1.0, kind: DataContract and so on")
        return None
    try:
        standard = OpenDataContractStandard.model_validate({str(name): value for name, value in found.items()})
    except ValidationError as error:
        for fault in error.errors():
            faults.add(".".join(map(str, fault["loc"])), f"found {fault['input']!r:.60}", f"this: {fault['msg']}")
        return None
    _check_known(standard, found, "", faults)
    return standard


def _check_known(model: object, raw: object, where: str, faults: Faults) -> None:
    """The standard's classes drop entries that they do not know, so a typing error would switch a rule off."""
    if isinstance(model, list) and isinstance(raw, list):
        for number, (each, raw_each) in enumerate(zip(model, raw, strict=True)):
            name = raw_each.get("name") if isinstance(raw_each, dict) else None
            _check_known(each, raw_each, f"{where}.{name or number}", faults)
    if isinstance(model, BaseModel) and isinstance(raw, Mapping):
        fields = {field.alias or name: name for name, field in type(model).model_fields.items()}
        for name, value in raw.items():
            if name not in fields:
                faults.unknown(where, str(name), fields)
            else:
                _check_known(getattr(model, fields[name]), value, f"{where}.{name}".lstrip("."), faults)


def _contract(standard: OpenDataContractStandard, faults: Faults) -> Contract | None:
    if not (standard.apiVersion or "").startswith("v3."):
        faults.add("apiVersion", f"found {standard.apiVersion!r}", "v3.1.0")
    if standard.kind != "DataContract":
        faults.add("kind", f"found {standard.kind!r}", "DataContract")
    schemas = standard.schema_ or []
    if len(schemas) != 1 or not schemas[0].properties:
        faults.add("schema", f"it describes {len(schemas)} tables", "one table with properties: a file is one table")
        return None
    refuse_in_contract(standard, faults)
    found = _table(schemas[0], standard.servers or [], faults)
    kinds = {column.name: column.kind for column in found.columns}
    levels, others = levels_of(standard.slaProperties, kinds, faults, default=standard.slaDefaultElement or "")
    not_checked = (*found.not_checked, *others)
    return replace(found, version=standard.version or "", levels=tuple(levels), not_checked=not_checked)


def _table(table: SchemaObject, servers: list[Server], faults: Faults) -> Contract:
    properties = table.properties or []
    columns = tuple(column for item in properties if (column := _column(item, faults)))
    kinds = {column.name: column.kind for column in columns}
    if len(kinds) < len(columns):
        faults.add("schema", "two properties describe the same column", "one property a column")
    where = f"schema.{table.name or 0}"
    called = table.physicalName or table.name or "rows"
    rules = [rule for item in properties if _name(item) in kinds for rule in _column_rules(item, kinds, faults, called)]
    rules += foreign_keys(table, columns, where, faults)
    whole = quality_rules(table.quality, where, (), kinds, faults, table=called)
    prose = prose_rules(table.quality, table.name or "schema")
    prose += [text for item in properties for text in prose_rules(item.quality, _name(item))]
    own = own_properties(table, where, faults)
    refuse_in_table(table, where, servers, own.dialect, faults)
    return Contract(
        columns,
        (*rules, *_key_rules(properties), *whole),
        tuple(prose),
        ends_lines=own.ends_lines,
        floor_percent=own.floor_percent,
        dialect=own.dialect,
    )


def _name(item: SchemaProperty) -> str:
    """The column's name in the file."""
    return item.physicalName or item.name or ""


def _column(item: SchemaProperty, faults: Faults) -> Column | None:
    name = _name(item)
    if not name:
        faults.add("schema.properties", "a property has no name", "a name each")
        return None
    refuse_in_property(item, name, faults)
    for kind in KINDS:
        if item.logicalType == kind:
            return Column(name, kind, is_personal(item, name, faults))
    faults.add(f"{name}.logicalType", f"found {item.logicalType!r}", f"one of {', '.join(KINDS)}")
    return None


def _column_rules(item: SchemaProperty, kinds: Mapping[str, Kind], faults: Faults, table: str) -> Iterator[Rule]:
    name = _name(item)
    if item.required or item.primaryKey:
        yield Rule("required", (name,), Missing())
    yield from option_rules(name, kinds[name], item.logicalTypeOptions or {}, faults)
    yield from enum_rule(name, kinds[name], item.enum or [], faults)
    if item.unique:
        yield Rule("unique", (name,), Repeated())
    yield from _foreign(item, name, faults)
    yield from quality_rules(item.quality, name, (name,), kinds, faults, table=table)


def _foreign(item: SchemaProperty, name: str, faults: Faults) -> Iterator[Rule]:
    for link in item.relationships or []:
        found = LINK.fullmatch(link.to) if isinstance(link.to, str) else None
        if not found or link.from_ or link.type not in (None, "foreignKey"):
            of = f" from {link.from_!r}" if link.from_ else ""
            right = "to: MODEL.COLUMN of another model's data, and no other type than foreignKey; several columns: at the table"
            faults.add(f"{name}.relationships", f"found {link.type or 'foreignKey'}{of} to {link.to!r}", right)
        else:
            yield Rule("relationship", (name,), Foreign(found[1], (found[2],)))


def _key_rules(properties: list[SchemaProperty]) -> list[Rule]:
    keys = sorted((item for item in properties if item.primaryKey), key=lambda item: item.primaryKeyPosition or 0)
    return [Rule("primaryKey", tuple(map(_name, keys)), Repeated())] if keys else []
