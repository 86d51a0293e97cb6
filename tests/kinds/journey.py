"""An example model's way on a running laptop: live, then a better drop promoted, then a mixed-up one held."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import made_up
from local.client import Answer
from local.datasets import Row, write_csv
from tests.documents import ROOT
from tests.patient import Caller, Unhurried, is_asked_for, without_haste

Part = tuple[int, int]
ENDED = ("held", "failed", "rejected", "expired", "live")


@dataclass(frozen=True)
class Kind:
    """A model folder, its rows by number, and which of them come first, make it better, and are mixed up."""

    model: str
    rows: Callable[[int, int], list[Row]]
    mixed_up: Callable[[Sequence[Row]], list[Row]]
    first: Part
    better: Part
    worse: Part


KINDS: Mapping[str, Kind] = {
    "loans": Kind("loans", made_up.loans, made_up.mixed_up_loans, (1, 401), (401, 5001), (5001, 9001)),
    "films": Kind("films", made_up.films, made_up.mixed_up_films, (1, 131), (131, 1131), (1131, 2131)),
    "demand": Kind("demand", made_up.demand, made_up.mixed_up_demand, (1, 701), (1401, 5601), (701, 1401)),
}


@dataclass(frozen=True)
class Seen:
    """A release as the API shows it, with its evidence and certificate; these are empty where it has none."""

    release: Mapping[str, Any]
    evidence: Mapping[str, Any]
    certificate: Mapping[str, Any]


class Journey:
    """One kind on one laptop. `env` are the settings of its stack, `files` a folder for what is dropped."""

    def __init__(self, env: Mapping[str, str], files: Path, kind: Kind) -> None:
        self.kind = kind
        self._files = files
        self._tell = Unhurried()
        self._engineer, self._scientist = Caller(env, "data-engineer"), Caller(env, "data-scientist")
        self.operations = Caller(env, "operations")

    def play(self) -> tuple[Seen, Seen, Seen]:
        """The first release live, the second promoted, the third held, or where they ended instead."""
        kind = self.kind
        folder = ROOT / "models" / kind.model
        self._scientist.publish(without_haste(folder, self._files) if is_asked_for() else folder)
        self._tell.until(self._is_known, f"{kind.model} is published")
        first = self._promoted(1, kind.rows(*kind.first))
        better = self._promoted(2, kind.rows(*kind.better))
        worse = self._dropped(3, kind.mixed_up(kind.rows(*kind.worse)))
        return first, better, worse

    def score(self, row: Mapping[str, object]) -> Answer:
        """What the endpoint answers to one row."""
        return self.operations.score(self.kind.model, json.dumps({"data": [row]}))

    def _is_known(self) -> bool | None:
        return True if any(one["name"] == self.kind.model for one in self.operations.get("/api/models")) else None

    def _promoted(self, number: int, rows: Sequence[Row]) -> Seen:
        seen = self._dropped(number, rows)
        if seen.release["state"] != "awaiting approval":
            return seen
        path = f"/api/releases/{seen.release['id']}"
        self.operations.post(f"{path}/approve", {"why": "its gates passed"})
        found = self._tell.until(lambda: self._in(number, *ENDED), f"{seen.release['id']} is rolled out")
        return self._seen(found)

    def _dropped(self, number: int, rows: Sequence[Row]) -> Seen:
        """Drop a file, and follow its release until a person or nobody is needed."""
        file = self._files / f"{self.kind.model}-{number}.csv"
        write_csv(rows, file)
        blob = self._engineer.drop(self.kind.model, file)
        told = self._tell.until(lambda: self._verdict(blob), f"{blob} gets its verdict")
        self._tell.expect(told["baton"] == "accepted", f"{blob} is accepted, not {told}")
        release = f"{self.kind.model}-{number:04d}"
        self._tell.step(f"dropped {len(rows)} rows")
        found = self._tell.until(lambda: self._in(number, "awaiting approval", *ENDED), f"{release} is judged")
        self._tell.step(f"{release}: {found['state']}", found["why"])
        return self._seen(found)

    def _verdict(self, blob: str) -> dict[str, str] | None:
        tags = self._engineer.verdict(blob)
        return tags if tags.get("baton") in ("accepted", "refused", "held") else None

    def _in(self, number: int, *states: str) -> Mapping[str, Any] | None:
        wanted = f"{self.kind.model}-{number:04d}"
        listed = self.operations.get(f"/api/models/{self.kind.model}")["releases"]
        if not any(one["id"] == wanted for one in listed):
            return None
        found: Mapping[str, Any] = self.operations.get(f"/api/releases/{wanted}")
        return found if found["state"] in states else None

    def _seen(self, release: Mapping[str, Any]) -> Seen:
        documents = [self._document(str(release[name])) for name in ("evidence", "certificate")]
        return Seen(release, *documents)

    def _document(self, where: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self._engineer.read(where)) if where else {}
        return found
