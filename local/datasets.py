"""Real data to try Baton with: `python -m local.datasets diabetes --rows 1:101 --out first.csv`.

The 442 patients of B. Efron et al., "Least Angle Regression" (2004), unscaled, as scikit-learn carries them, in one
shuffled order that never changes; so that parts, `--rows first:end` (counted from 1, end left out), do not overlap.
`--break` spoils the part the way that real files are spoiled.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Row = dict[str, object]

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


def write_csv(rows: Sequence[Row], file: Path) -> None:
    """Write rows as CSV with a header."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> None:
    """Write the asked part to a file, and say what is in it."""
    options = _parser().parse_args(arguments)
    rows = diabetes(*options.rows)
    write_csv(BREAKS[options.spoil](rows) if options.spoil else rows, options.out)
    print(f"{options.out}: {len(rows)} patients" + (f", broken: {options.spoil}" if options.spoil else ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.datasets", description=__doc__)
    parser.add_argument("name", choices=["diabetes"])
    parser.add_argument("--rows", type=_part, default=(1, PATIENTS + 1), metavar="FIRST:END")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--break", dest="spoil", choices=sorted(BREAKS))
    return parser


def _part(text: str) -> tuple[int, int]:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST:END, like 1:101") from None
    if not 1 <= first < end <= PATIENTS + 1:
        raise argparse.ArgumentTypeError(f"{text!r} names no rows; there are 1:{PATIENTS + 1}")
    return first, end


if __name__ == "__main__":
    main(sys.argv[1:])
