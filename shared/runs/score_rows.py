"""Score rows through a model's own score.py: `python score_rows.py SCORE_PY ROWS_JSON ANSWER_JSON TIMED`.

Executed by the interpreter of the model's environment, hence standard library only, no Baton import. As the
inference server does it: AZUREML_MODEL_DIR is set, `init()` runs once, `run()` gets JSON text. The answer is
{"predictions": [...]} with one entry a row, or {"error": "..."}; "seconds" are how long the first TIMED rows took, asked
once more one by one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import traceback
from types import ModuleType
from typing import Any

ROWS_AT_ONCE = 500


def main(script: str, rows_file: str, answer_file: str, timed: str = "0") -> int:
    with open(rows_file, encoding="utf-8") as file:  # noqa: PTH123 - plain enough for any Python
        rows = json.load(file)
    try:
        module = load(script)
        answer: dict[str, object] = {"predictions": predict(module, rows)}
        answer["seconds"] = time_rows(module, rows[: int(timed)])
    except BaseException as error:  # score.py may call sys.exit
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    with open(answer_file, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answer, file)
    return 1 if "error" in answer else 0


def time_rows(module: ModuleType, rows: list[object]) -> list[float]:
    """Seconds for each row, asked alone; the model is warm, since it has answered all of them before."""
    seconds = []
    for row in rows:
        request = json.dumps({"data": [row]})
        began = time.perf_counter()
        module.run(request)
        seconds.append(time.perf_counter() - began)
    return seconds


def predict(module: ModuleType, rows: list[object]) -> list[object]:
    module.init()
    predictions: list[object] = []
    for first in range(0, len(rows), ROWS_AT_ONCE):
        batch = rows[first : first + ROWS_AT_ONCE]
        answered = predictions_of(module.run(json.dumps({"data": batch})))
        if len(answered) != len(batch):
            raise ValueError(f"run() answered {len(answered)} predictions to {len(batch)} rows")
        predictions += answered
    return predictions


def load(script: str) -> ModuleType:
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120 - and this file's folder is gone
    spec = importlib.util.spec_from_file_location("score", script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def predictions_of(answer: Any) -> list[object]:
    status = getattr(answer, "status_code", 200)
    if status != 200:
        raise ValueError(f"run() answered with status {status}: {answer.get_data(as_text=True)[:200]}")
    if hasattr(answer, "get_data"):
        answer = answer.get_data(as_text=True)
    if isinstance(answer, (str, bytes)):
        answer = json.loads(answer)
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        raise ValueError(f"run() answered {str(answer)[:200]!r}, must be {{'predictions': [...]}}")
    found: list[object] = answer["predictions"]
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
