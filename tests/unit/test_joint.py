"""Joint drift: what no column shows by itself is told apart, and what is the same hardly ever."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from shared.data.comparing import compare
from shared.data.contract import parse_contract
from shared.data.scored import profile_of_rows
from shared.runs.joint import LEAST_ROWS, NotTold, joint_drift
from shared.runs.reference import read_reference, reference
from tests.unit.test_check import HEAD

CONTRACT = parse_contract(
    HEAD
    + "".join(
        f"      - {{name: {name}, logicalType: {kind}{more}}}\n"
        for name, kind, more in (
            ("ID", "integer", ""),
            ("A", "number", ""),
            ("B", "number", ""),
            ("CITY", "string", ""),
            ("NAME", "string", ", classification: personal"),
        )
    )
)


def table(seed: int, *, correlation: float = 0.9, rows: int = 600) -> pa.Table:
    draw = np.random.default_rng(seed)
    a, noise = draw.normal(size=(2, rows))
    return pa.table(
        {
            "ID": np.arange(rows) + 10_000 * seed,
            "A": a,
            "B": correlation * a + np.sqrt(1 - correlation**2) * noise,
            "CITY": pa.array(draw.choice(["Bern", "Basel"], rows), mask=draw.random(rows) < 0.1),
            "NAME": [f"person {number}" for number in range(rows)],
        }
    )


def test_a_correlation_that_turned_is_told_where_no_column_moved() -> None:
    before, now = table(1), table(2, correlation=-0.9)
    known = read_reference(reference(before, CONTRACT, without={"ID"}))
    alone = compare(known, profile_of_rows(now.to_pylist(), known))
    assert not any(change.drifted for change in alone)

    found = joint_drift(before, now, CONTRACT, without={"ID"})
    assert found.drifted
    assert found.auc > 0.9
    assert found.columns == ("A", "B", "CITY")


def test_the_same_rows_and_seed_give_the_same_answer_and_no_drift() -> None:
    first, again = (joint_drift(table(1), table(2), CONTRACT, without={"ID"}) for _ in range(2))
    assert first == again
    assert not first.drifted
    assert first.lower < first.auc < first.upper


def test_the_limit_depends_on_the_rows() -> None:
    few = joint_drift(table(1, rows=150), table(2, rows=150), CONTRACT, without={"ID"})
    # 0.5 + 2.3263 sqrt((n + m + 1) / (12 n m)) sqrt(2.25): the rank sum's 99 % point, with Nadeau and Bengio's factor for 5 folds
    assert few.limit == pytest.approx(0.5 + 2.3263 * 1.5 * (301 / (12 * 150 * 150)) ** 0.5, abs=1e-4)
    assert joint_drift(table(1), table(2), CONTRACT, without={"ID"}).limit == 0.57


def test_too_few_rows_or_no_column_are_told() -> None:
    with pytest.raises(NotTold, match=f"each side needs {LEAST_ROWS}"):
        joint_drift(table(1, rows=99), table(2), CONTRACT, without={"ID"})
    with pytest.raises(NotTold, match="no column can be told apart"):
        joint_drift(table(1), table(2), CONTRACT, without={"ID", "A", "B", "CITY"})
