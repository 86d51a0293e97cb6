"""The rows of a model's partition: under which key each stands, and the writes that a decision comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import events, names, state
from shared.state import AcceptedFile, Command, Head, Release
from shared.storage.port import Delete, Insert, Put, Replace, Row, Write
from shared.table import forms

TRUSTED_WITHIN = timedelta(seconds=2)
SEEN_FOR = timedelta(days=14)
HEAD, OPEN, INBOX, OUTBOX, EARLY = "!0head", "!1open:", "!2in:", "!3out:", "!4early:"
PEOPLE_FIRST, WORLD_NEXT = "0", "5"
BODY_ROOM = 29_000
TEXT_IN_A_LETTER = 8_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits for its decision. `tries` counts folds that it made raise; `early_until` is set for early ones."""

    key: str
    etag: str
    event: events.Event
    tries: int = 0
    early_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that no release of Baton can read, as it stands there."""

    key: str
    etag: str
    text: str
    why: str

    @property
    def identity(self) -> str:
        """Under which it is set aside: the same row with the same text is set aside once."""
        return names.identity_key("row", self.key, self.text)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one range read shows of a model; `head` is None before its first publish.

    `is_older` says that an earlier release wrote the head: this one has decided nothing on the model yet.
    """

    head: Head | None
    head_etag: str
    releases: Mapping[str, Release]
    etags: Mapping[str, str]
    inbox: tuple[Waiting, ...]
    read_at: datetime | None = None
    is_older: bool = False
    damaged: tuple[Damaged, ...] = ()
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A command in the outbox, with the key and ETag of its row, and how long it has stood so by storage's clock."""

    command: Command
    key: str
    etag: str
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outbox:
    """The first commands of a model, urgent ones first; whether they wait because everything does; storage's time; damaged rows."""

    entries: tuple[Entry, ...]
    is_still: bool
    read_at: datetime | None = None
    damaged: tuple[Damaged, ...] = ()


def agreed(local: datetime, read_at: datetime | None) -> datetime:
    """The time that all workers agree on: this machine's, unless storage's differs by more than an answer takes.

    >>> agreed(datetime(2026, 1, 1, 12, 5), datetime(2026, 1, 1, 12, 0)).minute
    0
    """
    return local if read_at is None or abs(local - read_at) <= TRUSTED_WITHIN else read_at


def entry_of(row: Row) -> Entry:
    """A row of the outbox."""
    age = row.read_at - row.written_at if row.read_at and row.written_at else None
    return Entry(state.loads(Command, row.body), row.key, row.etag, age)


def inbox_key(event: events.Event) -> str:
    """Where an event waits: people's before the world's, each in the order of their moments."""
    urgency = PEOPLE_FIRST if event.family == "people" else WORLD_NEXT
    return f"{INBOX}{urgency}{moment(event.at)}:{event.id}"


def inbox_body(event: events.Event) -> str:
    """The text of a new inbox row."""
    return forms.text({"event": events.dump(event), "tries": 0})


def seen_body(event: events.Event) -> str:
    """The text of the row by which a repeat is known: since when, and until when it must be; for ever without `until`.

    It must be for ever where nothing else would show that the event is an old one: what a person asked for, a drift alert,
    a version or run that somebody else made. A drop is known by its bytes, and a run of ours by its release, as well.
    """
    until = {"until": (event.at + SEEN_FOR).isoformat()} if _is_known_otherwise(event) else {}
    return forms.text({"at": event.at.isoformat(), **until})


def is_over(body: str, now: datetime) -> bool:
    """Whether the time of a `seen` row is over. One that 0.1.0 wrote does not say what it is of, and is kept."""
    until = forms.read("seen", body).get("until")
    return until is not None and datetime.fromisoformat(until) <= now


def _is_known_otherwise(event: events.Event) -> bool:
    if isinstance(event, events.RunChanged):
        return not event.model
    return isinstance(event, events.DataLanded | events.ModelDeployed)


def event_row(waiting: Waiting, *, tries: int) -> Write:
    """An inbox row that is kept after its event made the fold raise."""
    until = {"until": waiting.early_until.isoformat()} if waiting.early_until else {}
    body = {"event": events.dump(waiting.event), "tries": tries, **until}
    return Replace(waiting.key, forms.text(body), waiting.etag)


def early_rows(waiting: Waiting, until: datetime) -> list[Write]:
    """Move an event from the inbox to the early ones."""
    body = {"event": events.dump(waiting.event), "tries": 0, "until": until.isoformat()}
    key = f"{EARLY}{moment(until)}:{waiting.event.id}"
    return [Delete(waiting.key, waiting.etag), Put(key, forms.text(body))]


def dead_row(waiting: Waiting, why: str, at: datetime) -> Write:
    """A dead letter for an event that cannot be decided."""
    body = {"at": at.isoformat(), "kind": "event", "why": why, "event": events.dump(waiting.event)}
    return Put(f"dead:{waiting.event.id}", forms.text(body))


def dead_command(command: Command, why: str, at: datetime) -> Write:
    """A dead letter for a command that was given up."""
    body = {"at": at.isoformat(), "kind": "command", "why": why, "command": json.loads(state.dumps(command))}
    return Put(f"dead:command-{command.number:012d}", forms.text(body))


def damaged_rows(row: Damaged, at: datetime) -> list[Write]:
    """Set a damaged row aside: its text as it stood there under a key of its own, and a dead letter that says so."""
    kept = f"damaged:{row.identity}"
    text = {"text": row.text} if len(row.text) <= TEXT_IN_A_LETTER else {}
    body = {"at": at.isoformat(), "kind": "row", "why": row.why, "row": row.key, "kept": kept, **text}
    return [Delete(row.key, row.etag), Put(kept, row.text), Put(f"dead:row-{row.identity}", forms.text(body))]


def release_rows(releases: Mapping[str, Release], ended: tuple[Release, ...], before: Snapshot) -> list[Write]:
    """Rows for releases that are open, changed or ended."""
    writes: list[Write] = [
        Put(OPEN + release.id, state.dumps(release))
        for release in releases.values()
        if before.releases.get(release.id) != release
    ]
    for release in ended:
        writes.append(Put(f"release:{counted_down(release.number)}", state.dumps(release)))
        if release.id in before.releases:
            writes.append(Delete(OPEN + release.id, before.etags[release.id]))
    return writes


def file_rows(files: tuple[AcceptedFile, ...]) -> list[Write]:
    """Rows for newly accepted files: by number, and by content; create-only, since the same bytes are one file."""
    by_number: list[Write] = [Insert(f"file:{file.number:012d}", state.dumps(file)) for file in files]
    return by_number + [Insert(f"sha:{file.sha256}", forms.text({"number": file.number})) for file in files]


def command_rows(commands: tuple[Command, ...]) -> list[Write]:
    """Outbox rows for new commands."""
    return [Insert(f"{OUTBOX}{command.urgency}:{command.number:012d}", state.dumps(command)) for command in commands]


def line_row(number: int, line: str) -> Write:
    """The journal's row; create-only, since a line is written once."""
    return Insert(f"journal:{number:012d}", line)


def waiting_of(row: Row) -> Waiting:
    body = forms.read("waiting", row.body)
    until = body.get("until")
    moment = datetime.fromisoformat(until) if until else None
    return Waiting(row.key, row.etag, events.load(body["event"]), int(body.get("tries", 0)), moment)


def moment(at: datetime) -> str:
    return f"{int(at.timestamp() * 1_000_000):017d}"


def counted_down(number: int) -> str:
    return f"{999_999_999_999 - number:012d}"
