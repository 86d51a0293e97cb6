"""Answer {"data": [{"AREA": 70, ...}, ...]} with {"predictions": [1050.0, ...]}, one for each row.

Keys beyond the features are ignored. A request that cannot be answered gets status 400 and the reason.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

MOST_ROWS = 10_000
loaded: dict[str, Any] = {}


def init() -> None:
    """Load the model that Azure ML, or Baton, put into AZUREML_MODEL_DIR."""
    loaded.update(joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib"))


def run(data: str) -> Any:
    """Predict for each row of the request."""
    try:
        features = np.array([_features(row) for row in _rows(data)])
        return {"predictions": _predict(features)}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        return _refused(f"send {{'data': [row, ...]}}, each row with finite {', '.join(loaded['features'])}: {error}")


def _rows(data: str) -> list[Any]:
    rows = json.loads(data)["data"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(f"not 1 to {MOST_ROWS} rows")
    return rows


def _features(row: Any) -> list[float]:
    values = [row[name] for name in loaded["features"]]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise ValueError("a value is no number")
    numbers = [float(value) for value in values]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a value is not finite")
    return numbers


def _predict(features: np.ndarray) -> list[float]:
    with np.errstate(all="ignore"):
        predictions = [float(value) for value in loaded["model"].predict(features)]
    if not all(map(math.isfinite, predictions)):
        raise ValueError("a value lies so far outside that there is no prediction for it")
    return predictions


def _refused(why: str) -> Any:
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:  # not under the inference server: in a run, or on a laptop
        raise ValueError(why) from None
    return AMLResponse({"error": why}, 400, json_str=True)
