"""What the drift monitor remembers of a model between its looks: the newest scored rows, and how far it has read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.data.significance import ALPHA
from shared.platforms.local_run import read_json, write_json

ROWS_AT_LEAST = 50
ROWS_KEPT = 1000
FIRST_KEPT = 500


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One scored row's features and prediction, when it was scored (ISO 8601, UTC), and the request that held it."""

    at: str
    request_id: str
    features: Mapping[str, object]
    prediction: object = None


@dataclass(frozen=True, slots=True)
class Watched:
    """How far the monitor is with a model: what `<home>/monitor/<model>.json` holds.

    `cursor` is the last segment read, `window` the serving version's newest rows since it began or since the last
    alarm, `fresh` how many of them no look has seen; `looks` counts the looks of `day`. `first` are the version's first
    predictions, which later ones are compared with, and `later` how many rows came after them. `pending` is an alarm that
    was decided and perhaps not yet published, `reported` the quarter of an hour of the last life sign.
    """

    version: str = ""
    cursor: str = ""
    window: tuple[ScoredRow, ...] = ()
    fresh: int = 0
    looks: int = 0
    day: str = ""
    reported: str = ""
    pending: Mapping[str, object] = field(default_factory=dict)
    first: tuple[object, ...] = ()
    later: int = 0

    def beginning(self, version: str) -> Watched:
        """With nothing seen yet of a version that began to serve."""
        return replace(self, version=version, window=(), fresh=0, first=(), later=0)

    def adding(self, rows: Iterable[ScoredRow], cursor: str) -> Watched:
        """With the rows of further segments."""
        new = tuple(rows)
        window = (*self.window, *new)[-ROWS_KEPT:]
        first = (*self.first, *(row.prediction for row in new))[:FIRST_KEPT]
        later = self.later + len(new) - (len(first) - len(self.first))
        return replace(self, window=window, fresh=self.fresh + len(new), cursor=cursor, first=first, later=later)

    @property
    def is_due(self) -> bool:
        """Whether a look is worth its share of the false alarms: enough rows, and enough of them new."""
        return self.fresh >= max(ROWS_AT_LEAST, len(self.window) // 4)

    def looking(self, day: str) -> Watched:
        """With one more look begun."""
        return replace(self, fresh=0, looks=self.looks + 1 if day == self.day else 1, day=day)

    @property
    def alpha(self) -> float:
        """This look's chance of a false alarm. All looks of a day together stay below `ALPHA`: 6/pi^2 times 1/k^2 sums to 1."""
        return ALPHA * 6 / (math.pi * self.looks) ** 2


def scored_rows(lines: Iterable[bytes], version: str) -> Iterator[ScoredRow]:
    """The answered rows of one version; probes, which name their deployment, and rows of another shape are passed over."""
    for kept in map(_line, lines):
        answered = (kept.get("version"), kept.get("status"), kept.get("pinned")) == (version, 200, False)
        rows, predictions = kept.get("rows"), kept.get("predictions")
        if answered and isinstance(rows, list):
            known = (
                predictions if isinstance(predictions, list) and len(predictions) == len(rows) else [None] * len(rows)
            )
            yield from (
                ScoredRow(kept["time"], kept["request_id"], row, prediction)
                for row, prediction in zip(rows, known, strict=True)
                if isinstance(row, dict)
            )


def _line(line: bytes) -> dict[str, Any]:
    """What one collected line holds; nothing if a crash cut it short."""
    try:
        kept = json.loads(line)
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def load(file: Path) -> Watched:
    """What was remembered; nothing if there is none."""
    kept = read_json(file)
    kept.pop("v", None)
    window = tuple(ScoredRow(**row) for row in kept.pop("window", ()))
    return Watched(**{**kept, "window": window, "first": tuple(kept.get("first", ()))})


def save(file: Path, watched: Watched) -> None:
    """Remember it, in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"v": 1, **asdict(watched)})
