"""What happened: every event that the chain decides on, as frozen values with one stored form.

Three families. *World* events arrive through Event Grid and are never trusted for their content:
they make Baton look. *People* events enter through the web API only. *Outcomes* are what a command
of ours found or did. `DeadlinePassed`, `RowSetAside` and `Carried` are the fold's own.

The stored form is JSON with `kind` and `v` (see `forms.py`); `load` reads what `dump` wrote, ignores keys
that it does not know and fills those that an older version did not write.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shared import forms
from shared.errors import NewerForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all: `id` is the identity (content, not delivery), `at` when it happened or arrived."""

    id: str
    at: datetime
    family: ClassVar[str] = ""


# World


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLanded(Event):
    """A blob was written under a model's prefix. `etag` is bare; `size` is bytes as the event says."""

    family: ClassVar[str] = "world"
    container: str
    blob: str
    etag: str
    size: int
    api: str = ""
    sequencer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged(Event):
    """A run reached a status; `status` is lower case. `model` is what its tags name, empty for our own runs."""

    family: ClassVar[str] = "world"
    run_id: str
    status: str
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRegistered(Event):
    """A version was registered, by us (`release` from its tags) or by somebody else."""

    family: ClassVar[str] = "world"
    version: str
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeployed(Event):
    """A service was deployed; what serves is then asked of the endpoint."""

    family: ClassVar[str] = "world"
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDetected(Event):
    """A monitor saw what is scored move away from what was trained on. `coefficient` is the monitor's own number."""

    family: ClassVar[str] = "world"
    monitor: str
    run_id: str
    coefficient: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReported(Event):
    """A monitor's run completed: its life sign, whatever it saw."""

    family: ClassVar[str] = "world"
    run_id: str


# People


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEvent(Event):
    """Somebody decided or asked. `why` is theirs and is journalled as written."""

    family: ClassVar[str] = "people"
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPublished(PersonEvent):
    """A model folder was uploaded under its hash; `by` becomes its author."""

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRequested(PersonEvent):
    """Train again with what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested(PersonEvent):
    """Give the traffic back to the champion before this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequested(PersonEvent):
    """Open a new release with the cause and the data of one that ended."""

    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested(PersonEvent):
    """Record events, but let effects wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequested(PersonEvent):
    """Let waiting effects go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeBegan(PersonEvent):
    """Somebody froze everything, as the installation's freeze of this number, at `since`; `at` is when this model was told."""

    number: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeEnded(PersonEvent):
    """Somebody ended the freeze of this number, and with it all before."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven(PersonEvent):
    """Approve or reject one release. It binds what the person saw; `mac` is checked before the fold believes it."""

    release: str
    approve: bool
    version: str
    evidence: str
    certificate: str
    nonce: str
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequested(PersonEvent):
    """Let a dead letter happen again. `found` is what the fold found under the key `letter`; empty if it is gone."""

    letter: str
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardRequested(PersonEvent):
    """Take a dead letter off the list; it is kept apart, with who and why. `letter` and `found` as for a replay."""

    letter: str
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRebuilt(PersonEvent):
    """The rows were written anew from the journal up to line `lines`. Where later lines were lost, numbers of `releases`
    and `commands` are skipped: those may have been used, and what the platform made under them must not be found again.
    """

    lines: int
    releases: int = 0
    commands: int = 0


# Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Event):
    """What the command `command` (its number in the outbox) found or did."""

    family: ClassVar[str] = "outcome"
    command: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccepted(Outcome):
    """A drop satisfies the contract. `known_as` is filled by the fold when the same bytes were accepted before (0: new)."""

    blob: str
    etag: str
    sha256: str
    rows: int
    size: int
    stored: str
    report: str
    warnings: int = 0
    known_as: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(Outcome):
    """A drop breaks its contract; `report` names rows, columns and values, `summary` is its first sentence."""

    blob: str
    etag: str
    summary: str
    report: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGone(Outcome):
    """The drop was removed or overwritten before it was read; the later writing raised its own event."""

    blob: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Outcome):
    """The platform has the run. `manifest` names the dataset version that it reads, where the step reads one."""

    run_id: str
    manifest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Outcome):
    """A run of ours ended. `result` is its document, stored as evidence under `report` before this was written."""

    run_id: str
    status: str
    reason: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRegistered(Outcome):
    """The registry holds the candidate as `version`."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionSeen(Outcome):
    """What the endpoint serves: the version and deployment with most traffic, and the whole split (percent).

    `version` is empty only where the platform says that no such endpoint, or no traffic, exists. `moves` is the head's count
    when it was asked for (-1: not known).
    """

    version: str
    deployment: str = ""
    split: Mapping[str, int] = field(default_factory=dict)
    moves: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEnded(Outcome):
    """The staged deployment became healthy, or failed for `reason`."""

    deployment: str
    healthy: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSet(Outcome):
    """The endpoint has the split that was wanted, for `purpose` step, back or rollback.

    `requests` and `errors` are the new deployment's counts as the step begins.
    """

    purpose: str
    split: Mapping[str, int]
    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRefused(Outcome):
    """The split was not the expected one, so nothing was changed; `purpose` as in `TrafficSet`."""

    purpose: str
    found: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen(Outcome):
    """The new deployment's counts of requests and errors so far, and the split at that moment."""

    requests: int
    errors: int
    split: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentClosed(Outcome):
    """Lines up to `last` stand in the immutable `blob`: `hash` is the last line's, `sha256` that of the whole segment."""

    segment: int
    last: int
    hash: str
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone(Outcome):
    """A command whose outcome changes no state: a message told, a tag set, a deployment removed."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailed(Outcome):
    """A command was given up after its tries. `name` is the command's, `next` is what a person can do."""

    name: str
    reason: str
    next: str
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityAwaited(Event):
    """The platform has no room for a command of a release, which waits for it; not its outcome: it stays in the outbox."""

    family: ClassVar[str] = "outcome"
    command: int
    name: str
    release: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(Event):
    """A moment that the head or a release waited for is over; `of` is a release id, or `basket`."""

    family: ClassVar[str] = "time"
    of: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRead(Event):
    """The schedule of a folder became the model's. Its next moments are here, since time-zone rules change with the years."""

    family: ClassVar[str] = "time"
    folder: str
    retrain_at: datetime | None = None
    data_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDue(Event):
    """A moment of the schedule is over: `what` is retrain or data, `moment` when it was due, `next_at` the one after now."""

    family: ClassVar[str] = "time"
    what: str
    moment: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSetAside(Event):
    """The row under key `row` cannot be read by any release of Baton: it went to the dead letters as it stood there."""

    family: ClassVar[str] = "ledger"
    row: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried(Event):
    """What the first fold after an upgrade found, in today's form: `of` is a release id, or "head" (with `open` ones).

    The journal is folded again from here on, whatever its older lines come to by today's rules.
    """

    family: ClassVar[str] = "time"
    of: str
    form: Mapping[str, Any]


def _leaves(kind: type[Event]) -> list[type[Event]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in _leaves(Event)}


def dump(event: Event) -> dict[str, Any]:
    """The stored form: plain JSON values, `kind` and `v` first, times as ISO 8601 in UTC."""
    stored: dict[str, Any] = {"kind": type(event).__name__, "v": forms.V}
    for entry in dataclasses.fields(event):
        value = getattr(event, entry.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        stored[entry.name] = dict(value) if isinstance(value, Mapping) else value
    return stored


def load(stored: Mapping[str, Any]) -> Event:
    """The event that `dump` wrote, of this or an older version of the code; `NewerForm` if a later one wrote it."""
    found = forms.upgraded("event", stored)
    if isinstance(found["kind"], str) and found["kind"] not in KINDS:
        raise NewerForm(f"events of kind {found['kind'][:80]} are none that this code knows", next=forms.NEXT)
    kind = KINDS[found["kind"]]
    names = {entry.name for entry in dataclasses.fields(kind)}
    values = {name: value for name, value in found.items() if name in names}
    moments = {entry.name for entry in dataclasses.fields(kind) if str(entry.type).startswith("datetime")}
    values |= {name: datetime.fromisoformat(values[name]) for name in moments & values.keys() if values[name]}
    return kind(**values)


def dumps(event: Event) -> str:
    """`dump` as compact JSON text."""
    return json.dumps(dump(event), separators=(",", ":"), sort_keys=False)


def loads(text: str) -> Event:
    """`load` from JSON text."""
    return load(json.loads(text))
