"""From a dropped file to its training process, over the real local stack, with the parts of the time.

50 drops of eight real rows each, one after the other: the next is written when the release of the one before has
ended, which takes no longer than it must because the model's train.py notes the time and fails. They go to five models
in turn, so that no model's budget of releases a day is spent. The clock starts when the client has its 2xx. Nothing is
asked of the stack while it is measured: the moments are those that the journal, the run's folder and train.py wrote
down. `--drops N` sets how many.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from local import stack
from local.client import Client
from local.datasets import diabetes, write_csv
from shared.names import release_id, run_id
from tests.bench.figures import Figure, quantile, report
from tests.conftest import PROJECT

MODELS, DROPS, ROWS = 5, 50, 8
POLL_SECONDS, PATIENCE_SECONDS = 0.02, 300.0
STOPWATCH, DIABETES = Path(__file__).parent / "stopwatch", PROJECT / "models" / "diabetes"
PARTS = {
    "taken_in": "event delivered, taken in",
    "heard": "drop heard",
    "checked": "file checked and kept",
    "opened": "file accepted, release opened",
    "asked": "run asked for",
    "started": "inputs fetched, process started",
    "script": "rows split, train.py begins",
}


@dataclass(frozen=True, slots=True)
class Moments:
    """When one drop reached each point, in seconds since the epoch."""

    written: float
    taken_in: float
    heard: float
    checked: float
    opened: float
    asked: float
    started: float
    script: float


class Course:
    """One model on the running stack, and its drops."""

    def __init__(self, client: Client, home: Path, model: str) -> None:
        self._client, self._runs, self.model = client, home / "runs", model
        self._releases = 0

    def publish(self, place: Path) -> None:
        """Publish the stopwatch under this model's name; returns when it is a model."""
        folder = place / self.model
        shutil.copytree(STOPWATCH, folder)
        for name in ("contract.yaml", "score.py"):
            shutil.copy(DIABETES / name, folder)
        spec = folder / "model.yaml"
        spec.write_text(spec.read_text().replace("name: stopwatch", f"name: {self.model}"))
        self._client.publish(folder)
        for _ in _until(f"{self.model} is published"):
            if any(known["name"] == self.model for known in self._client.get("/api/models")):
                return

    def drop(self, file: Path) -> Moments:
        """Drop one file and wait until its release has ended."""
        self._releases += 1
        release = release_id(self.model, self._releases)
        run = self._runs / run_id(release, "train", 1)
        blob = self._client.drop(self.model, file)
        written = time.time()
        began = run / "outputs" / "model" / "began.txt"
        for _ in _until(f"{run.name} began"):
            if began.exists() and began.read_text():
                break
        self._wait_for_end(release)
        started = _seconds(json.loads((run / "state.json").read_text())["started_at"])
        return self._moments(blob, release, written=written, started=started, script=float(began.read_text()))

    def _wait_for_end(self, release: str) -> None:
        for _ in _until(f"{release} ended"):
            if self._client.get(f"/api/releases/{release}")["state"] == "failed":
                return

    def _moments(self, blob: str, release: str, *, written: float, started: float, script: float) -> Moments:
        lines = self._client.get(f"/api/models/{self.model}/journal?from=1")["lines"]
        landed = _line(lines, "DataLanded", blob=blob)
        accepted = _line(lines, "FileAccepted", blob=f"incoming/{blob}")
        asked = _line(lines, "RunStarted", run_id=run_id(release, "train", 1))
        return Moments(
            written=written,
            taken_in=_seconds(landed["event"]["at"]),
            heard=_seconds(landed["at"]),
            checked=_seconds(accepted["event"]["at"]),
            opened=_seconds(accepted["at"]),
            asked=_seconds(asked["event"]["at"]),
            started=started,
            script=script,
        )


def _line(lines: list[dict[str, Any]], kind: str, **wanted: str) -> dict[str, Any]:
    return next(
        line
        for line in lines
        if line["event"]["kind"] == kind and all(line["event"].get(name) == value for name, value in wanted.items())
    )


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _until(what: str) -> Iterator[None]:
    """Ask again and again; ends the benchmark if the answer does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"not within {PATIENCE_SECONDS:g} s: {what}")


def measure(drops: int) -> list[Moments]:
    """The moments of each drop, after one of each model that does not count: it builds what is built once."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        place = Path(folder)
        with stack.running(place / "home", lambda name, seconds: None) as running:
            client = Client(running.env, "data-scientist")
            courses = [Course(client, running.home, f"stopwatch-{number}") for number in range(1, MODELS + 1)]
            for course in courses:
                course.publish(place / "folders")
            files = _files(place, MODELS + drops)
            return [courses[number % MODELS].drop(file) for number, file in enumerate(files)][MODELS:]


def _files(place: Path, count: int) -> list[Path]:
    """Small files of real rows; no row stands in two of them."""
    files = [place / f"drop-{number:02d}.csv" for number in range(count)]
    for number, file in enumerate(files):
        write_csv(diabetes(1 + number * ROWS, 1 + (number + 1) * ROWS), file)
    return files


def parts(found: list[Moments]) -> list[dict[str, object]]:
    """For each part of the way, in order: how long it took, and when after the writing it was over."""
    return [
        {
            "part": text,
            "took": _summary([getattr(drop, name) - getattr(drop, before) for drop in found]),
            "over": _summary([getattr(drop, name) - drop.written for drop in found]),
        }
        for before, (name, text) in zip(["written", *PARTS], PARTS.items(), strict=False)
    ]


def _summary(seconds: list[float]) -> dict[str, float]:
    return {"p50_s": round(quantile(seconds, 0.5), 3), "p99_s": round(quantile(seconds, 0.99), 3)}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_drop", description=__doc__)
    options.add_argument("--drops", type=int, default=DROPS, help=f"at most {DROPS}: there are no more rows")
    found = measure(min(options.parse_args().drops, DROPS))
    process = _summary([drop.started - drop.written for drop in found])
    script = _summary([drop.script - drop.written for drop in found])
    figures = [
        Figure("drop to training process started, p50", process["p50_s"], "s"),
        Figure("drop to training process started, p99", process["p99_s"], "s"),
        Figure("drop to the first line of train.py, p50", script["p50_s"], "s"),
        Figure("drop to the first line of train.py, p99", script["p99_s"], "s"),
    ]
    report("drop", figures, {"drops": len(found), "parts": parts(found)})


if __name__ == "__main__":
    main()
