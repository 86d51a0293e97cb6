"""Ridge regression on the ten measurements, their squares and products.

python train.py --data rows.csv --model-dir out --alpha 3
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import joblib
import mlflow
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
TARGET = "Y"
DEGREE = 2


def main() -> None:
    options = _options()
    features, target = _read(options.data)
    model = _regression(options.alpha).fit(features, target)
    residuals = target - model.predict(features)
    mlflow.log_params({"alpha": options.alpha, "degree": DEGREE, "rows": len(target)})
    mlflow.log_metrics(
        {
            "mse_train": float(np.mean(residuals**2)),
            "mae_train": float(np.mean(np.abs(residuals))),
            "r2_train": float(model.score(features, target)),
        }
    )
    options.model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump({"features": FEATURES, "model": model}, options.model_dir / "model.joblib")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--alpha", type=float, default=3.0, help="how strongly coefficients are held back")
    return parser.parse_args()


def _read(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with file.open(newline="", encoding="utf-8") as content:
        rows = list(csv.DictReader(content))
    features = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    return features, np.array([float(row[TARGET]) for row in rows])


def _regression(alpha: float) -> Pipeline:
    """Scaled before and after the expansion, so that `alpha` holds every term back alike."""
    expansion = PolynomialFeatures(DEGREE, include_bias=False)
    return make_pipeline(StandardScaler(), expansion, StandardScaler(), Ridge(alpha=alpha))


if __name__ == "__main__":
    main()
