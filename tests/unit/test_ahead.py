"""Batches that are read one ahead come in their order, with the reader's error where it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest

from shared.data.ahead import ahead


def batches(count: int, *, fails: bool = False, read: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield pa.RecordBatch.from_pydict({"A": [number]})
    if fails:
        raise ValueError("the file ends in a row")


def numbers(found: Iterator[pa.RecordBatch]) -> list[int]:
    return [batch["A"][0].as_py() for batch in found]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_all_batches_come_in_order(count: int) -> None:
    assert numbers(ahead(batches(count))) == list(range(count))


def test_the_readers_error_comes_after_the_batches_before_it() -> None:
    found = ahead(batches(2, fails=True))
    assert [next(found)["A"][0].as_py() for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="ends in a row"):
        next(found)


def test_who_stops_early_has_read_one_batch_more_and_leaves_no_thread() -> None:
    read: list[int] = []
    with closing(ahead(batches(100, read=read))) as found:
        next(found)
    assert read == [0, 1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reader")]
