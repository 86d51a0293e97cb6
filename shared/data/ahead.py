"""Batches read one ahead: Arrow parses and converts without Python's lock, so a second core can read while this one looks."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa


def ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    """The same batches and errors in the same order; two of them are in memory. Close it to end the thread early.

    What the reader tells beside the batches, such as rows that it skipped, is told one batch early.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
