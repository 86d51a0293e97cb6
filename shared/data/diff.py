"""What a change of a contract breaks: files that were accepted and would be refused, and models that lose a column.

A rule of the new contract breaks nobody if a rule of the old one demands as much; what cannot be shown to be as wide as
before counts as narrower. Rules that only warn break nobody.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.data.implied import implied
from shared.data.rules import Column, Contract, Kind, Level, Rule
from shared.data.shown import shown
from shared.data.telling import demand

Affected = Literal["producers", "model"]
WIDER: Mapping[Kind, tuple[Kind, ...]] = {"integer": ("number",), "date": ("timestamp",)}
ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `breaks` says for whom; nobody if it is empty."""

    column: str
    what: str
    breaks: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes from one contract to another, and whether its version says so."""

    changes: tuple[Change, ...]
    old_version: str
    new_version: str

    @property
    def is_breaking(self) -> bool:
        """Whether somebody must do something."""
        return any(change.breaks for change in self.changes)

    @property
    def advice(self) -> str:
        """What the new version should be, where it says less than the change does; empty if all is well."""
        old, new = _numbers(self.old_version), _numbers(self.new_version)
        if not self.changes or not old or not new:
            return ""
        if self.is_breaking and new[0] <= old[0]:
            return f"a breaking change asks for version {old[0] + 1}.0.0, not {self.new_version}"
        return f"a change asks for a higher version than {self.old_version}" if new <= old else ""


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def difference(old: Contract, new: Contract) -> Difference:
    """The changes, columns first."""
    promised = (*_levels(old, new), *_told(old, new))
    changes = (*_columns(old, new), *_rules(old, new), *promised, *_ending(old, new), *_taking(old, new))
    return Difference(changes, old.version, new.version)


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({column.name: column for column in contract.columns} for contract in (old, new))
    gone, come = [name for name in before if name not in after], [name for name in after if name not in before]
    for name in gone:
        near = difflib.get_close_matches(name.casefold(), [other.casefold() for other in come], 1, ALIKE)
        renamed = next((other for other in come if near and other.casefold() == near[0]), "")
        what = f"renamed to {renamed}?" if renamed else "dropped: files may still bring it, and nobody reads it"
        yield Change(name, what, ("producers", "model") if renamed else ("model",))
    for name in come:
        yield Change(name, f"new, {after[name].kind}: files without it are refused", ("producers",))
    for name in before:
        if name in after:
            yield from _kind(before[name], after[name])
            yield from _personal(before[name], after[name])


def _kind(before: Column, after: Column) -> Iterator[Change]:
    if before.kind == after.kind:
        return
    what = f"{before.kind} becomes {after.kind}"
    if after.kind in WIDER.get(before.kind, ()):
        yield Change(before.name, what)
    else:
        yield Change(before.name, what, ("model",) if after.kind == "string" else ("producers", "model"))


def _personal(before: Column, after: Column) -> Iterator[Change]:
    """Whether reports and profiles show values: of a personal column a profile has none, so that its drift is not seen."""
    if after.personal and not before.personal:
        yield Change(
            before.name, "becomes personal: reports and profiles show no value, drift of its values is not looked for"
        )
    if before.personal and not after.personal:
        yield Change(before.name, "is no longer personal: reports and profiles show its values")


def _rules(old: Contract, new: Contract) -> Iterator[Change]:
    shared = {*old.names} & {*new.names}
    before = [rule for rule in old.rules if shared.issuperset(rule.columns)]
    after = [rule for rule in new.rules if shared.issuperset(rule.columns)]
    for rule in after:
        if rule not in before:
            yield _rule(rule, before)
    for rule in before:
        if not any(implied(rule, by=other) for other in after):
            if not any(_same_subject(rule, other) for other in after):
                yield Change(", ".join(rule.columns), f"no longer: {demand(rule)}")


def _rule(rule: Rule, before: list[Rule]) -> Change:
    """What a rule that was not there does: it widens, or replaces one, or is new."""
    names = ", ".join(rule.columns)
    earlier = next((other for other in before if _same_subject(rule, other)), None)
    was = f", was {demand(earlier)}" if earlier else ""
    if rule.severity == "warning":
        return Change(names, f"warns: {demand(rule)}{was}")
    if any(implied(rule, by=other) for other in before if other.severity == "error"):
        return Change(names, f"wider: {demand(rule)}{was}")
    return Change(names, f"{'narrower' if earlier else 'new rule'}: {demand(rule)}{was}", ("producers",))


def _same_subject(rule: Rule, other: Rule) -> bool:
    return (rule.name, rule.columns, type(rule.test)) == (other.name, other.columns, type(other.test))


def _levels(old: Contract, new: Contract) -> Iterator[Change]:
    """Service levels: an age that is allowed no longer refuses files that were accepted; the model reads the same rows."""
    before, after = ({(level.name, level.column): level for level in one.levels} for one in (old, new))
    for of, level in after.items():
        earlier = before.get(of)
        if level == earlier:
            continue
        was = f", was {_age(earlier)}" if earlier else ""
        if level.severity == "warning":
            yield Change(level.column, f"warns: {_age(level)}{was}")
        elif earlier is not None and earlier.severity == "error" and level.age >= earlier.age:
            yield Change(
                level.column, f"{'wider' if level.age > earlier.age else 'in other words'}: {_age(level)}{was}"
            )
        else:
            yield Change(level.column, f"{'narrower' if earlier else 'new rule'}: {_age(level)}{was}", ("producers",))
    for of, level in before.items():
        if of not in after:
            yield Change(level.column, f"no longer: {_age(level)}")


def _age(level: Level) -> str:
    end = "newest" if level.name == "freshness" else "oldest"
    warns = ", as a warning" if level.severity == "warning" else ""
    return f"{level.name}: the {end} value within {level.says}{warns}"


def _told(old: Contract, new: Contract) -> Iterator[Change]:
    """What nobody checks refuses no file: rules in prose, and service levels that no file shows."""
    for text in new.not_checked:
        if text not in old.not_checked:
            yield Change("", f"told, not checked: {shown(text, 120)}")
    for text in old.not_checked:
        if text not in new.not_checked:
            yield Change("", f"no longer told: {shown(text, 120)}")


def _ending(old: Contract, new: Contract) -> Iterator[Change]:
    if new.ends_lines and not old.ends_lines:
        yield Change("", "new rule: a file ends with a line end", ("producers",))
    if old.ends_lines and not new.ends_lines:
        yield Change("", "no longer: a file ends with a line end")


def _taking(old: Contract, new: Contract) -> Iterator[Change]:
    """How many rows must be right, and how text is read."""
    before, after = (100.0 if one.floor_percent is None else one.floor_percent for one in (old, new))
    if old.floor_percent != new.floor_percent:
        words = (
            "whole files" if one.floor_percent is None else f"{one.floor_percent:g} % of the rows" for one in (old, new)
        )
        what = "{} must be right, now {}".format(*words)
        yield Change("", what, ("producers",) if after > before or new.floor_percent is None else ())
    if old.dialect != new.dialect:
        yield Change("", "text is read another way (encoding, delimiter or quote)", ("producers",))
