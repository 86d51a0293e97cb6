"""What a model's partition says: its head (`head.py`), its open releases, and the commands not yet done.

Frozen values with one stored form (JSON with `v`, see `forms.py`), read back tolerantly like events: unknown
keys are ignored, missing ones take the default that today's code gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from shared.head import Appointments as Appointments
from shared.head import Archived as Archived
from shared.head import Basket as Basket
from shared.head import Cause as Cause
from shared.head import Champion as Champion
from shared.head import Head as Head
from shared.head import Rollback as Rollback
from shared.table import forms
from shared.table.plain import IF_SET, plain, typed

BUILDING = ("training", "judging", "registering", "certifying", "staging")
SHIPPING = ("awaiting approval", "rolling out")
LIVE = "live"
ENDS = ("replaced", "held", "rejected", "expired", "superseded", "rolled back", "failed")
STATES = (*BUILDING, *SHIPPING, LIVE, *ENDS)


@dataclass(frozen=True, slots=True)
class Release:
    """One attempt to bring a version to production, with the rules it began with (`folder`).

    `files` is the number of the last accepted file that it may read, those from `first_new_file` on were in the basket;
    `manifest` is the dataset version that it was trained on, or is judged by, and `pinned` the one that a person chose
    for it. `attempt` counts the tries of the present
    step, `runs` all runs of each step, so that no run's name comes twice. `moving` is the purpose of the
    traffic change under way: there is one at a time. `against` is the champion's version that verdict and approval were
    made against. `deadline` and `owner` say until when and for whom it waits. While the platform has no room for its
    command `waits_command`, `waits_for` says why, and `waits_left` how many seconds its own deadline had left.
    `input_print` names the data and code that it trained; `depth` is how often drift alone had the same trained again before.
    `trained` is where the training run's result is kept. `trace` is the context that its commands carry on.
    """

    id: str
    model: str
    state: str
    causes: tuple[Cause, ...]
    folder: str
    author: str
    opened_at: datetime
    files: int = 0
    first_new_file: int = 0
    attempt: int = 1
    runs: Mapping[str, int] = field(default_factory=dict)
    run: str = ""
    train_run: str = ""
    manifest: str = ""
    version: str = ""
    against: str = ""
    against_folder: str = ""
    evidence: str = ""
    verdict: str = ""
    gain: Mapping[str, float] = field(default_factory=dict)
    certificate: str = ""
    signature: str = ""
    nonce: str = ""
    approved_by: str = ""
    approved_why: str = ""
    step: int = 0
    step_at: datetime | None = None
    step_requests: int = 0
    step_errors: int = 0
    split: Mapping[str, int] = field(default_factory=dict)
    moving: str = ""
    back_why: str = ""
    ready: bool = False
    deadline: datetime | None = None
    owner: str = ""
    why: str = ""
    next: str = ""
    past: tuple[tuple[str, str], ...] = ()
    waits_for: str = ""
    waits_since: datetime | None = None
    waits_command: int = 0
    waits_left: float = 0.0
    pinned: str = ""
    input_print: str = ""
    depth: int = 0
    trained: str = ""
    trace: str = field(default="", metadata=IF_SET)

    @property
    def number(self) -> int:
        """The release's number within its model."""
        return int(self.id.rsplit("-", 1)[1])


@dataclass(frozen=True, slots=True)
class Command:
    """One effect to be done: an outbox row. `number` makes it unique in its model; `urgency` 0 goes before 5.

    `tries` counts failed attempts; `due` is when it may next be claimed. `refused` counts the times that the platform had
    no room for it, since `refused_since`. `asked_since` is when it first asked for what was not there yet. `trace` is the
    context of the decision that sent it.
    """

    number: int
    kind: str
    release: str
    due: datetime
    urgency: int = 5
    payload: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 0
    claimed_until: datetime | None = None
    last_error: str = ""
    refused: int = 0
    refused_since: datetime | None = None
    asked_since: datetime | None = None
    trace: str = field(default="", metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file of the model's data: its number, content hash, and where its bytes, the drop and its profile are.

    `contract` is the SHA-256 of the contract that it satisfied, `source` what its sender said of where it comes from, and
    `drop_sha256` the drop's own hash where the accepted file is another one than the drop.
    """

    number: int
    sha256: str
    rows: int
    size: int
    stored: str
    blob: str
    at: datetime
    contract: str = ""
    contract_version: str = ""
    source: str = ""
    profile: str = ""
    drop_sha256: str = ""


S = TypeVar("S", Head, Release, Command, AcceptedFile)
FORMS: Mapping[type, forms.Kind] = {Head: "head", Release: "release", Command: "command", AcceptedFile: "file"}


def dumps(value: Head | Release | Command | AcceptedFile) -> str:
    """The stored form of a row's value, as compact JSON text."""
    written = plain(value)
    return forms.text({"head": written} if isinstance(value, Head) else written)


def loads(kind: type[S], text: str) -> S:
    """The value that `dumps` wrote, of this or an older version of the code; `NewerForm` if a later one wrote it."""
    found = forms.read(FORMS[kind], text)
    value: S = typed(kind, found["head"] if kind is Head else found)
    return value
