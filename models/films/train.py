"""Ridge regression of the stars on taste and film, with all their products: the order of its answers is what counts.

python train.py --data rows.csv --model-dir out --alpha 1
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import joblib
import mlflow
import numpy as np
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

NUMBERS = ("ACTION", "COMEDY", "DRAMA", "YEAR", "MINUTES", "SEEN")
WORDS = ("GENRE",)
TARGET = "STARS"


def main() -> None:
    options = _options()
    features, target, people = _read(options.data)
    model = _regression(options.alpha).fit(features, target)
    mlflow.log_params({"alpha": options.alpha, "rows": len(target), "people": people})
    mlflow.log_metric("mse_train", float(np.mean((target - model.predict(features)) ** 2)))
    options.model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump({"numbers": NUMBERS, "words": WORDS, "model": model}, options.model_dir / "model.joblib")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--alpha", type=float, default=1.0, help="how strongly coefficients are held back")
    return parser.parse_args()


def _read(file: Path) -> tuple[NDArray[np.object_], NDArray[np.float64], int]:
    with file.open(newline="", encoding="utf-8") as content:
        rows = list(csv.DictReader(content))
    features = [[*(float(row[name]) for name in NUMBERS), *(row[name] for name in WORDS)] for row in rows]
    target = np.array([float(row[TARGET]) for row in rows])
    return np.array(features, dtype=object), target, len({row["USER"] for row in rows})


def _regression(alpha: float) -> Pipeline:
    """A genre that training never saw adds nothing, and is no error."""
    place = len(NUMBERS)
    columns = make_column_transformer(
        (StandardScaler(), list(range(place))),
        (OneHotEncoder(handle_unknown="ignore"), list(range(place, place + len(WORDS)))),
        sparse_threshold=0,
    )
    products = PolynomialFeatures(2, include_bias=False)
    return make_pipeline(columns, products, StandardScaler(), Ridge(alpha=alpha))


if __name__ == "__main__":
    main()
