"""What a model answered lately, as it lies beside a drop: segments of `scored/`, and `ABOUT` for what to compare. Light to import."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ANSWERED = "answered"
"""The folder beside a drop that holds what was answered lately."""
ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class About:
    """Which columns are compared, and from what share of the rows on (percent) a drop is refused.

    `without` are columns that a request need not name: keys, the time. `classes` and `threshold` turn a probability into an answer,
    as the gates do; without classes only if `is_binary`.
    """

    model: str
    target: str
    without: Sequence[str]
    most_percent: float
    classes: Sequence[str] = ()
    threshold: float = 0.5
    is_binary: bool = False

    def save(self, folder: Path) -> None:
        """Write it beside the segments."""
        (folder / ABOUT).write_text(json.dumps(asdict(self)))

    @staticmethod
    def load(folder: Path | None) -> About | None:
        """What lies there; None if nothing was answered, or nobody looks for it."""
        if folder is None or not (folder / ABOUT).is_file():
            return None
        return About(**json.loads((folder / ABOUT).read_text()))

    def answer(self, prediction: object) -> str | float | None:
        """What was answered, as the target would say it: of probabilities the class. None for what is no answer."""
        if isinstance(prediction, list):
            return self._likeliest([number(one) for one in prediction])
        if isinstance(prediction, str):
            return prediction
        chance = number(prediction)
        if chance is None:
            return None
        if len(self.classes) == 2:
            return self.classes[chance >= self.threshold]
        return float(chance >= self.threshold) if self.is_binary else chance

    def _likeliest(self, chances: Sequence[float | None]) -> str | float | None:
        known = [chance for chance in chances if chance is not None]
        if not known or len(known) < len(chances):
            return None
        best = known.index(max(known))
        return self.classes[best] if best < len(self.classes) else float(best)


def collected(answered: Path, about: About) -> Iterator[tuple[Mapping[str, object], str | float | None]]:
    """Each row that was asked for, and what was answered; lines of another shape are passed over."""
    for segment in sorted(answered.glob("*.jsonl")):
        for line in segment.read_bytes().splitlines():
            try:
                kept = json.loads(line)
                rows, predictions = kept["rows"], kept["predictions"]
                pinned = kept["pinned"]  # a probe
            except (ValueError, KeyError, TypeError):  # a line that a crash cut short
                continue
            if (
                not pinned
                and isinstance(rows, list)
                and isinstance(predictions, list)
                and len(rows) == len(predictions)
            ):
                pairs = zip(rows, predictions, strict=True)
                yield from ((row, about.answer(said)) for row, said in pairs if isinstance(row, dict))


def number(value: object) -> float | None:
    """A finite number, also as text; None for anything else."""
    if not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
