"""The owner's metric on rows: `python metric_rows.py METRIC_PY ASKED_JSON ANSWER_JSON`.

Executed by the interpreter of the model's environment, hence standard library only, no Baton import. METRIC_PY has
`per_row(rows, truth, predicted)`, which answers one number a row; the metric is their mean. ASKED_JSON is
{"rows", "truth", "predicted"}, the answer {"numbers": [...]} or {"error": "..."}.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from typing import Any


def main(script: str, asked_file: str, answer_file: str) -> int:
    with open(asked_file, encoding="utf-8") as file:  # noqa: PTH123 - plain enough for any Python
        asked = json.load(file)
    try:
        answer: dict[str, object] = {"numbers": numbers(script, asked)}
    except BaseException as error:  # the owner's code may call sys.exit
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    with open(answer_file, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answer, file)
    return 1 if "error" in answer else 0


def numbers(script: str, asked: dict[str, Any]) -> list[float]:
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120 - and this file's folder is gone
    spec = importlib.util.spec_from_file_location("metric", script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [float(each) for each in module.per_row(asked["rows"], asked["truth"], asked["predicted"])]
    if len(found) != len(asked["rows"]):
        raise ValueError(f"per_row() answered {len(found)} numbers to {len(asked['rows'])} rows")
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
