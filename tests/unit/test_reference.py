"""The profile of the training rows that drift is measured against, and that of what is scored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shared.data.comparing import compare
from shared.data.contract import parse_contract
from shared.data.profile import Profile
from shared.data.scored import profile_of_rows
from shared.runs.reference import ReferenceUnreadable, read_reference, reference
from tests.unit.test_check import HEAD

COLUMNS = (
    ("ID", "integer", ""),
    ("Y", "number", ""),
    ("AGE", "number", ""),
    ("CITY", "string", ""),
    ("NAME", "string", ", classification: personal"),
    ("SMOKES", "boolean", ""),
    ("SEEN", "date", ""),
)
CONTRACT = parse_contract(
    HEAD + "".join(f"      - {{name: {name}, logicalType: {kind}{more}}}\n" for name, kind, more in COLUMNS)
)


def table(rows: int = 300, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "ID": np.arange(rows),
            "Y": random.normal(size=rows),
            "AGE": pa.array(random.normal(50, 10, rows), mask=random.random(rows) < 0.1),
            "CITY": random.choice(["Bern", "Basel"], rows),
            "NAME": [f"person {number}" for number in range(rows)],
            "SMOKES": random.random(rows) < 0.3,
            "SEEN": pa.array([None] * rows, pa.date32()),
        }
    )


def stored(rows: pa.Table) -> Any:
    return json.loads(json.dumps(reference(rows, CONTRACT, without={"ID", "Y"}), allow_nan=False))


def asked(rows: pa.Table) -> list[dict[str, object]]:
    return [{name: row[name] for name in ("AGE", "CITY", "NAME", "SMOKES")} for row in rows.to_pylist()]


def drifted(rows: list[dict[str, object]]) -> set[tuple[str, str]]:
    before = read_reference(stored(table()))
    changes = compare(before, profile_of_rows(rows, before))
    return {(change.column, change.test) for change in changes if change.drifted}


def test_it_has_every_column_that_a_model_may_be_asked_with() -> None:
    found = read_reference(stored(table()))
    assert list(found.columns) == ["AGE", "CITY", "NAME", "SMOKES"]
    assert (found.rows, found.columns["CITY"].present) == (300, 300)


def test_it_holds_no_value_of_a_personal_column() -> None:
    assert "person 7" not in json.dumps(stored(table()))


def test_the_same_rows_asked_for_have_not_drifted() -> None:
    assert drifted(asked(table(seed=1))) == set()


def test_numbers_words_and_gaps_are_compared_as_files_are() -> None:
    moved = [{**row, "AGE": 90.0, "CITY": "Genf", "SMOKES": None} for row in asked(table(seed=2))]
    assert drifted(moved) >= {("AGE", "values"), ("CITY", "unseen"), ("SMOKES", "missing")}


def test_a_column_that_is_no_longer_sent_has_drifted() -> None:
    rows = [{"CITY": row["CITY"], "NAME": "n", "SMOKES": row["SMOKES"]} for row in asked(table(seed=3))]
    assert drifted(rows) == {("AGE", "missing")}


@pytest.mark.parametrize("value", [None, "59", True, float("nan"), float("inf"), 10**400, [1]])
def test_what_is_no_number_is_missing(value: object) -> None:
    like = Profile.from_dict(stored(table())["profile"])
    found = profile_of_rows([{"AGE": value}, {"AGE": 59}], like).columns["AGE"]
    assert (found.present, found.missing, found.wrong) == (1, 1, 0)


@pytest.mark.parametrize(
    "document", [{}, {"v": 1, "rows": 3, "features": {}}, {"v": 2}, {"v": 2, "profile": {"v": 9}}, []]
)
def test_a_reference_that_is_something_else_is_refused_with_what_to_do(document: Any) -> None:
    with pytest.raises(ReferenceUnreadable, match="Next: baton retrain"):
        read_reference(document)


def test_a_look_at_few_unchanged_rows_raises_hardly_any_alarm() -> None:
    """At a true 1 % the chance of more than 7 in 200 is below 0.1 %."""
    before = read_reference(stored(table()))
    alarms = 0
    for seed in range(200):
        rows = asked(table(50, seed=1000 + seed))
        alarms += any(change.drifted for change in compare(before, profile_of_rows(rows, before)))
    assert alarms <= 7
