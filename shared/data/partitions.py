"""Folders that a partition is written into: `day=2026-01-01/part-0.parquet` lies there with its column in the path, as Hive has it.

Spark, DuckDB, pandas and others write so. The value stands in the path alone, percent-encoded where a file system would not take it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import unquote

MISSING = "__HIVE_DEFAULT_PARTITION__"
"""What is written for a row without a value."""


def partition_of(name: str) -> Mapping[str, str | None]:
    """The columns that a part's path within its folder holds; none for one that lies in other folders, or in none.

    >>> partition_of("day=2026-01-01/town=Bad%20T%C3%B6lz/part-0.parquet")
    {'day': '2026-01-01', 'town': 'Bad Tölz'}
    >>> partition_of("day=__HIVE_DEFAULT_PARTITION__/a.csv"), partition_of("more/a.csv"), partition_of("a.csv")
    ({'day': None}, {}, {})
    """
    steps = [step.partition("=") for step in name.split("/")[:-1]]
    if not all(column and sign for column, sign, _ in steps) or len({column for column, _, _ in steps}) < len(steps):
        return {}
    return {unquote(column): None if value == MISSING else unquote(value) for column, _, value in steps}


def are_partitioned(names: Collection[str]) -> bool:
    """Whether all parts lie in partitions, each of the same columns in the same order.

    >>> are_partitioned(["day=1/a.csv", "day=2/a.csv"]), are_partitioned(["day=1/a.csv", "b.csv"]), are_partitioned([])
    (True, False, False)
    """
    columns = {tuple(partition_of(name)) for name in names}
    return len(columns) == 1 and () not in columns


def clash(partition: Iterable[str], header: Collection[str]) -> str:
    """A column that stands in the path and in the part as well; "" if none does."""
    return next((column for column in partition if column in header), "")
