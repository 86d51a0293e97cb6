"""The journal as a story: one entry for each sentence that a decision told, with who or what caused it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import events

Line = Mapping[str, Any]
ACTORS = {"world": "event", "outcome": "Baton", "time": "clock"}
UNTAKEN = {"stale": "changed nothing", "early": "came early", "refused": "was refused", "dead": "was set aside"}


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence: what happened and why, by which rule and numbers, what to do next; `n` is its journal line."""

    n: int
    at: datetime
    what: str
    why: str
    rule: str
    numbers: Mapping[str, float]
    next: str
    level: str
    actor: str
    event: str
    release: str
    report: str
    passes: str = ""


def story(lines: Iterable[Line], release: str) -> tuple[Told, ...]:
    """What the journal says about one release, in order; also what people asked for it and changed nothing."""
    return tuple(told for line in lines for told in _told(line) if told.release == release)


def of_model(lines: Iterable[Line]) -> tuple[Told, ...]:
    """What the journal says about a model and all its releases, in order."""
    return tuple(told for line in lines for told in _told(line))


def latest(lines: Iterable[Line], limit: int) -> tuple[Told, ...]:
    """The last sentences about a model and its releases, newest first."""
    told = [told for line in lines for told in _told(line)]
    return tuple(reversed(told[-limit:]))


def _told(line: Line) -> Iterable[Told]:
    notes = line.get("notes", [])
    for place, note in enumerate(notes):
        yield _sentence(line, note, report=line["event"].get("report", "") if place == 0 else "")
    event = line["event"]
    if not notes and line["answer"] != "taken" and "by" in event:
        what = f"{_words(event['kind'])} {UNTAKEN.get(line['answer'], line['answer'])}"
        about = line.get("release") or event.get("release", "")
        yield _sentence(line, {"what": what, "why": line.get("why", ""), "release": about})


def _sentence(line: Line, note: Mapping[str, Any], *, report: str = "") -> Told:
    event = line["event"]
    return Told(
        n=line["n"],
        at=datetime.fromisoformat(line["at"]),
        what=note["what"],
        why=note.get("why", ""),
        rule=note.get("rule", ""),
        numbers=note.get("numbers", {}),
        next=note.get("next", ""),
        level=note.get("level", "info"),
        actor=_actor(event),
        event=event.get("id", ""),
        release=note.get("release", ""),
        report=report,
        passes=note.get("passes", ""),
    )


def _actor(event: Mapping[str, Any]) -> str:
    kind = events.KINDS.get(event["kind"])
    return str(event.get("by") or ACTORS.get(kind.family if kind else "", "Baton"))


def _words(kind: str) -> str:
    """`RunChanged` as "run changed"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
