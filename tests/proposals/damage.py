"""Ways in which a file goes wrong, each as the files that it makes of one file's rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.random import Generator

Damage = Callable[[pa.Table, pa.Table, Generator], Iterator[pa.Table | bytes]]

MISSING_SHARE = 0.05
CUTS = 20


def factor(times: float) -> Damage:
    """Each numeric column whose standard deviation is below its mean, in another unit."""

    def damaged(whole: pa.Table, rows: pa.Table, random: Generator) -> Iterator[pa.Table]:
        for name in _numeric(whole):
            values = whole[name].to_numpy()
            if values.std() < values.mean():
                yield _with(rows, name, pa.array(rows[name].to_numpy() * times))

    return damaged


def swapped(whole: pa.Table, rows: pa.Table, random: Generator) -> Iterator[pa.Table]:
    """Each two numeric columns whose medians are apart by 2 of the larger standard deviation, under each other's name."""
    for one, other in itertools.combinations(_numeric(whole), 2):
        first, second = whole[one].to_numpy(), whole[other].to_numpy()
        if abs(np.median(first) - np.median(second)) >= 2 * max(first.std(), second.std()) > 0:
            yield _with(_with(rows, one, rows[other]), other, rows[one])


def missing(whole: pa.Table, rows: pa.Table, random: Generator) -> Iterator[pa.Table]:
    """Each column without the values of 5 % of its rows."""
    for name in whole.schema.names:
        gone = np.zeros(rows.num_rows, bool)
        gone[random.choice(rows.num_rows, round(MISSING_SHARE * rows.num_rows), replace=False)] = True
        yield _with(rows, name, pc.if_else(pa.array(gone), pa.scalar(None, rows[name].type), rows[name]))


def new_category(whole: pa.Table, rows: pa.Table, random: Generator) -> Iterator[pa.Table]:
    """Each column of classes, with another class in one row."""
    if "class" in whole.schema.names:
        values = rows["class"].to_pylist()
        values[int(random.integers(len(values)))] = "10" if values[0].isdigit() else "Iris nova"
        yield _with(rows, "class", pa.array(values))


def cut(whole: pa.Table, rows: pa.Table, random: Generator) -> Iterator[bytes]:
    """The file's bytes up to some byte inside a row, also inside its last cell."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(rows, sink, pa.csv.WriteOptions(quoting_style="needed"))
    content = sink.getvalue().to_pybytes()
    for place in random.integers(content.index(b"\n") + 2, len(content), CUTS).tolist():
        if content[place - 1 : place] != b"\n":
            yield content[:place]


def _numeric(whole: pa.Table) -> list[str]:
    return [field.name for field in whole.schema if pa.types.is_floating(field.type)]


def _with(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)


DAMAGES: Mapping[str, Damage] = {
    "a factor of 2.2 (sd/mean below 1)": factor(2.2),
    "a factor of 1,000 (sd/mean below 1)": factor(1000),
    "two columns swapped (medians 2 sd apart)": swapped,
    "5 % missing": missing,
    "a new category": new_category,
    "cut inside a row": cut,
}
