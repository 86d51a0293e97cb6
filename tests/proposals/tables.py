"""Scikit-learn's five data sets as tables: features under their names, a class as the text of its name."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from pyarrow import csv
from sklearn import datasets

NAMES = ("iris", "wine", "breast_cancer", "diabetes", "digits")


@functools.cache
def table(name: str) -> pa.Table:
    """A data set whole; numbers as the library gives them."""
    found = getattr(datasets, f"load_{name}")()
    columns = {str(feature): found.data[:, place] for place, feature in enumerate(found.feature_names)}
    if name == "diabetes":
        return pa.table({**columns, "progression": found.target})
    return pa.table({**columns, "class": [f"{found.target_names[number]}" for number in found.target]})


def halves(whole: pa.Table, random: Generator, *, first: int = 0) -> tuple[pa.Table, pa.Table]:
    """The rows in random order, cut after `first` rows, or in the middle."""
    order = random.permutation(whole.num_rows)
    cut = first or whole.num_rows // 2
    return whole.take(np.sort(order[:cut])), whole.take(np.sort(order[cut:]))


def written(rows: pa.Table, file: Path) -> Path:
    """The rows as a CSV file."""
    csv.write_csv(rows, file, csv.WriteOptions(quoting_style="needed"))
    return file
