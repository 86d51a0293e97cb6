"""Answer {"data": [{"INCOME": 40, ...}, ...]} with {"predictions": [0.12, ...]}: for each row the chance of a default.

Keys beyond the features are ignored, and so is a group, region or purpose that training never saw. A request that cannot
be answered gets status 400 and the reason.
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
LONGEST_WORD = 200
loaded: dict[str, Any] = {}


def init() -> None:
    """Load the model that Azure ML, or Baton, put into AZUREML_MODEL_DIR."""
    loaded.update(joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib"))


def run(data: str) -> Any:
    """Predict for each row of the request."""
    try:
        features = [_features(row, number) for number, row in enumerate(_rows(data), start=1)]
        return {"predictions": _chances(np.array(features, dtype=object))}
    except ValueError as error:
        return _refused(str(error))


def _rows(data: str) -> list[Any]:
    try:
        request = json.loads(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"the request is not JSON: {error}") from error
    rows = request.get("data") if isinstance(request, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(f'send {{"data": [row, ...]}} with 1 to {MOST_ROWS} rows')
    return rows


def _features(row: Any, number: int) -> list[object]:
    if not isinstance(row, dict):
        raise ValueError(f"row {number} is no object")
    missing = [name for name in (*loaded["numbers"], *loaded["words"]) if name not in row]
    if missing:
        raise ValueError(f"row {number} lacks {', '.join(missing)}")
    numbers = [_number(row[name], f"{name} of row {number}") for name in loaded["numbers"]]
    return [*numbers, *(_word(row[name], f"{name} of row {number}") for name in loaded["words"])]


def _number(value: Any, where: str) -> float:
    """A finite number; true, "12" and NaN are none."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass  # an integer that no float holds
    raise ValueError(f"{where} is {json.dumps(value)[:40]}, which is no finite number")


def _word(value: Any, where: str) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST_WORD:
        return value
    raise ValueError(f"{where} is {json.dumps(value)[:40]}, which is no text of 1 to {LONGEST_WORD} characters")


def _chances(features: np.ndarray) -> list[float]:
    with np.errstate(all="ignore"):
        chances = loaded["model"].predict_proba(features)[:, 1]
    if not np.isfinite(chances).all():
        raise ValueError("an amount lies so far outside that there is no prediction for it")
    return [float(chance) for chance in chances]


def _refused(why: str) -> Any:
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:  # not under the inference server: in a run, or on a laptop
        raise ValueError(why) from None
    return AMLResponse({"error": why}, 400, json_str=True)
