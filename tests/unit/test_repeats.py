"""Which holdout rows repeat a training row, and which of them are copies of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shared.runs.repeats import Repeats, repeats

DRAW = np.random.default_rng(5)


def fine(rows: int, columns: int = 4) -> pa.Table:
    """Measurements: no value stands twice."""
    return pa.table({f"X{number}": DRAW.permutation(rows * 10)[:rows] / 7 for number in range(columns)})


def both(train: pa.Table, holdout: pa.Table) -> Repeats:
    return repeats(train, holdout, holdout.column_names)


def test_rows_of_their_own_repeat_nothing() -> None:
    every = fine(300)
    assert both(every.slice(50), every.slice(0, 50)) == Repeats(0, 0)


def test_each_copy_is_found_wherever_it_stands() -> None:
    every = fine(300)
    train, holdout = pa.concat_tables([every.slice(50), every.slice(0, 7)]), every.slice(0, 50)
    assert both(train, holdout) == Repeats(7, 7)
    assert both(train.take(pa.array(range(train.num_rows - 1, -1, -1))), holdout) == Repeats(7, 7)
    assert both(pa.concat_tables([train, every.slice(0, 7)]), holdout) == Repeats(7, 7)


def test_repeats_of_few_coarse_features_are_no_copies() -> None:
    draw = np.random.default_rng(1)
    every = pa.table({f"C{number}": draw.integers(0, 3, 400) for number in range(4)})
    found = both(every.slice(80), every.slice(0, 80))
    assert found.overlap > 70
    assert found.copies == 0


def rows(*each: tuple[Any, ...]) -> pa.Table:
    return pa.table({name: [row[place] for row in each] for place, name in enumerate("AB")})


# A and B have as many values, so A is one half and B the other.
@pytest.mark.parametrize(
    ("train", "copies"),
    [
        (rows((1, 1), (2, 2)), 1),
        (rows((1, 1), (1, 1), (2, 2)), 1),
        (rows((1, 1), (1, 2)), 0),
        (rows((1, 2), (1, 1)), 0),
        (rows((1, 0), (1, 1)), 0),
        (rows((1, 1), (2, 1)), 0),
        (rows((0, 1), (1, 1)), 0),
        (rows((1, 1), (0, 1), (1, 0), (2, 1), (1, 2)), 0),
    ],
)
def test_a_repeat_is_a_copy_where_no_training_row_shares_one_half_only(train: pa.Table, copies: int) -> None:
    assert both(train, rows((1, 1), (9, 9))) == Repeats(1, copies)


def test_a_half_without_the_other_is_no_repeat() -> None:
    assert both(rows((1, 9), (9, 1)), rows((1, 1))) == Repeats(0, 0)


def test_one_feature_alone_tells_repeats_and_no_copies() -> None:
    table = fine(20, columns=1)
    assert both(table, table.slice(0, 5)) == Repeats(5, 0)


@pytest.mark.parametrize(("train", "holdout"), [(0, 5), (5, 0), (0, 0)])
def test_where_one_side_has_no_row_nothing_repeats(train: int, holdout: int) -> None:
    table = fine(20)
    assert both(table.slice(0, train), table.slice(0, holdout)) == Repeats(0, 0)


def test_columns_with_many_values_stand_on_both_sides() -> None:
    """Two measurements and six flags: a copy shares the flags with many, and neither half with any."""
    draw = np.random.default_rng(2)
    flags = {f"A{number}": draw.integers(0, 2, 300) for number in range(6)}
    every = pa.table({**flags, "X": draw.permutation(300) / 7, "Y": draw.permutation(300) / 7})
    train, holdout = pa.concat_tables([every.slice(50), every.slice(0, 4)]), every.slice(0, 50)
    assert both(train, holdout) == Repeats(4, 4)
    without = every.column_names[:-1]
    assert repeats(train, holdout, without) == Repeats(4, 0)  # with one of them a half is flags alone


def test_words_times_and_missing_values_count() -> None:
    when = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], dtype="datetime64[s]")
    holdout = pa.table(
        {"WORD": ["a", None, "c"], "AT": pa.array(when), "N": pa.array([1, None, 3]), "X": [0.5, None, 0.7]}
    )
    assert both(holdout, holdout) == Repeats(3, 3)
    other = holdout.set_column(0, "WORD", pa.array(["a", "b", "c"]))
    assert both(other, holdout) == Repeats(2, 2)


def test_each_digit_of_a_whole_number_counts() -> None:
    one, next_one = (pa.table({"A": [2**53 + more], "B": [0.5]}) for more in (0, 1))
    assert both(one, next_one) == Repeats(0, 0)
    assert both(one, one) == Repeats(1, 1)


def test_training_is_read_in_parts() -> None:
    every = fine(300)
    train, holdout = pa.concat_tables([every.slice(50), every.slice(0, 7)]), every.slice(0, 50)
    assert repeats(train, holdout, holdout.column_names, at_once=3) == Repeats(7, 7)
