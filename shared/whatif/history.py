"""A model's journal as a past that other policies can be played through. Pure.

What is known of the truth is what the releases proved: one that went live with files up to number n shows that from its
opening on a model without them was worse. So a policy that trains later serves a stale model for longer, and a training that no proof
asks for counts as useless. What was never trained cannot be known: a better model that nobody tried is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.whatif.play import Signal, Trained

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """A release that went live: opened at this moment, with files up to this number."""

    at: datetime
    files: int


@dataclass(frozen=True, slots=True)
class History:
    """The past of one model; `minutes` is the mean time that all runs of one of its releases took, 0 if none ran."""

    name: str
    begin: datetime
    end: datetime
    signals: tuple[Signal, ...]
    proofs: tuple[Proof, ...]
    minutes: float

    @property
    def changes(self) -> tuple[datetime, ...]:
        """When releases that went live were opened."""
        return tuple(proof.at for proof in self.proofs)

    @property
    def alerts_from(self) -> float:
        """All that is journalled with a number was an alert."""
        return 0.0

    def seen_by_monitor(self, signal: Signal, champion: Trained) -> float:
        """What the monitor reported, against the champion of then."""
        return signal.number

    def loss(self, model: Trained, at: datetime) -> float:
        """1 while a better model is known to be possible."""
        return float(any(proof.at <= at and model.files < proof.files for proof in self.proofs))

    def passes(self, candidate: Trained, champion: Trained) -> bool:
        """Whether the candidate has files that proved to make a better model, and the champion has not."""
        return any(champion.files < proof.files <= candidate.files for proof in self.proofs)

    def is_needed(self, candidate: Trained, champion: Trained) -> bool:
        """The same: nothing else is known."""
        return self.passes(candidate, champion)


def read(model: str, lines: Iterable[Line]) -> History | None:
    """The past that a journal tells; None for one without lines."""
    known = list(lines)
    if not known:
        return None
    opened: dict[str, Proof] = {}
    live: list[Proof] = []
    for line in known:
        for note in line.get("notes", ()):
            if note["what"] == "release opened" and "files" in note.get("numbers", {}):
                opened[note["release"]] = Proof(_at(line), int(note["numbers"]["files"]))
            elif note["what"] == "release live" and note.get("release") in opened:
                live.append(opened[note["release"]])
    seconds = sum(float(line["event"].get("seconds", 0.0)) for line in known if line["event"]["kind"] == "RunEnded")
    minutes = seconds / 60 / len(opened) if opened else 0.0
    return History(model, _at(known[0]), _at(known[-1]), tuple(_signals(known)), tuple(live), minutes)


def _signals(lines: Iterable[Line]) -> Iterable[Signal]:
    published = 0
    for line in lines:
        event, at = line["event"], _at(line)
        if line["answer"] != "taken":
            continue
        kind, name = event["kind"], event["id"]
        if kind == "FileAccepted":
            yield Signal(at, "file", rows=int(event["rows"]), name=name)
        elif kind == "DriftDetected":
            yield Signal(at, "report", number=float(event["coefficient"]), name=name)
        elif kind == "RetrainRequested":
            yield Signal(at, "request", name=name)
        elif kind == "ModelPublished":
            published += 1
            if published > 1:
                yield Signal(at, "folder", name=str(event["folder"]))


def _at(line: Line) -> datetime:
    return datetime.fromisoformat(line["at"])
