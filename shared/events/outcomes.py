"""What a command of ours found or did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shared.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Event):
    """What the command `command` (its number in the outbox) found or did."""

    family: ClassVar[str] = "outcome"
    command: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccepted(Outcome):
    """A drop satisfies the contract. `known_as` is filled by the fold when the same bytes were accepted before (0: new).

    `contract` is that contract's SHA-256, `source` what the drop's sender said of where it comes from. Where the accepted file is
    another one than the drop, `drop_sha256` is the drop's; `refused_rows` of it were left out. `owner` as in `FileRefused`.
    """

    blob: str
    etag: str
    sha256: str
    rows: int
    size: int
    stored: str
    report: str
    warnings: int = 0
    known_as: int = 0
    contract: str = ""
    contract_version: str = ""
    source: str = ""
    profile: str = ""
    drop_sha256: str = ""
    refused_rows: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(Outcome):
    """A drop breaks its contract; `report` names rows, columns and values, `summary` is its first sentence.

    `owner` is who the contract's team names as owner, if anybody.
    """

    blob: str
    etag: str
    summary: str
    report: str
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGone(Outcome):
    """The drop was removed or overwritten before it was read; the later writing raised its own event.

    With `folder`, it is a part of that one, and no drop by itself: `reason` says what became of it.
    """

    blob: str
    reason: str
    folder: str = ""


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
    when it was asked for (-1: not known). `named`: the registry was told that it is the champion, as was asked for.
    `doubt`: in which words the registry disagrees, "" if it does not.
    """

    version: str
    deployment: str = ""
    split: Mapping[str, int] = field(default_factory=dict)
    moves: int = -1
    named: bool = False
    doubt: str = ""


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
    """A command was given up after its tries. `name` is the command's, `next` is what a person can do.

    `blob` and `etag` are the drop's, if it was to be checked.
    """

    name: str
    reason: str
    next: str
    tries: int = 1
    blob: str = ""
    etag: str = ""
