"""JSON lines become cells of text, each as JSON writes its value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.data.rows import open_rows

COLUMNS: dict[str, list[Any]] = {
    "whole numbers": [0, -1, 10**40],
    "fractions": [0.1, 1e-7, 1e22],
    "what is no number": [float("nan"), float("inf"), -0.0],
    "both": [1, 0.5, 10**400],
    "truths": [True, False, True],
    "numbers and nothing": [1.5, None, 2],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_cell_is_what_json_writes_and_a_text_is_itself(name: str, tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_text("".join(json.dumps({"A": value}) + "\n" for value in COLUMNS[name]))
    (batch,) = open_rows(file, ["A"]).batches
    wanted = [value if value is None or isinstance(value, str) else json.dumps(value) for value in COLUMNS[name]]
    assert batch.column("A").to_pylist() == wanted


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ({"a": 1}, "A holds an object or a list"),
        ([], "A holds an object or a list"),
        ("\ud800", "A holds half a character"),
    ],
)
def test_a_line_with_a_value_that_is_no_cell_is_left_out_and_told(tmp_path: Path, cell: object, told: str) -> None:
    file = tmp_path / "drop"
    file.write_text("".join(json.dumps({"A": value, "B": [1]}) + "\n" for value in ("x", cell, "[{", "\U0001f600")))
    rows = open_rows(file, ["A"])
    assert [batch.column("A").to_pylist() for batch in rows.batches] == [["x", "[{", "\U0001f600"]]
    assert rows.skipped.numbers == [2]
    assert rows.skipped.samples[0].startswith(f"{told}: ")
