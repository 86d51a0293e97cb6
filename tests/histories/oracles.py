"""The first three oracles, asked of stored rows, the journal's text and the fake platform, once a history is at rest.

rows     folding the journal in its own order gives exactly the rows: head, releases, files, outbox, early and dead ones
events   every input event stands in the journal once, or is recorded as duplicate, stale, refused or dead
effects  the platform saw each effect once per command, and no command without its journal line
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from shared import events, journal
from shared.rebuild import rebuild
from shared.state import Head, Release, loads
from tests.histories.stage import Stage

ALL = 10**9
OUTCOMES = "outcome"


class Told:
    """What the journal of one model says, line by line, read as plain JSON."""

    def __init__(self, stage: Stage, model: str) -> None:
        self.stage = stage
        self.model = model
        self.text = stage.world.app.book.journal(model, limit=ALL)
        self.lines = [json.loads(line) for line in self.text]
        self.commands = {number: (kind, of) for line in self.lines for number, kind, of in line["commands"]}

    def rows(self, prefix: str, before: str = "") -> dict[str, Mapping[str, Any]]:
        """The stored rows under a prefix, by what follows it in their keys."""
        table = self.stage.world.table
        keys = table.rows.between(self.model, prefix, before or prefix + "~", ALL)
        return {key.removeprefix(prefix): json.loads(table.rows[(self.model, key)][0]) for key in keys}

    def events(self, *kinds: str) -> Iterator[Mapping[str, Any]]:
        """The events of these kinds that were decided, in order."""
        for line in self.lines:
            if line["event"]["kind"] in kinds and line["answer"] != "early":
                yield line["event"]


def check(stage: Stage) -> None:
    """Let all three look at every model, and note what they find."""
    for model in stage.history.models:
        if stage.world.app.book.knows(model):
            told = Told(stage, model)
            check_rows(told)
            check_events(told)
            check_effects(told)
    check_refused(stage)


# Rows


def check_rows(told: Told) -> None:
    """The journal alone tells every row of the partition."""
    find = told.stage.watch.find
    broken = journal.first_break(told.text)
    if broken is not None:
        find("rows", f"the journal of {told.model} breaks at line {broken}")
    head, opened, ended = rebuild(told.model, told.text, told.stage.world.app.parts.rules)
    table = told.stage.world.table
    stored = loads(Head, table.rows[(told.model, "!0head")][0])
    same(told, "head", head, replace(stored, wake_at=None))
    same(told, "open releases", opened, _releases(told, "!1open:"))
    same(told, "ended releases", ended, _releases(told, "release:"))
    same(told, "files", _accepted(told), {row["number"]: row["sha256"] for row in told.rows("file:").values()})
    hashes = {sha256: row["number"] for sha256, row in told.rows("sha:").items()}
    same(told, "file hashes", {sha256: number for number, sha256 in _accepted(told).items()}, hashes)
    outbox = {row["number"]: row["kind"] for row in told.rows("!3out:", "!4").values()}
    same(told, "outbox", _unanswered(told), outbox)
    same(told, "early events", _early(told), Counter(row["event"]["id"] for row in told.rows("!4early:").values()))
    same(told, "dead letters", _dead(told), set(told.rows("dead:")))
    same(told, "inbox", {}, told.rows("!2in:"))


def same(told: Told, what: str, by_journal: object, stored: object) -> None:
    """Note where the journal and the rows tell different things."""
    if by_journal != stored:
        told.stage.watch.find("rows", f"{told.model}: {what} by the journal {by_journal}, stored {stored}")


def _releases(told: Told, prefix: str) -> dict[str, Release]:
    table = told.stage.world.table
    keys = table.rows.between(told.model, prefix, prefix + "~", ALL)
    found = [loads(Release, table.rows[(told.model, key)][0]) for key in keys]
    return {release.id: release for release in found}


def _accepted(told: Told) -> dict[int, str]:
    new = [event["sha256"] for event in told.events("FileAccepted") if not event["known_as"]]
    return dict(enumerate(new, start=1))


def _unanswered(told: Told) -> dict[int, str]:
    answered = {line["event"]["command"] for line in told.lines if "command" in line["event"]}
    return {number: kind for number, (kind, _) in told.commands.items() if number not in answered}


def _early(told: Told) -> Counter[str]:
    waiting: Counter[str] = Counter()
    for line in told.lines:
        waiting[line["event"]["id"]] += 1 if line["answer"] == "early" else 0
        if line["answer"] != "early":
            waiting.pop(line["event"]["id"], None)
    return +waiting


def _dead(told: Told) -> set[str]:
    dead = {line["event"]["id"] for line in told.lines if line["answer"] == "dead"}
    return dead | {f"command-{event['command']:012d}" for event in told.events("CommandFailed")}


# Events


def check_events(told: Told) -> None:
    """Each fact that was delivered and acknowledged is decided once; what was not acknowledged at most once; nothing else is."""
    sure, perhaps = expected_events(told.stage, told.model)
    found = Counter(identity(line["event"]) for line in told.lines if _is_input(line))
    for name in sorted(sure.keys() | perhaps.keys() | found.keys(), key=str):
        least, most = sure[name], sure[name] + perhaps[name]
        if not least <= found[name] <= most:
            what = f"{told.model}: {name} stands in the journal {found[name]} times, must be {least}"
            told.stage.watch.find("events", what if least == most else f"{what} to {most}")


def _is_input(line: Mapping[str, Any]) -> bool:
    family = events.KINDS[line["event"]["kind"]].family
    return line["answer"] != "early" and family in ("world", "people")


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
    match event["kind"]:
        case "DataLanded":
            return "DataLanded", event["blob"], event["etag"]
        case "RunChanged":
            return "RunChanged", event["run_id"], event["status"]
        case "ModelRegistered":
            return "ModelRegistered", event["version"]
        case "ModelDeployed":
            return "ModelDeployed", event["service"]
        case "DriftDetected":
            return "DriftDetected", event["run_id"]
        case kind:
            return kind, event["id"]


def check_refused(stage: Stage) -> None:
    """What came from a source that is not ours, or too late, is recorded once for each, with the reason."""
    taken = {made.id for made in stage.notes.deliveries if made.must_be_refused and made.acknowledged}
    tried = {made.id for made in stage.notes.deliveries if made.must_be_refused}
    found = len([key for owner, key in stage.world.table.rows if owner == "~unrouted"])
    if not len(taken) <= found <= len(tried):
        stage.watch.find("events", f"{found} refused events are recorded, {len(taken)} to {len(tried)} were delivered")


# Effects


def check_effects(told: Told) -> None:
    """Runs, versions, deployments, splits and messages against the outcomes that the journal holds."""
    _check_commands(told)
    _check_runs(told)
    _check_versions(told)
    _check_traffic(told)
    _check_messages(told)


def _check_commands(told: Told) -> None:
    """Each command is answered once at most, each effect belongs to a journalled command, and no command had two."""
    find = told.stage.watch.find
    answers = Counter(line["event"]["command"] for line in told.lines if "command" in line["event"])
    for number, count in answers.items():
        if count > 1 or number not in told.commands:
            find(
                "effects",
                f"{told.model}: command {number} is answered {count} times, journalled as {told.commands.get(number)}",
            )
    had: Counter[int] = Counter()
    by_hand = told.stage.notes.of("hand", told.model)
    for effect in told.stage.watch.effects:
        if effect.model == told.model:
            had.update(effect.commands[:1])
            for number in effect.commands:
                if number not in told.commands:
                    find(
                        "effects", f"{told.model}: {effect.kind} {effect.what} by command {number}, which no line holds"
                    )
    for number, count in had.items():
        if count > 1 and not by_hand:
            find("effects", f"{told.model}: command {number} {told.commands.get(number)} had {count} effects")


def _given_up(told: Told, kind: str) -> bool:
    open_ones = told.rows("!3out:", "!4").values()
    return any(event["name"] == kind for event in told.events("CommandFailed")) or any(
        row["kind"] == kind for row in open_ones
    )


def _check_runs(told: Told) -> None:
    trainer = told.stage.world.trainer
    made = Counter(run.run_id for run in trainer.started if run.model == told.model)
    asked = Counter(event["run_id"] for event in told.events("RunStarted"))
    if made != asked and not (_given_up(told, "start_run") and not asked - made):
        told.stage.watch.find("effects", f"{told.model}: runs on the platform {sorted(made)}, started {sorted(asked)}")


def _check_versions(told: Told) -> None:
    versions = told.stage.world.registry.all(told.model)
    made = Counter(version.version for version in versions if version.run_id)
    asked = Counter(event["version"] for event in told.events("VersionRegistered"))
    runs = Counter(version.run_id for version in versions if version.run_id)
    if any(count > 1 for count in runs.values()):
        told.stage.watch.find("effects", f"{told.model}: a run was registered twice: {runs}")
    if made != asked and not (_given_up(told, "register_version") and not asked - made):
        told.stage.watch.find("effects", f"{told.model}: versions of ours {sorted(made)}, registered {sorted(asked)}")


def _check_traffic(told: Told) -> None:
    """The splits that came to be, one after the other, are those that the journal says were set."""
    if told.stage.notes.of("hand", told.model) or _given_up(told, "set_traffic"):
        return
    seen = [
        json.loads(e.what)["split"]
        for e in told.stage.watch.effects
        if (e.kind, e.model) == ("set_traffic", told.model)
    ]
    said = [{}, *(event["split"] for event in told.events("TrafficSet"))]
    moved = [after for before, after in pairwise(said) if before != after]
    if seen != moved:
        told.stage.watch.find("effects", f"{told.model}: splits that came to be {seen}, journalled {moved}")


def _check_messages(told: Told) -> None:
    sent = {
        int(name.rsplit("-", 1)[1])
        for name, message in told.stage.world.notifier.told.items()
        if message.model == told.model
    }
    done = {line["event"]["command"] for line in told.lines if line["event"]["kind"] == "CommandDone"}
    telling = {number for number, (kind, _) in told.commands.items() if kind in ("tell", "ask_approval")}
    missing, strange = (telling & done) - sent, sent - telling
    if missing or strange:
        told.stage.watch.find(
            "effects", f"{told.model}: messages {sorted(missing)} were not sent, {sorted(strange)} nobody asked for"
        )
