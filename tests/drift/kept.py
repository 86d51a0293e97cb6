"""Counts of false alarms, kept part by part, so that hours of them can be drawn in pieces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.drift.rates import Rate, rate_of

VALUES_A_PART = 500_000  # of one column: some seconds
MOST_A_PART = 50
TURNS = 10


def part_of(rows: int) -> int:
    """How many draws are counted and kept at once."""
    return max(1, min(MOST_A_PART, VALUES_A_PART // rows))


def turns(draws: int, rows: int) -> list[int]:
    """Up to which draw each shape is counted before the next one is, so that time that ends early ends for all alike."""
    part = part_of(rows)
    step = max(1, draws // TURNS // part) * part
    return [*range(step, draws, step), draws]


@dataclass(frozen=True)
class Kept:
    """A file with a line of JSON for each part: its `Rate`, seed, whether the second files were changed, the number of its first
    draw, and seconds.
    """

    file: Path
    count: Callable[..., Rate] = rate_of

    def rate(
        self, shape: str, rows: int, draws: int, *, seed: int, changed: bool = False, until: float = float("inf")
    ) -> Rate:
        """What is counted of the first `draws` draws, after drawing those that are not there yet, as long as the monotonic clock
        says less than `until`.
        """
        found = self._read(shape, rows, seed, changed)
        part = part_of(rows)
        for first in range(0, draws, part):
            wanted = min(part, draws - first)
            if (first not in found or found[first].draws < wanted) and time.monotonic() < until:
                began = time.monotonic()
                found[first] = self.count(shape, rows, wanted, seed=seed, first=first, changed=changed)
                told = {**asdict(found[first]), "seed": seed, "changed": changed, "first": first}
                self._add({**told, "seconds": round(time.monotonic() - began, 1)})
        counts = [sum(getattr(rate, name) for rate in found.values()) for name in ("draws", "alarms", "equal")]
        return Rate(shape, rows, *counts)

    def _read(self, shape: str, rows: int, seed: int, changed: bool) -> dict[int, Rate]:
        """Each part by the number of its first draw; the later of two lines counts."""
        wanted = (shape, rows, seed, changed)
        same = (
            line for line in self._lines() if (line["shape"], line["rows"], line["seed"], line["changed"]) == wanted
        )
        return {line["first"]: Rate(shape, rows, line["draws"], line["alarms"], line["equal"]) for line in same}

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self.file.exists():
            yield from (json.loads(line) for line in self.file.read_text().splitlines())

    def _add(self, told: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps(told) + "\n")
