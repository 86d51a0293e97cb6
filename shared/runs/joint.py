"""Joint drift: can a classifier tell newer rows from those that a version was trained on, although each column looks the same?

A classifier is trained to tell bounded samples of both sides apart; the area under its ROC curve on rows that it was not trained on is
0.5 if it cannot ("Revisiting Classifier Two-Sample Tests", 2017). It needs rows and scikit-learn, so it runs where somebody asks
(`baton drift MODEL --joint`), never in the function app.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.rules import Contract
from shared.data.significance import ALPHA
from shared.errors import Permanent

Numbers = NDArray[np.float64]
ROWS = 2_000  # of each side, at most
LEAST_ROWS = 100
FOLDS = 5
FLOOR = 0.57  # what a shift of a quarter of a deviation gives, where a tenth of the rows moved: Phi(0.25 / sqrt 2)
CATEGORIES = 30
MOST = 3
NORMAL = NormalDist()


class NotTold(Permanent):
    """There are too few rows or columns for a classifier, or no scikit-learn."""


@dataclass(frozen=True, slots=True)
class Joint:
    """The area under the ROC curve with its 95 % interval, and from which `limit` on it is drift at these numbers of rows.

    `most` are the columns whose shuffling costs the classifier most, if it can tell the sides apart at all.
    """

    auc: float
    lower: float
    upper: float
    limit: float
    p_value: float
    rows_before: int
    rows_now: int
    columns: tuple[str, ...]
    most: tuple[str, ...]
    drifted: bool


def joint_drift(
    before: pa.Table,
    now: pa.Table,
    contract: Contract,
    *,
    without: Collection[str],
    seed: int = 0,
    alpha: float = ALPHA,
) -> Joint:
    """Compare two tables whose columns are read by `contract`; the same rows and seed give the same answer.

    Of each side `ROWS` rows are drawn. Times, personal columns, words of more than `CATEGORIES` kinds and those `without` are left
    out. `NotTold` with fewer than `LEAST_ROWS` rows on a side, without a column, or without scikit-learn.
    """
    if min(before.num_rows, now.num_rows) < LEAST_ROWS:
        what = f"{before.num_rows} and {now.num_rows} rows are too few, each side needs {LEAST_ROWS}"
        raise NotTold(what, next="wait for more files")
    draw = np.random.default_rng(seed)
    sides = [_drawn(table, draw) for table in (before, now)]
    names, features = _features(pa.concat_tables(sides), contract, without)
    if not names:
        raise NotTold(
            "no column can be told apart", next="look at the contract: keys, times and personal columns are left out"
        )
    n, m = (side.num_rows for side in sides)
    auc, falls = _told_apart(features, np.repeat([0, 1], [n, m]), seed)
    chance = unchanged_deviation(n, m)
    p_value = NORMAL.cdf((0.5 - auc) / chance)
    limit = max(FLOOR, 0.5 + NORMAL.inv_cdf(1 - alpha) * chance)
    error = NORMAL.inv_cdf(0.975) * standard_error(auc, n, m)
    most = tuple(names[place] for place in np.argsort(-falls)[:MOST] if falls[place] > 0)
    return Joint(auc, auc - error, min(1.0, auc + error), limit, p_value, n, m, names, most, auc >= limit)


def unchanged_deviation(n: int, m: int) -> float:
    """How far an area from `n` and `m` rows strays from 0.5 where nothing changed: the rank sum's deviation (H. B. Mann and D. R.
    Whitney, 1947), widened since folds share the rows that they learn from (C. Nadeau and Y. Bengio, Inference for the
    Generalization Error, 2003: of five folds, each one's share of 1/5 counts for 1/5 + 1/4).

    >>> round(unchanged_deviation(150, 150), 4)
    0.0501
    """
    shared_rows = 1 + FOLDS / (FOLDS - 1)
    return math.sqrt(shared_rows * (n + m + 1) / (12 * n * m))


def standard_error(auc: float, n: int, m: int) -> float:
    """Of an area under the curve from `n` and `m` rows (J. A. Hanley and B. J. McNeil, Radiology 143, 1982).

    >>> round(standard_error(0.8, 50, 50), 4)
    0.0445
    """
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (n - 1) * (first - auc**2) + (m - 1) * (second - auc**2)
    return math.sqrt(max(0.0, spread) / (n * m))


def _drawn(table: pa.Table, draw: np.random.Generator) -> pa.Table:
    if table.num_rows <= ROWS:
        return table
    return table.take(np.sort(draw.choice(table.num_rows, ROWS, replace=False)))


def _features(rows: pa.Table, contract: Contract, without: Collection[str]) -> tuple[tuple[str, ...], Numbers]:
    """Numbers as they are, missing ones as NaN; words as numbers of their kinds."""
    found: dict[str, Numbers] = {}
    for column in contract.columns:
        if column.personal or column.name in without or column.name not in rows.column_names:
            continue
        values = rows[column.name].combine_chunks()
        if column.kind == "string":
            kinds = pc.unique(values).drop_null()
            if len(kinds) <= CATEGORIES:
                found[column.name] = _floats(pc.index_in(values, kinds.sort()))
        elif column.kind in ("integer", "number", "boolean"):
            found[column.name] = _floats(values)
    return tuple(found), np.stack(list(found.values()), axis=1) if found else np.empty((rows.num_rows, 0))


def _floats(values: pa.Array) -> Numbers:
    read: Numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return read


def _told_apart(features: Numbers, side: NDArray[np.int64], seed: int) -> tuple[float, Numbers]:
    """The area, and how much it falls where one column is shuffled: means over folds, whose rows the classifier has not seen."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import StratifiedKFold
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
    except ImportError as error:
        raise NotTold("scikit-learn is not installed here", next="pip install scikit-learn, or `make setup`") from error
    draw, areas, falls = np.random.default_rng(seed), list[float](), list[list[float]]()
    with threadpool_limits(1):  # on a busy machine threads that wait for each other take ten times as long
        for known, new in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, side):
            model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, random_state=seed)
            model.fit(features[known], side[known])
            versions = [features[new], *_shuffled(features[new], draw)]
            area, *without = (roc_auc_score(side[new], model.predict_proba(rows)[:, 1]) for rows in versions)
            areas.append(area)
            falls.append([area - each for each in without])
    return float(np.mean(areas)), np.mean(falls, axis=0)


def _shuffled(rows: Numbers, draw: np.random.Generator) -> Iterator[Numbers]:
    """The rows once for each column, with the values of that one shuffled."""
    for column in range(rows.shape[1]):
        shuffled = rows.copy()
        draw.shuffle(shuffled[:, column])
        yield shuffled
