"""A model's head and what it is made of: basket, champion, roll-back, appointments, and the journal's last closed segment.

Stored as `state.py` says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.gating.holdout_budget import Looks
from shared.retraining.hysteresis import Watch
from shared.retraining.spending import Spent
from shared.table.plain import IF_SET


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a release is opened: `kind` is data, drift, performance, code, schedule, request, run or registered.

    `count` events named it.
    """

    kind: str
    event: str
    at: datetime
    detail: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Basket:
    """Accepted files (numbers from `first_file` on) and causes that no release has used yet.

    `refused_why` is the last policy answer that kept the basket waiting, journalled when it changes; `look_at`
    is when that answer may change by itself. `parts` are the days and partitions that are there, and `closed_by` the
    marker that came, at `closed_at`. Since `since` something waits here: the first file or cause. `trace` is its context.
    """

    first_file: int = 1
    rows: int = 0
    last_at: datetime | None = None
    look_at: datetime | None = None
    causes: tuple[Cause, ...] = ()
    refused_why: str = ""
    bytes: int = 0
    parts: tuple[str, ...] = ()
    closed_by: str = ""
    closed_at: datetime | None = None
    since: datetime | None = None
    trace: str = field(default="", metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class Champion:
    """A version seen serving: through which deployment, from which release and folder, since when.

    `named`: the registry was told that this version is the champion, or that is not for us to tell, since somebody else
    put it there.
    """

    version: str
    deployment: str
    release: str
    folder: str
    since: datetime
    named: bool = False


@dataclass(frozen=True, slots=True)
class Rollback:
    """A roll-back under way: asked by whom and why, to which champion, until when it must be done."""

    by: str
    why: str
    target: Champion
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Appointments:
    """When the schedule of the folder `folder` next has something due, and what it missed.

    `files_then` is `next_file` as it was when data was last due, `checking` how many drops are being checked, and
    `asked_for` the moment that is waited over for them. `data_missed` and `monitor_missed` count the times in
    a row that data, or a life sign of the monitor, did not come. The quiet hours that are now, or come next, are from
    `quiet_from` until before `quiet_until`.
    """

    folder: str = ""
    retrain_at: datetime | None = None
    data_by: datetime | None = None
    asked_for: datetime | None = None
    files_then: int = 1
    checking: int = 0
    data_missed: int = 0
    monitor_by: datetime | None = None
    monitor_missed: int = 0
    quiet_from: datetime | None = None
    quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Archived:
    """The last closed segment of the journal: its number, last line with its hash, and the SHA-256 of its bytes.

    `closing` is the command that closes the next one, 0 if none; after one was given up, none is asked before line `again_at`.
    """

    segment: int = 0
    line: int = 0
    hash: str = ""
    sha256: str = ""
    closing: int = 0
    again_at: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """One model's head. Numbers count up and are never reused; `wake_at` is the earliest moment that is due.

    `outstanding` counts all commands in the outbox, `later` those of them that are not due for a while. `previous` is
    the champion before, kept warm for a roll-back until `warm_until`. `paused` and `frozen` say by whom and why it
    stands still, since `paused_at`; `freeze` and `thawed` are the numbers of the last freezes that began and ended.
    `moves` counts the times that Baton may have changed the traffic: what was asked for before the last of them may
    show what served then. Files up to number `versioned` are in a dataset version; those from `new_from` on are new in
    the one that was cut last, and `dataset` is the last manifest that a run reads. `pinned` is the
    manifest that the next retrain reads, whose last file has the number `pinned_files`. `origins`
    are the places that files came from. `holdout` is what is left of the error budget of the holdout that candidates
    are compared on. `useless` counts the releases in a row that were not promoted, `trained` names data
    and code that were trained, `denied` those whose version was rolled back. `last_print` is what was trained last, and
    `last_depth` how often drift alone had it trained again. `watch` is what the drift monitor reported, `spent` what runs cost.
    `closed` are the folders of parts that were closed last, by hash, `open` those that are not closed: hash, name, last part.
    `doubt` is in which words the registry disagrees about the champion, as the owner was told.
    """

    model: str
    folder: str
    author: str
    next_release: int = 1
    next_file: int = 1
    next_command: int = 1
    next_line: int = 1
    line_hash: str = ""
    basket: Basket = field(default_factory=Basket)
    building: str = ""
    shipping: str = ""
    champion: Champion | None = None
    previous: Champion | None = None
    warm_until: datetime | None = None
    rollback: Rollback | None = None
    paused: str = ""
    paused_at: datetime | None = None
    frozen: str = ""
    freeze: int = 0
    thawed: int = 0
    outstanding: int = 0
    later: tuple[tuple[int, datetime], ...] = ()
    early: int = 0
    dead: int = 0
    opened: tuple[datetime, ...] = ()
    useless: int = 0
    trained: tuple[str, ...] = ()
    appointments: Appointments = field(default_factory=Appointments)
    moves: int = 0
    wake_at: datetime | None = None
    archived: Archived = field(default_factory=Archived)
    versioned: int = 0
    new_from: int = 1
    dataset: str = ""
    pinned: str = ""
    pinned_files: int = 0
    origins: tuple[str, ...] = ()
    holdout: Looks = field(default_factory=Looks)
    spent: tuple[Spent, ...] = ()
    watch: Watch = field(default_factory=Watch)
    denied: tuple[str, ...] = ()
    last_print: str = ""
    last_depth: int = 0
    closed: tuple[str, ...] = ()
    open: tuple[tuple[str, str, datetime], ...] = ()
    doubt: str = ""

    @property
    def is_frozen(self) -> bool:
        """Whether the freeze of everything holds for this model, as far as it was told."""
        return self.freeze > self.thawed

    @property
    def is_still(self) -> bool:
        """Whether effects and deadlines wait: events are recorded, what people ask is decided, nothing is done."""
        return bool(self.paused) or self.is_frozen
