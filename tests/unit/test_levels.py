"""Service levels: how old the rows of a file may be, counted to a moment that is given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.rules import Contract
from shared.data.verdict import Verdict
from shared.errors import SpecRefused

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nschema:\n  - name: orders\n    properties:\n"
COLUMNS = "      - {name: SENT, logicalType: timestamp}\n      - {name: DAY, logicalType: date}\n      - {name: N, logicalType: number}\n"
ROWS = "SENT,DAY,N\n2026-03-01T12:00:00Z,2026-03-01,1\n2026-03-10T12:00:00Z,2026-03-10,1\n"


def contract_of(level: str) -> Contract:
    return parse_contract(f"{HEAD}{COLUMNS}slaProperties:\n  - {{{level}}}\n")


@pytest.fixture
def verdict_at(tmp_path: Path):
    def verdict(level: str, at: str, content: str = ROWS) -> Verdict:
        (tmp_path / "orders.csv").write_text(content)
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None
        return check(tmp_path / "orders.csv", contract_of(level), at=moment)

    return verdict


@pytest.mark.parametrize(
    ("level", "at", "accepted"),
    [
        ("property: freshness, value: 4, unit: h, element: orders.SENT", "2026-03-10T16:00:00", True),
        ("property: freshness, value: 4, unit: h, element: orders.SENT", "2026-03-10T16:00:01", False),
        ("property: freshness, value: 1, unit: d, element: DAY", "2026-03-11T23:59:59", True),
        ("property: freshness, value: 1, unit: d, element: DAY", "2026-03-12T00:00:01", False),
        ("property: retention, value: 2, unit: w, element: orders.SENT", "2026-03-15T12:00:00", True),
        ("property: retention, value: 2, unit: w, element: orders.SENT", "2026-03-15T12:00:01", False),
    ],
)
def test_rows_may_be_as_old_as_the_contract_says(verdict_at, level: str, at: str, accepted: bool) -> None:
    assert verdict_at(level, at).accepted == accepted


def test_rows_that_are_too_old_are_told_with_both_times(verdict_at) -> None:
    (problem,) = verdict_at("property: freshness, value: 1, unit: d, element: SENT", "2026-03-20T00:00:00").problems
    assert (problem.rule, problem.what) == (
        "freshness",
        "SENT: the newest value is 2026-03-10T12:00:00+00:00, must be within 1 d of 2026-03-20T00:00:00+00:00",
    )


def test_a_level_may_warn_alone(verdict_at) -> None:
    warns = "customProperties: [{property: severity, value: warning}]"
    verdict = verdict_at(f"property: freshness, value: 1, unit: d, element: SENT, {warns}", "2026-03-20T00:00:00")
    assert (verdict.accepted, len(verdict.problems)) == (True, 1)


def test_a_column_without_times_is_not_fresh(verdict_at) -> None:
    verdict = verdict_at(
        "property: freshness, value: 9, unit: y, element: SENT", "2026-03-20T00:00:00", "SENT,DAY,N\n,,1\n"
    )
    assert [problem.rule for problem in verdict.problems] == ["freshness"]


def test_without_a_moment_a_level_is_told_as_not_checked(verdict_at) -> None:
    verdict = verdict_at("property: freshness, value: 1, unit: d, element: SENT", "")
    assert (verdict.accepted, [problem.rule for problem in verdict.problems]) == (True, ["not_checked"])


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("property: freshness, value: soon, unit: d, element: SENT", "freshness.value: found 'soon'"),
        ("property: freshness, value: 1, element: SENT", "freshness.unit: found None"),
        ("property: freshness, value: 1, unit: d", "freshness.element: found ''"),
        ("property: freshness, value: 1, unit: d, element: N", "freshness.element: found 'N'"),
        ("property: retention, value: 1, valueExt: 2, unit: d, element: SENT", "retention.valueExt: found 2"),
    ],
)
def test_a_level_that_cannot_be_checked_is_refused_by_name(level: str, told: str) -> None:
    with pytest.raises(SpecRefused) as refused:
        contract_of(level)
    assert told in refused.value.what
