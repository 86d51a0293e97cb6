"""Which repeats are told as copies: tables as they are, made coarse, and with rows again under other keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from local import made_up
from local.datasets import diabetes
from shared.data.split import is_holdout
from shared.runs.repeats import repeats

AGAIN = 10**6  # what is added to a key for the same row again


@dataclass(frozen=True)
class Found:
    """Percent of the holdout's rows that repeat a training row, that are copies, and of training rows that repeat each other."""

    table: str
    how: str
    rows: int
    overlap: float
    copies: float
    own: float


def measured() -> Iterator[Found]:
    """Each table as it is, with every twentieth row again, and stored twice."""
    for name, table, keys in tables():
        some = np.unique(keys)[::20]
        again = np.flatnonzero(np.isin(keys, some))
        yield _found(name, "as it is", table, keys)
        for how, rows in (("5 % again", again), ("twice", np.arange(len(keys)))):
            both = pa.concat_tables([table, table.take(pa.array(rows))])
            yield _found(name, how, both, np.concatenate([keys, keys[rows] + AGAIN]))


def _found(name: str, how: str, table: pa.Table, keys: np.ndarray) -> Found:
    sides = {key: is_holdout([str(key)], 20) for key in np.unique(keys).tolist()}
    held = pa.array([sides[key] for key in keys.tolist()])
    holdout, train = table.filter(held), table.filter(pa.compute.invert(held))
    seen = repeats(train, holdout, table.column_names)
    alike = Counter(map(repr, train.to_pylist()))
    own = sum(count for count in alike.values() if count > 1)
    share = 100 / max(holdout.num_rows, 1)
    return Found(
        name, how, holdout.num_rows, share * seen.overlap, share * seen.copies, 100 * own / max(train.num_rows, 1)
    )


def tables() -> Iterator[tuple[str, pa.Table, np.ndarray]]:
    """Features and keys of the four models' rows, of scikit-learn's tables, and of both made coarse."""
    from sklearn import datasets

    loads = (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits)
    small = {load.__name__.removeprefix("load_"): load().data for load in loads}
    each = {name: pa.table({f"F{n}": values[:, n] for n in range(values.shape[1])}) for name, values in small.items()}
    patients = pa.Table.from_pylist(diabetes()).drop_columns(["PATIENT", "Y"])
    loans = pa.Table.from_pylist(made_up.loans(1, 5001)).drop_columns(["LOAN", "OUTCOME"])
    each |= {"diabetes": patients, "loans": loans}
    each |= {
        "iris in whole cm": pa.table(
            {name: np.round(each["iris"][name].to_numpy()) for name in each["iris"].column_names}
        ),
        "digits in black and white": pa.table({f"F{n}": (small["digits"][:, n] > 7).astype(float) for n in range(64)}),
        "diabetes in thirds": _thirds(patients),
        "breast_cancer in thirds": _thirds(each["breast_cancer"]),
        "loans without amounts": loans.drop_columns(["INCOME", "AMOUNT"]),
        "loans with one amount": loans.drop_columns(["AMOUNT"]),
    }
    yield from ((name, table, np.arange(1, table.num_rows + 1)) for name, table in each.items())
    films, demand = pa.Table.from_pylist(made_up.films(1, 1131)), pa.Table.from_pylist(made_up.demand())
    yield "films", films.drop_columns(["USER", "FILM", "STARS"]), films["USER"].to_numpy()
    weeks = np.array([np.datetime64(day).astype("datetime64[D]").astype(int) // 7 for day in demand["DAY"].to_pylist()])
    yield "demand", demand.drop_columns(["SHOP", "DAY", "SOLD"]), weeks


def _thirds(table: pa.Table) -> pa.Table:
    """Each number as the third of its column that it lies in."""
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return pa.table(
        {name: np.digitize(each, np.quantile(each, [1 / 3, 2 / 3])).astype(float) for name, each in columns.items()}
    )
