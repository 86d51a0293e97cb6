"""Random histories for as long as there is time, on all cores: how many, how fast, which seeds, and what failed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.histories.trial import SCRIPTS, Trial, keep, trial

AT_ONCE = 10
TELL_EVERY_SECONDS = 30.0


@dataclass
class Sum:
    """What a long run came to."""

    first: int
    histories: int = 0
    last: int = -1
    faults: int = 0
    calls: int = 0
    lines: int = 0
    seconds: float = 0.0
    failed: list[Path] = field(default_factory=list)

    def add(self, found: Trial, scripts: Path) -> None:
        """Count one history; a failing one's script is kept."""
        self.histories += 1
        self.last = max(self.last, found.seed)
        self.faults += found.played.faults
        self.calls += found.played.calls
        self.lines += found.played.lines
        if found.script:
            self.failed.append(keep(found, scripts))

    def __str__(self) -> str:
        rate = self.histories / self.seconds if self.seconds else 0.0
        return (
            f"{self.histories:,} histories in {self.seconds:.0f} s ({rate:.1f} a second), seeds {self.first} to {self.last}: "
            f"{self.faults:,} faults at {self.calls:,} calls, {self.lines:,} journal lines, {len(self.failed)} failed"
        )

    def row(self, day: datetime) -> str:
        """The same as a row of docs/evidence.md."""
        rate = self.histories / self.seconds if self.seconds else 0.0
        cells = (f"{day:%Y-%m-%d %H:%M}", f"{self.histories:,}", f"{self.first} to {self.last}", f"{self.seconds:.0f}")
        return (
            f"| {' | '.join((*cells, f'{rate:.1f}', f'{self.faults:,}', f'{self.calls:,}', str(len(self.failed))))} |"
        )


def some(first: int) -> list[Trial]:
    """A few histories, one after the other."""
    return [trial(seed) for seed in range(first, first + AT_ONCE)]


def run(seconds: float, *, first: int, tell: Callable[[str], None], scripts: Path = SCRIPTS) -> Sum:
    """Play histories from this seed on until the time is over; what has begun is finished."""
    began, told, found = time.monotonic(), time.monotonic(), Sum(first)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for trials in _batches(pool, first, until=began + seconds):
            for one in trials:
                found.add(one, scripts)
                if one.script:
                    tell(f"seed {one.seed} failed: baton replay-history {found.failed[-1]}\n{one.script}")
            found.seconds = time.monotonic() - began
            if time.monotonic() - told > TELL_EVERY_SECONDS:
                told = time.monotonic()
                tell(str(found))
    return found


def _batches(pool: ProcessPoolExecutor, first: int, *, until: float) -> Iterator[list[Trial]]:
    """Batches as they are done, in any order; every seed from the first on is played, none is left out."""
    begins = count(first, AT_ONCE)
    running: set[Future[list[Trial]]] = set()
    while running or time.monotonic() < until:
        while len(running) < 2 * (os.cpu_count() or 1) and time.monotonic() < until:
            running.add(pool.submit(some, next(begins)))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for one in done:
            yield one.result()


def record(found: Sum, page: Path) -> None:
    """Add a run to the page's table, which is its last."""
    page.write_text(page.read_text().rstrip("\n") + "\n" + found.row(datetime.now(UTC)) + "\n")
