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
