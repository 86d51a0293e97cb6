"""A second Python: whether score.py and the model's files answer under another interpreter as they do where the version serves.

Parameter `python`, its version in quotes ("3.13"), which must be on the machine of the run. It gets an environment of its own with the
folder's requirements.txt, without MLflow as where the version serves. No such Python, requirements that cannot be installed there, or
a score.py that raises there measure nothing, and a version is held by that. The measures, on holdout rows and, where they are known,
training rows:

- `largest_difference` to what the server answers; of numbers in standard deviations of the server's predictions, of chances as they are
- `changed`, the share of rows whose answer is not exactly the same, with Wilson's bounds
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import pstdev
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import chances_of
from shared.runs.checks.intervals import wilson

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject

DESCRIBE = Path(__file__).resolve().parents[1] / "describe_environment.py"
DESCRIBE_SECONDS = 60


def check(subject: Subject) -> dict[str, Any]:
    """The largest difference between both interpreters; `ValueError` where the second one gives no predictions."""
    version = subject.parameters.get("python", "")
    rows = [*subject.rows, *_trained(subject)]
    theirs, served = subject.score_by(version, rows), subject.score(rows)
    changed = sum(one != other for one, other in zip(served, theirs, strict=True))
    low, high = wilson(changed, len(rows))
    return {
        "measures": {
            "largest_difference": {"value": largest_difference(served, theirs, subject.classes), "rows": len(rows)},
            "changed": {"value": changed / len(rows), "lower": low, "upper": high, "rows": len(rows)},
        },
        "words": [
            _told(subject.python(version)),
            f"compared on {len(subject.rows)} holdout and {len(rows) - len(subject.rows)} training rows",
        ],
    }


def largest_difference(served: Sequence[Any], theirs: Sequence[Any], classes: Sequence[str]) -> float:
    """By how much two lists of answers differ at most; `ValueError` for an answer that is no finite number.

    >>> largest_difference([[0.2, 0.8], [0.5, 0.5]], [[0.2, 0.8], [0.25, 0.75]], ("a", "b"))
    0.25
    >>> largest_difference([10.0, 30.0], [10.0, 31.0], ())
    0.1
    """
    ones, others = ([_numbers(answer, classes) for answer in answers] for answers in (served, theirs))
    spread = 1.0 if classes or any(len(one) > 1 for one in ones) else pstdev(one[0] for one in ones) or 1.0
    apart = [abs(a - b) for one, other in zip(ones, others, strict=True) for a, b in zip(one, other, strict=True)]
    if not all(map(math.isfinite, apart)):
        raise ValueError("an answer is no finite number")
    return max(apart) / spread


def _numbers(answer: Any, classes: Sequence[str]) -> list[float]:
    return [float(part) for part in answer] if isinstance(answer, list) else chances_of([answer], classes)


def _trained(subject: Subject) -> list[Row]:
    try:
        return subject.trained_rows
    except ValueError:
        return []


def _told(python: str) -> str:
    """What the second interpreter is, in words."""
    command = [python, str(DESCRIBE)]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DESCRIBE_SECONDS, check=True)
    found = json.loads(told.stdout)
    return f"{found['implementation']} {found['python']} with {len(found['packages'])} packages"
