"""Counts of false alarms, kept part by part, so that hours of them can be drawn in pieces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.drift.rates import Rate, false_alarms

VALUES_A_PART = 500_000  # of one column: some seconds


@dataclass(frozen=True)
class Kept:
    """A file with a line of JSON for each part: shape, rows, seed, the number of its first draw, draws, alarms, seconds."""

    file: Path
    count: Callable[..., Rate] = false_alarms

    def rate(self, shape: str, rows: int, draws: int, *, seed: int, until: float = float("inf")) -> Rate:
        """What is counted of the first `draws` draws, after drawing those that are not there yet, as long as the monotonic clock
        says less than `until`.
        """
        found = self._read(shape, rows, seed)
        part = max(1, VALUES_A_PART // rows)
        for first in range(0, draws, part):
            wanted = min(part, draws - first)
            if found.get(first, (0, 0))[0] < wanted and time.monotonic() < until:
                began = time.monotonic()
                rate = self.count(shape, rows, wanted, seed=seed, first=first)
                self._add(rate, seed=seed, first=first, seconds=time.monotonic() - began)
                found[first] = (rate.draws, rate.alarms)
        return Rate(shape, rows, sum(draws for draws, _ in found.values()), sum(alarms for _, alarms in found.values()))

    def _read(self, shape: str, rows: int, seed: int) -> dict[int, tuple[int, int]]:
        """Draws and alarms of each part by the number of its first draw; the later of two lines counts."""
        same = (line for line in self._lines() if (line["shape"], line["rows"], line["seed"]) == (shape, rows, seed))
        return {line["first"]: (line["draws"], line["alarms"]) for line in same}

    def _lines(self) -> Iterator[dict[str, object]]:
        if self.file.exists():
            yield from (json.loads(line) for line in self.file.read_text().splitlines())

    def _add(self, rate: Rate, *, seed: int, first: int, seconds: float) -> None:
        told = {"shape": rate.shape, "rows": rate.rows, "seed": seed, "first": first, "draws": rate.draws}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps({**told, "alarms": rate.alarms, "seconds": round(seconds, 1)}) + "\n")
