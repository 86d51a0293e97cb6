"""What a change of a contract breaks, and for whom."""

from __future__ import annotations

import pytest

from shared.data.contract import parse_contract
from shared.data.diff import Change, Difference, difference

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: {version}\nschema:\n  - name: rows\n    properties:\n"
B = "{name: B, logicalType: string}"


def between(old: str | list[str], new: str | list[str], versions: tuple[str, str] = ("1.0.0", "1.0.0")) -> Difference:
    """The difference of two contracts, each with these properties and B."""

    def contract(items: str | list[str], version: str):
        listed = [B, *([items] if isinstance(items, str) else items)]
        return parse_contract(HEAD.format(version=version) + "".join(f"      - {item}\n" for item in listed))

    return difference(contract(old, versions[0]), contract(new, versions[1]))


def number(options: str = "", more: str = "") -> str:
    return f"{{name: A, logicalType: number, logicalTypeOptions: {{{options}}}{more}}}"


def quality(rule: str, kind: str = "number") -> str:
    return f"{{name: A, logicalType: {kind}, quality: [{{{rule}}}]}}"


def values(*allowed: str, limit: str = "mustBe: 0") -> str:
    return quality(f"metric: invalidValues, arguments: {{validValues: [{', '.join(allowed)}]}}, {limit}", "string")


def nulls(limit: str) -> str:
    return quality(f"metric: nullValues, {limit}")


MEAN = 'type: sql, query: "SELECT avg({{property}}) FROM {{object}}", mustBeBetween: [{}, {}]'


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        (number("minimum: 1"), number("minimum: 2"), ("producers",)),
        (number("minimum: 1"), number("minimum: 0"), ()),
        (number("minimum: 1"), number("exclusiveMinimum: 1"), ("producers",)),
        (number("exclusiveMinimum: 1"), number("minimum: 1"), ()),
        (number("maximum: 9"), number("maximum: 8"), ("producers",)),
        (number("multipleOf: 10"), number("multipleOf: 5"), ()),
        (number("multipleOf: 5"), number("multipleOf: 10"), ("producers",)),
        (number(), number("maximum: 9"), ("producers",)),
        (number("maximum: 9"), number(), ()),
        (number(), number(more=", required: true"), ("producers",)),
        (number(more=", required: true"), number(), ()),
        (number(), number(more=", unique: true"), ("producers",)),
        (values("x", "y"), values("x"), ("producers",)),
        (values("x"), values("x", "y"), ()),
        (values("x"), values("x", limit="mustBeLessThan: 5, unit: percent"), ()),
        (values("x", limit="mustBeLessThan: 5, unit: percent"), values("x"), ("producers",)),
        (nulls("mustBeLessThan: 5"), nulls("mustBeLessThan: 4"), ("producers",)),
        (nulls("mustBeLessThan: 5"), nulls("mustBeLessOrEqualTo: 5"), ()),
        (nulls("mustBeLessThan: 5"), nulls("mustBeLessThan: 9, unit: percent"), ("producers",)),
        (quality(MEAN.format(1, 2)), quality(MEAN.format(0, 3)), ()),
        (quality(MEAN.format(1, 2)), quality(MEAN.format(1.5, 3)), ("producers",)),
        (number(), number(more=", quality: [{metric: nullValues, mustBe: 0, severity: warning}]"), ()),
        (nulls("mustBe: 0, severity: warning"), nulls("mustBe: 0"), ("producers",)),
        ("{name: A, logicalType: integer}", "{name: A, logicalType: number}", ()),
        ("{name: A, logicalType: number}", "{name: A, logicalType: integer}", ("producers", "model")),
        ("{name: A, logicalType: date}", "{name: A, logicalType: timestamp}", ()),
        ("{name: A, logicalType: number}", "{name: A, logicalType: string}", ("model",)),
        ([number()], [], ("model",)),
        ([], [number()], ("producers",)),
        (number(), "{name: a_, logicalType: number}", ("producers", "model")),
    ],
)  # fmt: skip
def test_a_change_breaks(old: str | list[str], new: str | list[str], breaks: tuple[str, ...]) -> None:
    changes = between(old, new).changes
    assert changes
    assert {who for change in changes for who in change.breaks} == {*breaks}


def table(more: str) -> str:
    """A contract with A, B and the column of times T, and what else is said."""
    items = f"      - {number()}\n      - {B}\n      - {{name: T, logicalType: timestamp}}\n"
    return HEAD.format(version="1.0.0") + items + more


def sla(value: str, severity: str = "error", name: str = "freshness") -> str:
    more = f"customProperties: [{{property: severity, value: {severity}}}]"
    return f"slaProperties: [{{property: {name}, value: {value}, element: rows.T, {more}}}]\n"


def of_table(rule: str) -> str:
    return f"    quality: [{{{rule}}}]\n"


def own(name: str, value: object) -> str:
    return f"    customProperties: [{{property: {name}, value: {value}}}]\n"


def key(*to: str) -> str:
    return f"    relationships: [{{from: [rows.A, rows.B], to: [{', '.join(to)}]}}]\n"


WHERE = 'type: sql, query: "SELECT count(*) FROM {{object}} WHERE {}", mustBe: 0'
TOTAL = 'type: sql, query: "SELECT count(DISTINCT B) FROM {{object}}", {}'


def where(condition: str) -> str:
    return of_table(WHERE.format(condition))


def total(limit: str) -> str:
    return of_table(TOTAL.format(limit))


@pytest.mark.parametrize(
    ("old", "new", "breaks", "says"),
    [
        ("", sla("2, unit: d"), ("producers",), "T new rule: freshness: the newest value within 2 d"),
        (
            sla("2, unit: d"),
            sla("1, unit: d"),
            ("producers",),
            "T narrower: freshness: the newest value within 1 d, was freshness: the newest value within 2 d",
        ),
        (
            sla("2, unit: d"),
            sla("3, unit: d"),
            (),
            "T wider: freshness: the newest value within 3 d, was freshness: the newest value within 2 d",
        ),
        (
            sla("2, unit: d"),
            sla("48, unit: h"),
            (),
            "T in other words: freshness: the newest value within 48 h, was freshness: the newest value within 2 d",
        ),
        (sla("2, unit: d"), "", (), "T no longer: freshness: the newest value within 2 d"),
        (
            sla("2, unit: d"),
            sla("1, unit: d", "warning"),
            (),
            "T warns: freshness: the newest value within 1 d, as a warning, was freshness: the newest value within 2 d",
        ),
        (
            sla("2, unit: d", "warning"),
            sla("9, unit: d"),
            ("producers",),
            "T narrower: freshness: the newest value within 9 d, was freshness: the newest value within 2 d, as a warning",
        ),
        (
            sla("5, unit: y", name="retention"),
            sla("4, unit: y", name="retention"),
            ("producers",),
            "T narrower: retention: the oldest value within 4 y, was retention: the oldest value within 5 y",
        ),
        (
            "",
            "slaProperties: [{property: latency, value: 4, customProperties: [{property: severity, value: info}]}]\n",
            (),
            " told, not checked: service level latency",
        ),
        (
            of_table("type: text, severity: info, description: Spelt right."),
            "",
            (),
            " no longer told: rows: Spelt right.",
        ),
        (
            of_table("metric: rowCount, mustBeGreaterThan: 5"),
            of_table("metric: rowCount, mustBeGreaterThan: 6"),
            ("producers",),
            " narrower: rows: more than 6, was rows: more than 5",
        ),
        (
            of_table("metric: rowCount, mustBeGreaterThan: 5"),
            of_table("metric: rowCount, mustBeGreaterThan: 4"),
            (),
            " wider: rows: more than 4, was rows: more than 5",
        ),
        (
            "",
            of_table("metric: duplicateValues, arguments: {properties: [A, B]}, mustBe: 0"),
            ("producers",),
            "A, B new rule: none there in an earlier row already",
        ),
        ("", key("x.A", "x.B"), ("producers",), "A, B new rule: none not among x.(A, B)"),
        (
            key("x.A", "x.B"),
            key("y.A", "y.B"),
            ("producers",),
            "A, B narrower: none not among y.(A, B), was none not among x.(A, B)",
        ),
        (key("x.A", "x.B"), "", (), "A, B no longer: none not among x.(A, B)"),
        ("", where("A > 3 AND B = 'x'"), ("producers",), "A, B new rule: none where A > 3 AND B = 'x'"),
        (where("A > 3 AND B = 'x'"), "", (), "A, B no longer: none where A > 3 AND B = 'x'"),
        (total("mustBeLessThan: 9"), total("mustBeLessThan: 8"), ("producers",), None),
        (total("mustBeLessThan: 9"), total("mustBeLessThan: 10"), (), None),
        (own("lastLine", "ended"), "", (), " no longer: a file ends with a line end"),
        ("", own("lastLine", "ended"), ("producers",), " new rule: a file ends with a line end"),
        ("", own("acceptance", "rows"), (), " whole files must be right, now 95 % of the rows"),
        (own("acceptance", "rows"), "", ("producers",), " 95 % of the rows must be right, now whole files"),
        (
            "",
            own("encoding", "windows-1252"),
            ("producers",),
            " text is read another way (encoding, delimiter or quote)",
        ),
    ],
)
def test_each_kind_of_rule_is_told_as_breaking_or_compatible(
    old: str, new: str, breaks: tuple[str, ...], says: str | None
) -> None:
    (change,) = difference(parse_contract(table(old)), parse_contract(table(new))).changes
    assert change.breaks == breaks
    assert says is None or f"{change.column} {change.what}" == says


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ("pattern: '^x'", "pattern: '^xy'", ("producers",)),
        ("pattern: '^x'", "", ()),
        ("maxLength: 5", "maxLength: 4", ("producers",)),
        ("minLength: 2", "minLength: 1", ()),
    ],
)
def test_rules_on_text_are_told_too(old: str, new: str, breaks: tuple[str, ...]) -> None:
    text = "{{name: A, logicalType: string, logicalTypeOptions: {{{}}}}}"
    (change,) = between(text.format(old), text.format(new)).changes
    assert change.breaks == breaks


def test_a_column_that_becomes_personal_breaks_nobody_and_is_told() -> None:
    secret = "{name: A, logicalType: number, classification: restricted}"
    (hidden,), (shown,) = (between(*pair).changes for pair in ((number(), secret), (secret, number())))
    assert (hidden.breaks, shown.breaks) == ((), ())
    assert hidden.what.startswith("becomes personal")
    assert shown.what.startswith("is no longer personal")


def test_no_change_is_none() -> None:
    assert between(number("minimum: 1", ", required: true"), number("minimum: 1", ", required: true")).changes == ()


def test_a_changed_rule_says_what_it_was() -> None:
    assert between(number("maximum: 9"), number("maximum: 8")).changes == (
        Change("A", "narrower: none above 8, was none above 9", ("producers",)),
    )


def test_a_renamed_column_is_suggested() -> None:
    gone, come = between("{name: weight, logicalType: number}", "{name: Weight_kg, logicalType: number}").changes
    assert (gone.column, gone.what, come.column) == ("weight", "renamed to Weight_kg?", "Weight_kg")


@pytest.mark.parametrize(
    ("versions", "is_breaking", "advice"),
    [
        (("1.2.0", "1.3.0"), True, "a breaking change asks for version 2.0.0, not 1.3.0"),
        (("1.2.0", "2.0.0"), True, ""),
        (("1.2.0", "1.2.0"), False, "a change asks for a higher version than 1.2.0"),
        (("1.2.0", "1.2.1"), False, ""),
        (("spring", "1.2.0"), True, ""),
    ],
)
def test_the_version_should_say_what_the_change_does(versions: tuple[str, str], is_breaking: bool, advice: str) -> None:
    narrow, wide = number("maximum: 1"), number("maximum: 2")
    found = between(wide, narrow, versions) if is_breaking else between(narrow, wide, versions)
    assert (found.is_breaking, found.advice) == (is_breaking, advice)


def test_allowed_values_are_told_as_what_is_allowed() -> None:
    listed = ("{value: a}", "{value: a}, {value: b}")
    old, new = (f"{{name: A, logicalType: string, enum: [{each}]}}" for each in listed)
    (change,) = between(old, new).changes
    assert (change.column, change.what) == ("A", "wider: only a, b, was only a")
