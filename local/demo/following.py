"""Following the demo's story through the API: asking until it is so, and telling what was reached."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.client import Client
from local.datasets import PATIENTS, Row, diabetes
from local.demo.telling import Telling

MODEL = "diabetes"
FOLDER = Path("models") / MODEL


@dataclass
class Following:
    """What the demo knows while it goes on: its clients, one a person, and the folder for its files."""

    env: dict[str, str]
    folder: Path
    tell: Telling
    seen: list[str] = field(default_factory=list)
    source: Path = FOLDER
    _asked: int = 0

    def __post_init__(self) -> None:
        self.engineer = Client(self.env, "data-engineer")
        self.scientist = Client(self.env, "data-scientist")
        self.operations = Client(self.env, "operations")

    def release(self, number: int) -> dict[str, Any] | None:
        """A release as the API shows it, or None before it is there."""
        wanted = f"{MODEL}-{number:04d}"
        releases = self.operations.get(f"/api/models/{MODEL}")["releases"]
        return self.operations.get(f"/api/releases/{wanted}") if any(r["id"] == wanted for r in releases) else None

    def reach(self, number: int, *states: str) -> dict[str, Any]:
        """Wait until a release is in one of these states."""

        def look() -> dict[str, Any] | None:
            found = self.release(number)
            return found if found is not None and found["state"] in states else None

        return self.tell.until(look, f"release {number} becomes {' or '.join(states)}")

    def caused_by(self, kind: str, *states: str) -> dict[str, Any]:
        """Wait until the newest release with this kind of cause is in one of these states."""

        def look() -> dict[str, Any] | None:
            for listed in self.operations.get(f"/api/models/{MODEL}")["releases"]:
                found: dict[str, Any] = self.operations.get(f"/api/releases/{listed['id']}")
                if any(cause["kind"] == kind for cause in found["causes"]):
                    return found if found["state"] in states else None
            return None

        return self.tell.until(look, f"a release caused by {kind} becomes {' or '.join(states)}")

    def _model_is(self, folder: str) -> bool | None:
        models = {model["name"]: model for model in self.operations.get("/api/models")}
        return True if models.get(MODEL, {}).get("folder") == folder else None

    def _accepted(self, blob: str) -> dict[str, str]:
        tags = self.tell.until(lambda: self._verdict(blob), f"{blob} gets its verdict")
        self.tell.expect(tags["baton"] == "accepted", f"{blob} is accepted")
        return tags

    def _verdict(self, blob: str) -> dict[str, str] | None:
        tags = self.engineer.verdict(blob)
        return tags if tags.get("baton") in ("accepted", "refused") else None

    def _follow(self, number: int) -> None:
        """Tell the states of a release as they are reached."""
        for state in ("judging", "certifying"):
            later = {"judging": ("judging", "registering", "certifying"), "certifying": ("certifying", "staging")}[
                state
            ]
            found = self.reach(number, *later, "awaiting approval", "held", "failed")
            if found["state"] in ("held", "failed"):
                return
            done = (
                "trained in a process of its own"
                if state == "judging"
                else f"registered in MLflow as version {found['version']}"
            )
            self.tell.step(done, found["train_run"] if state == "judging" else "the gates passed")

    def _score(self) -> Any:
        self._asked += 1
        return self.operations.score(MODEL, json.dumps({"data": [features_of(diabetes()[self._asked % PATIENTS])]}))

    def _watch_traffic(self, number: int) -> None:
        """Tell each share as it is reached, and send a few requests meanwhile, as clients do."""
        release = f"{MODEL}-{number:04d}"
        told = 0
        while told < 100:
            told = self.tell.until(lambda seen=told: self._next_share(number, seen), "the next step of the roll-out")  # type: ignore[misc]
            self.tell.step(f"{told} % of the traffic to {release}", "each step bakes, and is counted before the next")
            self._score()

    def _next_share(self, number: int, seen: int) -> int | None:
        found = self.release(number)
        self.tell.expect(
            found is not None and found["state"] in ("awaiting approval", "rolling out", "live"), "it rolls out"
        )
        share = int(found["split"].get(found["id"], 0)) if found else 0
        return share if share > seen else None

    def _note(self, what: str) -> str | None:
        lines = self.operations.get(f"/api/models/{MODEL}/journal?from=1")["lines"]
        notes = [note for line in lines for note in line["notes"] if note["what"] == what]
        return notes[-1].get("why", "") if notes else None

    def _serves_other_than(self, version: str) -> str | None:
        answer = self._score()
        return answer.version if answer.status == 200 and answer.version != version else None


def features_of(row: Row) -> Row:
    """What a scoring request holds of a patient: the measurements, without number and outcome."""
    return {name: value for name, value in row.items() if name not in ("PATIENT", "Y")}
