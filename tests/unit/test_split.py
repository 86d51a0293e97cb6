"""Train or holdout: by the key alone, for ever."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.data.split import is_holdout, split, split_by_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(*numbers: int) -> pa.Table:
    return pa.table({"ID": pa.array(numbers, pa.int64()), "X": [number * 0.5 for number in numbers]})


def test_the_hash_of_the_key_decides() -> None:
    """sha256("8") begins with 2c62, sha256("1") with 6b86: 0x2c / 256 is 17 %, 0x6b / 256 is 42 %."""
    assert hashlib.sha256(b"8").hexdigest().startswith("2c62")
    assert (is_holdout(["8"], 18), is_holdout(["8"], 17)) == (True, False)
    assert (is_holdout(["1"], 43), is_holdout(["1"], 41)) == (True, False)


@given(st.sets(st.integers(1, 10_000), min_size=1), st.sets(st.integers(1, 10_000)))
def test_a_row_never_moves_when_others_come(first: set[int], more: set[int]) -> None:
    _, before = split(rows(*first), ["ID"], 20)
    _, after = split(rows(*(first | more)), ["ID"], 20)
    assert set(before["ID"].to_pylist()) == set(after["ID"].to_pylist()) & first


def test_both_sides_keep_their_order_and_lose_no_row() -> None:
    table = rows(*range(30, 0, -1))
    train, holdout = split(table, ["ID"], 30)
    assert sorted(train["ID"].to_pylist(), reverse=True) == train["ID"].to_pylist()
    assert sorted(train["ID"].to_pylist() + holdout["ID"].to_pylist()) == list(range(1, 31))


@pytest.mark.parametrize("percent", [5, 20, 50])
def test_about_that_share_is_held_out(percent: int) -> None:
    """Of 20,000 keys the share is within four standard deviations."""
    held = sum(is_holdout([str(number)], percent) for number in range(20_000))
    assert abs(held - 200 * percent) < 4 * (20_000 * percent / 100 * (1 - percent / 100)) ** 0.5


def test_rows_that_share_a_key_stay_together() -> None:
    table = pa.table({"A": ["x", "x", "y"] * 20, "B": [1, 1, 2] * 20, "C": range(60)})
    train, holdout = split(table, ["A", "B"], 50)
    keys = [set(zip(side["A"].to_pylist(), side["B"].to_pylist(), strict=True)) for side in (train, holdout)]
    assert not keys[0] & keys[1]


def test_a_missing_key_value_counts_as_empty_text() -> None:
    _, holdout = split(pa.table({"A": pa.array([None, ""], pa.string())}), ["A"], 20)
    assert holdout.num_rows in (0, 2)


def test_all_rows_of_a_block_of_time_stand_on_one_side() -> None:
    """1970-01-01 was a Thursday: blocks of 7 days go from Thursday to Wednesday."""
    days = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=7 * number) for number in range(400)]
    table = pa.table({"AT": pa.array(days, pa.timestamp("us", "UTC"))})
    train, holdout = split_by_time(table, "AT", 7, 30)
    weeks = [{(day - EPOCH).days // 7 for day in side["AT"].to_pylist()} for side in (train, holdout)]
    assert train.num_rows + holdout.num_rows == 400
    assert weeks[0]
    assert weeks[1]
    assert not weeks[0] & weeks[1]


@given(st.sets(st.integers(0, 3650), min_size=1, max_size=60), st.sets(st.integers(0, 3650), max_size=60))
def test_a_day_never_moves_when_later_ones_come(first: set[int], more: set[int]) -> None:
    tables = [pa.table({"AT": pa.array(sorted(days), pa.date32())}) for days in (first, first | more)]
    before, after = (set(split_by_time(table, "AT", 7, 20)[1]["AT"].to_pylist()) for table in tables)
    assert before == {day for day in after if (day - EPOCH.date()).days in first}


def test_rows_without_a_time_stand_together() -> None:
    table = pa.table({"AT": pa.array([None, datetime(2026, 3, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC"))})
    train, holdout = split_by_time(table, "AT", 1, 20)
    assert {train["AT"].null_count, holdout["AT"].null_count} == {0, 2}
