"""What a model predicts for rows, asked of its own score.py in its own interpreter."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.runs.comparison import Numbers
from shared.runs.owner_code import owner_environment

SCORE_ROWS = Path(__file__).with_name("score_rows.py")


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model's files, the folder whose score.py reads them, and the interpreter that has what both need."""

    model: Path
    folder: Path
    python: str


@dataclass(frozen=True, slots=True)
class Predictions:
    """One number a row, NaN where the model gave none; or the reason why there is nothing."""

    values: Numbers
    error: str = ""

    @property
    def not_finite(self) -> int:
        """How many predictions are no finite number."""
        return int((~np.isfinite(self.values)).sum())

    @property
    def constant(self) -> bool:
        """Whether several rows got one and the same prediction."""
        return self.values.size > 1 and bool((self.values == self.values[0]).all())


def unscored(error: str) -> Predictions:
    """No predictions, because of `error`."""
    return Predictions(np.empty(0), error)


def score(
    scorer: Scorer,
    rows: Sequence[Mapping[str, object]],
    *,
    scratch: Path,
    environment: Mapping[str, str],
    max_seconds: float,
) -> Predictions:
    """The predictions for `rows`, in order. Never raises for what the model does: that is in `error`."""
    if not rows:
        return unscored("there are no holdout rows")
    scratch.mkdir(exist_ok=True)
    asked, answered = scratch / "rows.json", scratch / "answer.json"
    asked.write_text(json.dumps(rows, default=str))
    answered.unlink(missing_ok=True)
    command = [scorer.python, str(SCORE_ROWS), str(scorer.folder / "score.py"), str(asked), str(answered)]
    theirs = owner_environment(environment, AZUREML_MODEL_DIR=str(scorer.model))
    try:
        ended = subprocess.run(
            command, cwd=scratch, env=theirs, stdin=subprocess.DEVNULL, timeout=max_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return unscored(f"score.py did not answer {len(rows)} rows within {max_seconds:g} s")
    if not answered.is_file():
        return unscored(f"score.py ended the process with code {ended.returncode}")
    return _read(json.loads(answered.read_text()))


def _read(answer: Mapping[str, object]) -> Predictions:
    predictions = answer.get("predictions")
    if not isinstance(predictions, list):
        return unscored(f"score.py: {answer.get('error')}")
    for number, prediction in enumerate(predictions):
        if not isinstance(prediction, int | float | None):
            return unscored(f"score.py: prediction {number} is {prediction!r}, must be a number")
    return Predictions(np.array([math.nan if p is None else p for p in predictions], dtype=np.float64))
