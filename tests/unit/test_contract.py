"""Contracts in the Open Data Contract Standard: read into rules, or refused with everything that cannot be checked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.data.contract import parse_contract, read_contract
from shared.data.rules import (
    AnyRow,
    Beyond,
    Column,
    Contract,
    Length,
    Limit,
    Missing,
    NoMultiple,
    NotIn,
    Repeated,
    Rule,
    Unlike,
)
from shared.errors import SpecRefused

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\n"
QUALITY = "{{name: A, logicalType: {kind}, quality: [{rule}]}}"


def contract_of(*properties: str, quality: str = "", more: str = "") -> Contract:
    """The contract of one table with these properties (flow mappings)."""
    lines = "".join(f"      - {item}\n" for item in properties)
    table = f"schema:\n  - name: rows\n    properties:\n{lines}" + (f"    quality: [{quality}]\n" if quality else "")
    return parse_contract(HEAD + table + more)


def rules_of(kind: str, options: str) -> tuple[Rule, ...]:
    return contract_of(f"{{name: A, logicalType: {kind}, logicalTypeOptions: {{{options}}}}}").rules


def quality_of(rule: str, kind: str = "number") -> Rule:
    return contract_of(QUALITY.format(kind=kind, rule=rule)).rules[0]


def faults_of(*properties: str, quality: str = "", more: str = "") -> str:
    with pytest.raises(SpecRefused) as refused:
        contract_of(*properties, quality=quality, more=more)
    return refused.value.what


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "date", "timestamp"])
def test_a_column_has_the_kind_of_its_logical_type(kind: str) -> None:
    assert contract_of(f"{{name: A, logicalType: {kind}}}").columns == (Column("A", kind),)  # type: ignore[arg-type]


def test_the_physical_name_is_the_columns_name_in_the_file() -> None:
    assert contract_of("{name: age, physicalName: AGE, logicalType: number}").names == ("AGE",)


def test_required_is_the_rule_that_no_value_is_missing() -> None:
    assert contract_of("{name: A, logicalType: number, required: true}").rules == (Rule("required", ("A",), Missing()),)


def test_a_primary_key_is_required_and_unique_in_the_order_of_its_positions() -> None:
    found = contract_of(
        "{name: B, logicalType: string, primaryKey: true, primaryKeyPosition: 2}",
        "{name: A, logicalType: string, primaryKey: true, primaryKeyPosition: 1}",
    )
    assert found.rules[-1] == Rule("primaryKey", ("A", "B"), Repeated())
    assert [rule.columns for rule in found.rules if rule.name == "required"] == [("B",), ("A",)]


@pytest.mark.parametrize(
    ("kind", "options", "test"),
    [
        ("number", "minimum: 1.5", Beyond("<", 1.5)),
        ("number", "exclusiveMinimum: 0", Beyond("<=", 0)),
        ("integer", "maximum: 9", Beyond(">", 9)),
        ("integer", "exclusiveMaximum: 10", Beyond(">=", 10)),
        ("integer", "multipleOf: 5", NoMultiple(5)),
        ("number", "multipleOf: 0.05", NoMultiple(0.05)),
        ("date", "minimum: 2026-01-01", Beyond("<", date(2026, 1, 1))),
        ("timestamp", 'minimum: "2026-01-01T00:00:00Z"', Beyond("<", datetime(2026, 1, 1, tzinfo=UTC))),
        ("string", "minLength: 2", Length("<", 2)),
        ("string", "maxLength: 5", Length(">", 5)),
        ("string", 'pattern: "^a+$"', Unlike("^a+$")),
    ],
)
def test_a_type_option_is_a_rule(kind: str, options: str, test: object) -> None:
    assert rules_of(kind, options) == (Rule(options.split(":")[0], ("A",), test),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{metric: nullValues, mustBe: 0}", Rule("nullValues", ("A",), Missing())),
        (
            "{metric: missingValues, arguments: {missingValues: [null, -999]}, mustBeLessThan: 5, unit: percent}",
            Rule("missingValues", ("A",), Missing((-999,)), Limit("mustBeLessThan", (5,), percent=True)),
        ),
        (
            "{type: library, metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0, severity: warning}",
            Rule("invalidValues", ("A",), NotIn((1, 2)), severity="warning"),
        ),
        (
            "{rule: duplicateValues, mustBeBetween: [0, 3]}",
            Rule("duplicateValues", ("A",), Repeated(), Limit("mustBeBetween", (0, 3))),
        ),
    ],
)
def test_a_library_metric_is_a_rule(rule: str, expected: Rule) -> None:
    assert quality_of(rule) == expected


def test_a_table_counts_its_rows_and_its_repeated_keys() -> None:
    rows = "{metric: rowCount, mustBeGreaterThan: 10}"
    keys = "{metric: duplicateValues, arguments: {properties: [A, B]}, mustBe: 0}"
    found = contract_of("{name: A, logicalType: date}", "{name: B, logicalType: date}", quality=f"{rows}, {keys}")
    assert found.rules == (
        Rule("rowCount", (), AnyRow(), Limit("mustBeGreaterThan", (10,))),
        Rule("duplicateValues", ("A", "B"), Repeated()),
    )


def test_prose_and_service_levels_that_only_inform_are_told_as_not_checked() -> None:
    found = contract_of(
        "{name: A, logicalType: number, quality: [{type: text, severity: info, description: looks plausible}]}",
        more="slaProperties: [{property: latency, value: 4, customProperties: [{property: severity, value: info}]}]\n",
    )
    assert found.not_checked == ("A: looks plausible", "service level latency")


@pytest.mark.parametrize("severity", ["", ", severity: error", ", severity: warning"])
def test_prose_that_demands_something_is_refused_with_what_to_write_instead(severity: str) -> None:
    told = faults_of(
        f"{{name: A, logicalType: number, quality: [{{type: text, description: looks plausible{severity}}}]}}"
    )
    assert "A.quality[0].type: Baton cannot check a rule in prose; right would be a rule of type: sql" in told
    assert "severity: info if it only informs readers" in told


@pytest.mark.parametrize("level", ["latency", "availability", "endOfLife"])
def test_a_service_level_that_no_file_shows_is_refused_by_name(level: str) -> None:
    told = faults_of("{name: A, logicalType: date}", more=f"slaProperties: [{{property: {level}, value: 4}}]\n")
    assert f"slaProperties.{level}: no file shows whether it is kept; right would be freshness or retention" in told


def test_what_a_server_says_of_text_that_would_be_read_another_way_is_refused_until_the_table_says_it() -> None:
    servers = "servers: [{server: lake, encoding: iso-8859-1, delimiter: array}]\n"
    told = faults_of("{name: A, logicalType: date}", more=servers)
    assert "servers.lake.encoding: found 'iso-8859-1', which drops are not read in" in told
    assert "servers.lake.delimiter: found 'array'" in told


def test_a_word_of_a_table_that_stands_at_the_contract_is_refused() -> None:
    told = faults_of("{name: A, logicalType: date}", more="customProperties: [{property: acceptance, value: rows}]\n")
    assert "customProperties.acceptance: there it is about no table; right would be the same entry at the table" in told


@pytest.mark.parametrize(
    "options", ["logicalType: date, logicalTypeOptions: {format: yyyy-MM-dd}",
                "logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Etc/UTC}"]
)  # fmt: skip
def test_an_option_that_says_what_is_read_anyway_is_no_fault(options: str) -> None:
    assert contract_of(f"{{name: A, {options}}}").rules == ()


def test_a_metric_by_its_old_name_counts_the_rows_of_the_file() -> None:
    found = contract_of("{name: A, logicalType: date}", quality="{rule: rowCount, mustBeGreaterThan: 10}")
    assert found.rules == (Rule("rowCount", (), AnyRow(), Limit("mustBeGreaterThan", (10,))),)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("name: A, logicalType: object", "A.logicalType: found 'object'; right would be one of string, integer"),
        ("name: A", "A.logicalType: found None"),
        ("logicalType: date", "schema.properties: a property has no name"),
        ("name: A, logicalType: date, requird: true", "A.requird: there is no such entry; right would be required"),
        ("name: A, logicalType: date, required: perhaps", "required: found 'perhaps'"),
        ("name: A, logicalType: date, relationships: [{to: y}]", "A.relationships: found foreignKey to 'y'"),
        ("name: A, logicalType: date, relationships: [{to: x.y, type: kin}]", "A.relationships: found kin to 'x.y'"),
        ("name: A, logicalType: date, semanticType: measure", "A.semanticType: found 'measure': Baton cannot check it"),
        (
            "name: A, logicalType: date, properties: []",
            "A.properties: Baton cannot check it; right would be none: a cell",
        ),
        ("name: A, logicalType: date, primaryKeyPosition: 1", "A.primaryKeyPosition: found 1 of no key"),
        ("name: A, logicalType: string, enum: [{label: red}]", "A.enum[0]: it has no value"),
        ("name: A, logicalType: string, enum: [{value: null}]", "A.enum: it allows no value"),
    ],
)
def test_a_property_that_cannot_be_checked_is_refused_by_name(item: str, told: str) -> None:
    assert told in faults_of(f"{{{item}}}")


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("date", "format: dd.MM.yyyy", "A.logicalTypeOptions.format: found 'dd.MM.yyyy': Baton cannot check it"),
        (
            "string",
            "format: email",
            "A.logicalTypeOptions.format: found 'email': Baton cannot check it; right would be a pattern",
        ),
        ("timestamp", "timezone: true", "A.logicalTypeOptions.timezone: found True: Baton cannot check it"),
        ("timestamp", "defaultTimezone: Europe/Berlin", "A.logicalTypeOptions.defaultTimezone: found 'Europe/Berlin'"),
        ("number", "minimum: null", "A.logicalTypeOptions.minimum: it has no value"),
        (
            "string",
            "pattern: 12345",
            "A.logicalTypeOptions.pattern: found 12345; right would be a pattern between quotes",
        ),
        ("boolean", "minimum: 0", "A.logicalTypeOptions.minimum: there is no such entry"),
        ("number", "minimun: 1", "A.logicalTypeOptions.minimun: there is no such entry; right would be minimum"),
        ("number", "minimum: low", "A.logicalTypeOptions.minimum: found 'low'; right would be a value of"),
        ("number", "minimum: 2, maximum: 1", "minimum 2 is above maximum 1"),
        ("string", "minLength: 2, maxLength: 1", "minLength 2 is above maxLength 1"),
        ("string", "minLength: -1", "A.logicalTypeOptions.minLength: found -1"),
        ("string", 'pattern: "(?=a)"', "A.logicalTypeOptions.pattern: '(?=a)' cannot be read"),
    ],
)
def test_an_option_that_cannot_be_checked_is_refused_by_name(kind: str, options: str, told: str) -> None:
    assert told in faults_of(f"{{name: A, logicalType: {kind}, logicalTypeOptions: {{{options}}}}}")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("type: sql, query: select B from rows, mustBe: 1", 'A.quality[0].query: Binder Error: Referenced column "B"'),
        ("type: sql, query: select now() from rows, mustBe: 1", "now gives another answer each time"),
        ("type: sql, query: select 1; select 2, mustBe: 1", "A.quality[0].query: it is not one SELECT"),
        ("type: sql, query: select 'x', mustBe: 1", "A.quality[0].query: it gives string, not one number"),
        ("type: sql, mustBe: 1", "A.quality[0].query: there is none"),
        ('type: sql, query: "select {objekt}", mustBe: 1', "A.quality[0].query.{objekt}: there is no such entry"),
        ("type: sql, query: select * from read_csv('/etc/passwd'), mustBe: 1", "file system operations are disabled"),
        ("type: sql, query: select max(A) from rows, unit: percent, mustBe: 1", "A.quality[0].unit: found percent"),
        ("type: custom, engine: soda, implementation: x", "A.quality[0].type: custom rules run in another engine"),
        ("metric: freshness, mustBe: 0", "A.quality[0].metric: found 'freshness'; right would be one of nullValues"),
        ("metric: rowCount, mustBe: 0", "A.quality[0].metric: found 'rowCount'"),
        (
            "type: sql, query: select 1, metric: nullValues, mustBe: 1",
            "A.quality[0].metric: Baton cannot check it in a rule of",
        ),
        ("type: text, severity: info, mustBe: 1", "A.quality[0].mustBe: Baton cannot check it in a rule of type text"),
        (
            "metric: nullValues, rule: rowCount, mustBe: 1",
            "A.quality[0].rule: found 'rowCount' beside metric 'nullValues'",
        ),
        (
            "metric: duplicateValues, arguments: {properties: [A]}, mustBe: 0",
            "A.quality[0].arguments.properties: found A",
        ),
        ("metric: nullValues, mustBe: [0, 9]", "A.quality[0].mustBe: found [0, 9]"),
        (
            "metric: nullValues, mustBeBetween: [9, 0]",
            "A.quality[0].mustBeBetween: found [9, 0]; right would be the smaller",
        ),
        ("metric: nullValues", "A.quality[0]: it has 0 operators"),
        ("metric: nullValues, mustBe: 0, mustNotBe: 1", "A.quality[0]: it has 2 operators"),
        ("metric: nullValues, mustBe: none", "A.quality[0].mustBe: found 'none'"),
        (
            "metric: nullValues, mustBe: 0, unit: cells",
            "A.quality[0].unit: found 'cells'; right would be rows or percent",
        ),
        ("metric: nullValues, mustBe: 0, severity: fatal", "A.quality[0].severity: found 'fatal'"),
        ("metric: invalidValues, mustBe: 0", "A.quality[0].arguments: found none; right would be validValues"),
        ("metric: invalidValues, arguments: {validValues: [x]}, mustBe: 0", "validValues: found 'x'"),
        ("metric: nullValues, arguments: {min: 1}, mustBe: 0", "A.quality[0].arguments.min: there is no such entry"),
    ],
)
def test_a_quality_rule_that_cannot_be_checked_is_refused_by_name(rule: str, told: str) -> None:
    assert told in faults_of(QUALITY.format(kind="number", rule=f"{{{rule}}}"))


def test_all_faults_are_told_at_once() -> None:
    found = faults_of("{name: A, logicalType: array}", "{name: B, logicalType: map, requird: true}")
    assert [line.split(":")[1] for line in found.splitlines()[1:]] == [
        " schema.rows.properties.B.requird",
        " A.logicalType",
        " B.logicalType",
    ]


def test_an_entry_of_the_standard_that_does_not_exist_is_refused() -> None:
    assert "slaPropertis" in faults_of("{name: A, logicalType: date}", more="slaPropertis: []\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "document: it is no mapping"),
        ("a: [", "YAML:"),
        (HEAD, "schema: it describes 0 tables"),
        (HEAD.replace("v3.1.0", "v2.2.2") + "schema: []\n", "apiVersion: found 'v2.2.2'; right would be v3.1.0"),
        (HEAD.replace("DataContract", "Data") + "schema: []\n", "kind: found 'Data'; right would be DataContract"),
    ],
)
def test_what_is_no_contract_is_refused(text: str, told: str) -> None:
    with pytest.raises(SpecRefused) as refused:
        parse_contract(text)
    assert told in refused.value.what


@pytest.mark.parametrize("word", ["NO", "off", "true", "{a: 1}"])
@pytest.mark.parametrize(
    "rule", ["enum: [{value: US}, {value: %s}]", "quality: [{metric: invalidValues, arguments: {validValues: [%s]}, mustBe: 0}]"]
)  # fmt: skip
def test_a_word_that_yaml_reads_as_something_else_is_not_looked_for_by_another_name(rule: str, word: str) -> None:
    told = faults_of("{name: A, logicalType: string, " + rule % word + "}")
    assert "right would be a value of the column's logicalType, string, between quotes" in told


def test_an_enum_without_a_value_is_refused() -> None:
    assert "A.enum: it allows no value" in faults_of("{name: A, logicalType: string, enum: [{value: null}]}")


ONE_COLUMN = f"{HEAD}schema: [{{name: rows, properties: [{{name: Größe, logicalType: number}}]}}]\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_contract_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "contract.yaml").write_text(ONE_COLUMN, encoding=encoding)
    assert read_contract(tmp_path / "contract.yaml").names == ("Größe",)


@pytest.mark.parametrize(("encoding", "byte"), [("latin-1", "is 0xf6"), ("utf-16", "byte 0 is 0xff")])
def test_a_contract_that_is_not_utf_8_is_refused_with_the_byte(tmp_path: Path, encoding: str, byte: str) -> None:
    (tmp_path / "contract.yaml").write_text(ONE_COLUMN, encoding=encoding)
    with pytest.raises(SpecRefused, match=byte) as refused:
        read_contract(tmp_path / "contract.yaml")
    assert refused.value.next == "save contract.yaml as UTF-8, then try again"


def test_a_limit_that_no_whole_number_of_64_bits_reaches_is_refused() -> None:
    told = faults_of("{name: A, logicalType: integer, logicalTypeOptions: {maximum: 99999999999999999999}}")
    assert "A.logicalTypeOptions.maximum: found 99999999999999999999" in told
