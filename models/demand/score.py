"""Answer {"data": [{"DAY": "2026-03-02", ...}, ...]} with {"predictions": [151.2, ...]}: what each row's day will sell.

DAY is an ISO date. Keys beyond the features are ignored; the shop is one of them. A request that cannot be answered gets
status 400 and the reason.
"""

from __future__ import annotations

import json
import math
import os
from datetime import date
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
        features = [_features(row, number) for number, row in enumerate(_rows(data), start=1)]
        return {"predictions": _sales(np.array(features))}
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


def _features(row: Any, number: int) -> list[float]:
    if not isinstance(row, dict):
        raise ValueError(f"row {number} is no object")
    missing = [name for name in ("DAY", *loaded["known"]) if name not in row]
    if missing:
        raise ValueError(f"row {number} lacks {', '.join(missing)}")
    known = [_number(row[name], f"{name} of row {number}") for name in loaded["known"]]
    return [*_calendar(row["DAY"], f"DAY of row {number}"), *known]


def _calendar(day: Any, where: str) -> list[float]:
    """As train.py has it."""
    try:
        found = date.fromisoformat(day)
    except (TypeError, ValueError):
        raise ValueError(f"{where} is {json.dumps(day)[:40]}, which is no date like 2026-03-02") from None
    angle = 2 * math.pi * found.timetuple().tm_yday / 365.25
    return [*(float(found.weekday() == weekday) for weekday in range(7)), math.sin(angle), math.cos(angle)]


def _number(value: Any, where: str) -> float:
    """A finite number; true, "12" and NaN are none."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass  # an integer that no float holds
    raise ValueError(f"{where} is {json.dumps(value)[:40]}, which is no finite number")


def _sales(features: np.ndarray) -> list[float]:
    """Nothing is sold less than not at all."""
    with np.errstate(all="ignore"):
        sales = loaded["model"].predict(features)
    if not np.isfinite(sales).all():
        raise ValueError("a value lies so far outside that there is no prediction for it")
    return [max(0.0, float(sold)) for sold in sales]


def _refused(why: str) -> Any:
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:  # not under the inference server: in a run, or on a laptop
        raise ValueError(why) from None
    return AMLResponse({"error": why}, 400, json_str=True)
