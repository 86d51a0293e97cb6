"""Data to try Baton with: `python -m local.datasets diabetes --rows 1:101 --out first.csv`.

*diabetes*: the 442 patients of B. Efron et al., "Least Angle Regression" (2004), unscaled, as scikit-learn carries them, in
one shuffled order that never changes; so that parts, `--rows first:end` (counted from 1, end left out), do not overlap.
*loans*, *films* and *demand* are made up, by loans, by people, and by days of shops (`local/made_up.py`). `--break` spoils the
part the way that real files are spoiled.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import made_up
from local.made_up import Row

PATIENTS = 442
ORDER_SEED = 7
COLUMNS = ("PATIENT", "AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6", "Y")


def diabetes(first: int = 1, end: int = PATIENTS + 1) -> list[Row]:
    """Patients number `first` to before `end` of the shuffled order; PATIENT is the number in the study's own order."""
    import numpy as np
    from sklearn.datasets import load_diabetes

    study = load_diabetes(scaled=False)
    order = np.random.default_rng(ORDER_SEED).permutation(PATIENTS)[first - 1 : end - 1]
    return [
        dict(zip(COLUMNS, [int(index) + 1, *map(_plain, study.data[index]), _plain(study.target[index])], strict=True))
        for index in order
    ]


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else round(float(value), 6)


def _without_age(rows: Sequence[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "AGE"} for row in rows]


def _with(column: str, value: object, numbers: Sequence[int]) -> Callable[[Sequence[Row]], list[Row]]:
    def spoil(rows: Sequence[Row]) -> list[Row]:
        return [{**row, column: value} if number in numbers else row for number, row in enumerate(rows, start=1)]

    return spoil


BREAKS: Mapping[str, Callable[[Sequence[Row]], list[Row]]] = {
    "schema": _without_age,
    "text": _with("BMI", "n/a?", (3, 7, 8)),
    "range": _with("AGE", 1000, (2, 5)),
    "missing": _with("S5", "", (4, 6, 9)),
}


@dataclass(frozen=True)
class Dataset:
    """Rows by number, counted from 1: `most` of `what`, and the ways in which they can be spoiled."""

    rows: Callable[[int, int], list[Row]]
    most: int
    what: str
    breaks: Mapping[str, Callable[[Sequence[Row]], list[Row]]]


DATASETS: Mapping[str, Dataset] = {
    "diabetes": Dataset(diabetes, PATIENTS, "patients", BREAKS),
    "loans": Dataset(made_up.loans, made_up.LOANS, "loans", {"mixed-up": made_up.mixed_up_loans}),
    "films": Dataset(made_up.films, made_up.PEOPLE, "people", {"mixed-up": made_up.mixed_up_films}),
    "demand": Dataset(made_up.demand, made_up.SHOP_DAYS, "days of shops", {"mixed-up": made_up.mixed_up_demand}),
}


def write_csv(rows: Sequence[Row], file: Path) -> None:
    """Write rows as CSV with a header."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> None:
    """Write the asked part to a file, and say what is in it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    found = DATASETS[options.name]
    first, end = options.rows or (1, found.most + 1)
    if end > found.most + 1:
        parser.error(f"argument --rows: {first}:{end} names no rows; there are 1:{found.most}")
    if options.spoil and options.spoil not in found.breaks:
        parser.error(f"argument --break: of {options.name} choose from {', '.join(found.breaks)}")
    rows = found.rows(first, end)
    rows = found.breaks[options.spoil](rows) if options.spoil else rows
    write_csv(rows, options.out)
    counted = f"{end - first} {found.what}" + (f", {len(rows)} rows" if len(rows) != end - first else "")
    print(f"{options.out}: {counted}" + (f", broken: {options.spoil}" if options.spoil else ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.datasets", description=__doc__)
    parser.add_argument("name", choices=sorted(DATASETS))
    parser.add_argument("--rows", type=_part, metavar="FIRST:END")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--break", dest="spoil", choices=sorted({each for found in DATASETS.values() for each in found.breaks})
    )
    return parser


def _part(text: str) -> tuple[int, int]:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST:END, like 1:101") from None
    if not 1 <= first < end:
        raise argparse.ArgumentTypeError(f"{text!r} names no rows: they are counted from 1, and the end is left out")
    return first, end


if __name__ == "__main__":
    main(sys.argv[1:])
