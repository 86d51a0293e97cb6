"""Rows drawn from files: each with the same chance, and the very rows that stand at the places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.data.sampling import drawn_places, rows_at
from tests.unit.test_check import contract_of

CONTRACT = contract_of("{name: A, logicalType: integer}", "{name: T, logicalType: string}")


def test_every_row_of_all_files_is_as_likely() -> None:
    draw = np.random.default_rng(5)
    counts = np.zeros(40, int)
    for _ in range(2_000):
        first, second = drawn_places([30, 10], 8, draw)
        counts[first] += 1
        counts[30 + second] += 1
    # 2,000 draws of 8 of 40 rows: 400 each, binomial deviation 17.9; beyond 4 of them once in 16,000 times
    assert counts.sum() == 16_000
    assert abs(counts - 400).max() < 4 * 17.9


def test_drawing_from_a_thousand_million_rows_needs_no_memory_for_them() -> None:
    (places,) = drawn_places([10**9], 2_000, np.random.default_rng(0))
    assert (len(places), len(set(places.tolist()))) == (2_000, 2_000)
    assert np.all(np.diff(places) > 0)


@pytest.mark.parametrize("places", [[], [0], [3, 4, 9_999], list(range(0, 10_000, 7))])
def test_the_rows_at_places_are_those_of_the_file(tmp_path: Path, places: list[int]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("A,T\n" + "".join(f"{row},{'x' * 600}{row}\n" for row in range(10_000)))  # more than one batch
    found = rows_at(file, CONTRACT, np.array(places, np.int64))
    assert found["A"].to_pylist() == places
    assert [text[600:] for text in found["T"].to_pylist()] == list(map(str, places))
