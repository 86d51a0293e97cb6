"""What `gates` in model.yaml says of columns, held against the folder's contract when it is published.

Only then: a folder that was published before one of these was asked keeps its rules, and its gates hold what they cannot judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.data.rules import Contract
from shared.gating.metric_facts import PER_UNIT, RANKED
from shared.spec import Gates, Spec

TIMES = ("date", "timestamp")


def column_faults(spec: Spec, contract: Contract, shown: str) -> list[str]:
    """Units and slices that no holdout row could be asked for, and guards that cannot be compared by the unit."""
    told = [*_unit_faults(spec, contract), *_slice_faults(spec, contract), *_guard_faults(spec.gates)]
    return [f"{shown}/model.yaml: {entry}: found {found}; right would be {right}." for entry, found, right in told]


def _unit_faults(spec: Spec, contract: Contract) -> Iterator[tuple[str, str, str]]:
    unit, kinds = spec.gates.compare.unit, {column.name: column.kind for column in contract.columns}
    if unit and unit == spec.data.target:
        yield "gates.compare.unit", unit, "another column than the target, which is what is predicted"
    if unit in kinds and spec.gates.compare.block_days and kinds[unit] not in TIMES:
        yield "gates.compare.unit", f"{unit}, a {kinds[unit]}", "a date or timestamp, which block_days cuts into blocks"


def _slice_faults(spec: Spec, contract: Contract) -> Iterator[tuple[str, str, str]]:
    """The target is no column of the rows that are sliced: it is what models are asked for."""
    from shared.data.sql import NotSql, understood

    if spec.data.target in spec.gates.slices.columns:
        yield "gates.slices.columns", spec.data.target, "other columns than the target, which slices know nothing of"
    kinds = {column.name: column.kind for column in contract.columns if column.name != spec.data.target}
    for condition in spec.gates.slices.where:
        try:
            understood(f"SELECT count(*) FROM holdout WHERE {condition}", "holdout", kinds)  # noqa: S608
        except NotSql as error:
            what = "a condition on the contract's columns without the target"
            yield "gates.slices.where", condition, f"{what} ({error})"


def _guard_faults(gates: Gates) -> Iterator[tuple[str, str, str]]:
    for name in gates.guards:
        if name in PER_UNIT and not gates.compare.unit:
            yield "gates.guards", name, f"gates.compare.unit beside it, the column whose rows {name} ranks, like USER"
        if name == "macro_recall" and not gates.compare.classes:
            yield "gates.guards", name, "gates.compare.classes beside it, the values of the target"
        if name in RANKED and gates.compare.unit:
            right = f"left out where gates.compare.unit is set: {name} compares independent rows"
            yield "gates.guards", name, right
