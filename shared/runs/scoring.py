"""What a model predicts for rows, asked of its own score.py in its own interpreter."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.runs.metrics import Numbers
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
    """One number a row, NaN where the model gave none, or one a class, shape (rows, classes); or the reason why there is
    nothing. `own` is what the owner's metric makes of each row, `seconds` how long the first rows took one by one.
    """

    values: Numbers
    error: str = ""
    own: Numbers | None = None
    seconds: tuple[float, ...] = ()

    @property
    def not_finite(self) -> int:
        """How many rows have a prediction that is no finite number."""
        wrong = ~np.isfinite(self.values)
        return int((wrong.any(axis=1) if wrong.ndim == 2 else wrong).sum())

    @property
    def constant(self) -> bool:
        """Whether several rows got one and the same prediction."""
        return len(self.values) > 1 and bool((self.values == self.values[0]).all())


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
    classes: Sequence[str] = (),
    timed: int = 0,
) -> Predictions:
    """The predictions for `rows`, in order. Never raises for what the model does: that is in `error`.

    With `classes` a prediction is one of them, and becomes its number, or a list with a probability for each; of two classes
    also the probability of the second alone. The first `timed` rows are asked once more, one by one, with a watch.
    """
    if not rows:
        return unscored("there are no holdout rows")
    scratch.mkdir(exist_ok=True)
    asked, answered = scratch / "rows.json", scratch / "answer.json"
    asked.write_text(json.dumps(rows, default=str))
    answered.unlink(missing_ok=True)
    files = (str(scorer.folder / "score.py"), str(asked), str(answered))
    command = [scorer.python, str(SCORE_ROWS), *files, str(timed)]
    theirs = owner_environment(environment, AZUREML_MODEL_DIR=str(scorer.model))
    try:
        ended = subprocess.run(
            command, cwd=scratch, env=theirs, stdin=subprocess.DEVNULL, timeout=max_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return unscored(f"score.py did not answer {len(rows)} rows within {max_seconds:g} s")
    if not answered.is_file():
        return unscored(f"score.py ended the process with code {ended.returncode}")
    return _read(json.loads(answered.read_text()), classes)


def _read(answer: Mapping[str, object], classes: Sequence[str]) -> Predictions:
    predictions, seconds = answer.get("predictions"), answer.get("seconds")
    if not isinstance(predictions, list):
        return unscored(f"score.py: {answer.get('error')}")
    wanted = f"one of {', '.join(classes)} or a list of {len(classes)} probabilities" if classes else "a number"
    wanted += f", or the probability of {classes[1]}" if has_chance(classes) else ""
    numbers = [_number(prediction, classes) for prediction in predictions]
    for row, number in enumerate(numbers):
        if number is None or isinstance(number, list) != isinstance(numbers[0], list):
            return unscored(f"score.py: prediction {row} is {predictions[row]!r}, must be {wanted}")
    timed = tuple(float(each) for each in seconds) if isinstance(seconds, list) else ()
    return Predictions(np.array(numbers, dtype=np.float64), seconds=timed)


def _number(prediction: object, classes: Sequence[str]) -> float | list[float] | None:
    """A prediction as a number, the class's if there are classes; None if it is neither that nor a list of probabilities."""
    if classes:
        if isinstance(prediction, list):
            numbers = [_number(each, ()) for each in prediction]
            fits = len(numbers) == len(classes) and all(isinstance(each, float) for each in numbers)
            return [each for each in numbers if isinstance(each, float)] if fits else None
        named = class_name(prediction)
        if named in classes:
            return float(classes.index(named))
        if not has_chance(classes) or isinstance(prediction, bool) or not isinstance(prediction, int | float):
            return None
        return float(prediction) if 0 <= prediction <= 1 else None
    if prediction is None:
        return math.nan
    return float(prediction) if isinstance(prediction, int | float) else None


def has_chance(classes: Sequence[str]) -> bool:
    """Whether a number can be the probability of the second class: not where 0 or 1 is the name of another one.

    >>> has_chance(["repaid", "defaulted"]), has_chance(["0", "1"]), has_chance(["1", "2"]), has_chance(["a", "b", "c"])
    (True, True, False, False)
    """
    return len(classes) == 2 and (tuple(classes) == ("0", "1") or not {"0", "1"} & set(classes))


def class_name(value: object) -> str:
    """A class as `gates.compare.classes` names it: 1.0 and 1 are "1"."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
