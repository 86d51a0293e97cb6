"""What people decided or asked for: these enter through the web API only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shared.events.event import Event


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
    """Approve or reject one release. It binds what the person saw; `mac` is checked before the fold believes it.

    `role` is the entry of the model's approvers as which they decide: their own name, or a role that they had then.
    """

    release: str
    approve: bool
    version: str
    evidence: str
    certificate: str
    nonce: str
    mac: str = ""
    role: str = ""


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
class VersionPinned(PersonEvent):
    """The next retrain that new data does not cause reads this dataset version; "" takes the pin off again.

    `files` is the number of the last file that the version holds.
    """

    manifest: str
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRequested(PersonEvent):
    """Erase bytes for ever. `erase` holds hashes and blob names only, never a value: `files` (SHA-256 of accepted files),
    `quarantine` (places of refused drops) and `scored` (blobs of collected requests).
    """

    erase: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRebuilt(PersonEvent):
    """The rows were written anew from the journal up to line `lines`. Where later lines were lost, numbers of `releases`
    and `commands` are skipped: those may have been used, and what the platform made under them must not be found again.
    """

    lines: int
    releases: int = 0
    commands: int = 0
