"""A metric of the model's folder, computed by the owner's code in its own interpreter."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from shared.runs.owner_code import owner_environment
from shared.runs.scoring import Predictions, unscored

METRIC_ROWS = Path(__file__).with_name("metric_rows.py")


def with_own_metric(
    predictions: Predictions,
    script: Path,
    rows: Sequence[Mapping[str, object]],
    truth: Sequence[object],
    *,
    python: str,
    scratch: Path,
    environment: Mapping[str, str],
    max_seconds: float,
) -> Predictions:
    """The predictions with what `script` makes of each row; what goes wrong in it is their `error`, and never raises."""
    if predictions.error or predictions.not_finite:
        return predictions
    scratch.mkdir(exist_ok=True)
    asked, answered = scratch / "measured.json", scratch / "numbers.json"
    content = {"rows": rows, "truth": truth, "predicted": predictions.values.tolist()}
    asked.write_text(json.dumps(content, default=str))
    answered.unlink(missing_ok=True)
    command = [python, str(METRIC_ROWS), str(script), str(asked), str(answered)]
    theirs = owner_environment(environment)
    try:
        subprocess.run(command, cwd=scratch, env=theirs, stdin=subprocess.DEVNULL, timeout=max_seconds, check=False)
    except subprocess.TimeoutExpired:
        return unscored(f"{script.name} did not answer {len(rows)} rows within {max_seconds:g} s")
    answer = json.loads(answered.read_text()) if answered.is_file() else {"error": "it ended its process"}
    if "numbers" not in answer:
        return unscored(f"{script.name}: {answer.get('error')}")
    numbers = np.array(answer["numbers"], dtype=np.float64)
    if wrong := int((~np.isfinite(numbers)).sum()):
        return unscored(f"{script.name}: {wrong} of {len(numbers)} of its numbers are not finite")
    return replace(predictions, own=numbers)
