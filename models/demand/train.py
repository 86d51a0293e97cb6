"""Ridge regression of a day's sales on what was known seven days before: weekday, season, promotion, recent sales.

python train.py --data rows.csv --model-dir out --alpha 1
"""

from __future__ import annotations

import argparse
import csv
import math
from datetime import date
from pathlib import Path

import joblib
import mlflow
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

KNOWN = ("PROMOTION", "DEGREES", "SOLD_7", "SOLD_14", "MEAN_28")
TARGET = "SOLD"


def main() -> None:
    options = _options()
    with options.data.open(newline="", encoding="utf-8") as content:
        rows = list(csv.DictReader(content))
    features = np.array([[*calendar(row["DAY"]), *(float(row[name]) for name in KNOWN)] for row in rows])
    target = np.array([float(row[TARGET]) for row in rows])
    products = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    model = make_pipeline(StandardScaler(), products, StandardScaler(), Ridge(alpha=options.alpha)).fit(
        features, target
    )
    off = np.abs(target - model.predict(features))
    mlflow.log_params({"alpha": options.alpha, "rows": len(rows), "shops": len({row["SHOP"] for row in rows})})
    mlflow.log_metric("wape_train", float(off.sum() / np.abs(target).sum()))
    options.model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump({"known": KNOWN, "model": model}, options.model_dir / "model.joblib")


def calendar(day: str) -> list[float]:
    """The weekday, a number for each, and where in the year the day lies. score.py does the same."""
    found = date.fromisoformat(day)
    angle = 2 * math.pi * found.timetuple().tm_yday / 365.25
    return [*(float(found.weekday() == weekday) for weekday in range(7)), math.sin(angle), math.cos(angle)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--alpha", type=float, default=1.0, help="how strongly coefficients are held back")
    return parser.parse_args()


if __name__ == "__main__":
    main()
