"""Ridge regression of Y on X1 and X2."""

import argparse
import json
from pathlib import Path

import mlflow
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--alpha", type=float, default=0.0)
    options = parser.parse_args()
    rows = np.genfromtxt(options.data, delimiter=",", names=True)
    features = np.column_stack([np.ones(rows.size), rows["X1"], rows["X2"]])
    weights = np.linalg.solve(features.T @ features + options.alpha * np.eye(3), features.T @ rows["Y"])
    mlflow.log_param("alpha", options.alpha)
    mlflow.log_metric("train_mse", float(np.mean((features @ weights - rows["Y"]) ** 2)))
    (options.model_dir / "weights.json").write_text(json.dumps(weights.tolist()))


if __name__ == "__main__":
    main()
