"""The second oracle: every input event stands in the journal once, or is recorded as duplicate, stale, refused or dead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from shared import events
from tests.histories.stage import Stage
from tests.histories.told import Told

SAYS: Mapping[str, tuple[str, ...]] = {
    "DataLanded": ("blob", "etag"),
    "RunChanged": ("run_id", "status"),
    "ModelRegistered": ("version",),
    "ModelDeployed": ("service",),
    "DriftDetected": ("run_id",),
    "FreezeBegan": ("number",),
    "FreezeEnded": ("number",),
}
REPLAYED = re.compile(r"(-r\d+)+$")  # what is decided again is told apart by the line of the request


def check_events(told: Told) -> None:
    """Each fact that was delivered and acknowledged is decided once; what was not acknowledged at most once; nothing else is."""
    sure, perhaps = expected_events(told.stage, told.model)
    sure += _decided_again(told)
    found = Counter(identity(line["event"]) for line in told.lines if _is_input(line))
    for name in sorted(sure.keys() | perhaps.keys() | found.keys(), key=str):
        least, most = sure[name], sure[name] + perhaps[name]
        if not least <= found[name] <= most:
            what = f"{told.model}: {name} stands in the journal {found[name]} times, must be {least}"
            told.stage.watch.find("events", what if least == most else f"{what} to {most}")


def _is_input(line: Mapping[str, Any]) -> bool:
    family = events.KINDS[line["event"]["kind"]].family
    return line["answer"] != "early" and family in ("world", "people")


def _decided_again(told: Told) -> Counter[tuple[str, ...]]:
    """Events that were set aside undecided and that a replay brought back: each is decided once more, or set aside again."""
    dead = {f"dead:{line['event']['id']}": line["event"] for line in told.lines if line["answer"] == "dead"}
    taken = [line["event"]["letter"] for line in told.lines if _is_taken_replay(line)]
    asked = told.stage.notes.of("ReplayRequested", told.model)
    if strange := set(taken) - set(asked):
        told.stage.watch.find("events", f"{told.model}: {sorted(strange)} were replayed, and nobody asked for it")
    return Counter(identity(dead[letter]) for letter in taken if letter in dead)


def _is_taken_replay(line: Mapping[str, Any]) -> bool:
    return line["event"]["kind"] == "ReplayRequested" and line["answer"] == "taken"


def expected_events(stage: Stage, model: str) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """How often each fact must stand in the journal: surely, and perhaps (its delivery was never acknowledged)."""
    sure: dict[tuple[str, ...], set[str]] = {}
    perhaps: dict[tuple[str, ...], set[str]] = {}
    for made in stage.notes.deliveries:
        of, delivered = stage.deliveries[made.name]
        if of == model and not made.must_be_refused:
            known = fact(delivered)
            (sure if made.acknowledged else perhaps).setdefault(known, set()).add(_told_apart(known, made.id))
    for event_id, (of, event, acknowledged) in stage.notes.people.items():
        if of == model:
            known = (type(event).__name__, event_id)
            (sure if acknowledged else perhaps)[known] = {""}
    for number in range(1, stage.notes.freezes + 1):
        for kind in ("FreezeBegan", "FreezeEnded"):
            told_so = (model, kind, number) in stage.notes.sure
            (sure if told_so else perhaps)[(kind, str(number))] = {""}
    only_perhaps = {known: ids - sure.get(known, set()) for known, ids in perhaps.items()}
    return Counter({known: len(ids) for known, ids in sure.items()}), Counter(
        {known: len(ids) for known, ids in only_perhaps.items()}
    )


def _told_apart(known: tuple[str, ...], delivery: str) -> str:
    """A deployment is told by its event's id alone, since nothing else in it says which one it was."""
    return delivery if known[0] == "ModelDeployed" else ""


def fact(delivered: Any) -> tuple[str, ...]:
    """What a delivered event says, whatever its id: by this its duplicates are known."""
    data = delivered.data
    match delivered.type.rsplit(".", 1)[1]:
        case "BlobCreated":
            return "DataLanded", delivered.subject.split("/blobs/", 1)[1], data["eTag"]
        case "RunCompleted" | "RunStatusChanged":
            return "RunChanged", data["runId"], data["runStatus"]
        case "ModelRegistered":
            return "ModelRegistered", data["modelVersion"]
        case "ModelDeployed":
            return "ModelDeployed", data["serviceName"]
        case "DatasetDriftDetected":
            return "DriftDetected", data["runId"]
        case other:
            raise AssertionError(f"a history delivers no {other}")


def identity(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The same of an event as the journal holds it; of a person's, its id."""
    kind = str(event["kind"])
    if kind in SAYS:
        return kind, *(str(event[field]) for field in SAYS[kind])
    return kind, REPLAYED.sub("", event["id"])


def check_refused(stage: Stage) -> None:
    """What came from a source that is not ours, or too late, is recorded once for each, with the reason."""
    taken = {made.id for made in stage.notes.deliveries if made.must_be_refused and made.acknowledged}
    tried = {made.id for made in stage.notes.deliveries if made.must_be_refused}
    found = len([key for owner, key in stage.world.table.rows if owner == "~unrouted"])
    if not len(taken) <= found <= len(tried):
        stage.watch.find("events", f"{found} refused events are recorded, {len(taken)} to {len(tried)} were delivered")
