"""Logistic regression of a default: amounts with their squares and products, groups and purposes as they are named.

python train.py --data rows.csv --model-dir out --c 10
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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

NUMBERS = ("INCOME", "AMOUNT", "TERM", "LATE")
WORDS = ("AGE_GROUP", "REGION", "PURPOSE")
TARGET, DEFAULTED = "OUTCOME", "defaulted"


def main() -> None:
    options = _options()
    features, target = _read(options.data)
    model = _regression(options.c).fit(features, target)
    mlflow.log_params({"c": options.c, "rows": len(target)})
    chances = model.predict_proba(features)[:, 1]
    mlflow.log_metrics({"log_loss_train": float(log_loss(target, chances)), "defaults": float(target.mean())})
    options.model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump({"numbers": NUMBERS, "words": WORDS, "model": model}, options.model_dir / "model.joblib")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--c", type=float, default=10.0, help="how freely coefficients may grow")
    return parser.parse_args()


def _read(file: Path) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    with file.open(newline="", encoding="utf-8") as content:
        rows = list(csv.DictReader(content))
    features = [[*(float(row[name]) for name in NUMBERS), *(row[name] for name in WORDS)] for row in rows]
    return np.array(features, dtype=object), np.array([row[TARGET] == DEFAULTED for row in rows])


def _regression(c: float) -> Pipeline:
    """A group or purpose that training never saw adds nothing, and is no error."""
    numbers = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    place = len(NUMBERS)
    columns = make_column_transformer(
        (numbers, list(range(place))), (words, list(range(place, place + len(WORDS)))), sparse_threshold=0
    )
    return make_pipeline(columns, LogisticRegression(C=c, max_iter=5000))


if __name__ == "__main__":
    main()
