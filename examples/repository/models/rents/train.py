"""Ridge regression of the rent.

python train.py --data rows.csv --model-dir out --alpha 1
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import joblib
import mlflow
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ("AREA", "ROOMS", "AGE")
TARGET = "RENT"


def main() -> None:
    options = _options()
    with options.data.open(newline="", encoding="utf-8") as content:
        rows = list(csv.DictReader(content))
    features = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    target = np.array([float(row[TARGET]) for row in rows])
    model = make_pipeline(StandardScaler(), Ridge(alpha=options.alpha)).fit(features, target)
    mlflow.log_params({"alpha": options.alpha, "rows": len(rows)})
    mlflow.log_metric("mse_train", float(np.mean((target - model.predict(features)) ** 2)))
    options.model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump({"features": FEATURES, "model": model}, options.model_dir / "model.joblib")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--alpha", type=float, default=1.0, help="how strongly coefficients are held back")
    return parser.parse_args()


if __name__ == "__main__":
    main()
