"""What Event Grid could not deliver: its dead-letter container, read, replayed through the real intake, or discarded.

An event whose time the trigger cannot parse arrives only here: the host refuses it before any code of ours runs.
A blob is never changed or deleted. What a person did with it is a create-only row, and takes it off the list:

    before                 | the blob stands in the container, no row
    crash within a replay  | some of its events are recorded; a second replay finds those seen before
    crash before the row   | the same: the blob is still listed
    asked twice at once    | each event is recorded once, the second row is refused by the first
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared import log, names
from shared.errors import EventRefused, Permanent
from shared.intake import Intake, Received
from shared.storage.port import BlobMissing, Blobs, Insert, RowExists, Table
from shared.table import forms
from shared.wire import Delivered, Routed

CONTAINER, SYSTEM, HANDLED = "deadletter", "~system", "undelivered:"
END_OF, PAGE = "~", 1000
LARGEST = 8 * 1024 * 1024
PARSED_BY_THE_TRIGGER = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|\+00:00)?", re.ASCII)


class HandledAlready(Permanent):
    """Somebody else replayed or discarded it first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a blob: what the trigger would have got, and what Event Grid says of its attempts."""

    delivered: Delivered
    reason: str
    attempts: int
    outcome: str
    at: str
    untimed: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A blob of the container. `fault` says why it holds no events that can be read; `text` is its content then."""

    name: str
    entries: tuple[Entry, ...]
    fault: str = ""
    text: str = ""


class Undelivered:
    """The dead-letter container of one installation. Safe to share between threads."""

    def __init__(self, table: Table, blobs: Blobs, intake: Intake, *, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._blobs = blobs
        self._intake = intake
        self._clock = clock

    def waiting(self) -> list[str]:
        """The names of the blobs that nobody replayed or discarded yet, the latest hour first."""
        handled = self._handled()
        found = [name for name in self._blobs.names(CONTAINER, "") if _row_key(name) not in handled]
        return sorted(found, key=_hour, reverse=True)

    def _handled(self) -> set[str]:
        found: set[str] = set()
        first = HANDLED
        while page := self._table.page(SYSTEM, first, HANDLED + END_OF, PAGE):
            found |= {row.key for row in page}
            first = f"{page[-1].key}!"
        return found

    def read(self, name: str) -> Lost:
        """A blob's events; one that holds none says why. `BlobMissing` if it is gone."""
        seen = self._blobs.look(CONTAINER, name)
        if seen is not None and seen.size > LARGEST:
            return Lost(name, (), f"it has {seen.size} bytes, at most {LARGEST} are read")
        content = self._blobs.read(CONTAINER, name)
        try:
            found = json.loads(content)
            entries = tuple(_entry(event) for event in (found if isinstance(found, list) else [found]))
        except (ValueError, TypeError, RecursionError) as error:
            return Lost(name, (), f"it holds no events: {error}"[:300], content[:2000].decode(errors="replace"))
        return Lost(name, entries, "" if entries else "it is an empty list")

    def route(self, entry: Entry) -> Routed | Received:
        """The model and event that a replay would record, or why it would be refused. Nothing is written."""
        try:
            return self._intake.route(entry.delivered)
        except EventRefused as refused:
            return Received("refused", "", refused.what, refused.next)

    def replay(self, name: str, *, by: str, why: str) -> list[Received]:
        """Let every event of a blob in, as if it were delivered now. Safe to repeat.

        The blob leaves the list once all are recorded; where one was refused it stays, with the reason among the
        ignored events, until somebody discards it.
        """
        lost = self.read(name)
        if lost.fault:
            raise Permanent(f"{name} cannot be replayed: {lost.fault}.", next="read the blob, then discard it")
        answers = [self._intake.receive(entry.delivered) for entry in lost.entries]
        if all(answer.answer != "refused" for answer in answers):
            self._handle(name, "replayed", by, why, [asdict(answer) for answer in answers])
        log.info("undelivered replayed", blob=name, by=by, why=why, answers=", ".join(a.answer for a in answers))
        return answers

    def discard(self, name: str, *, by: str, why: str) -> None:
        """Take a blob off the list; it stays in the container. Safe to repeat."""
        if self._blobs.look(CONTAINER, name) is None:
            raise BlobMissing(f"{CONTAINER}/{name} is not there", next="list the dead letters again")
        self._handle(name, "discarded", by, why, [])
        log.info("undelivered discarded", blob=name, by=by, why=why)

    def _handle(self, name: str, what: str, by: str, why: str, answers: list[Mapping[str, Any]]) -> None:
        at = self._clock().isoformat()
        body = {"at": at, "blob": name, "what": what, "by": by, "why": why, "answers": answers[:20]}
        try:
            self._table.write(SYSTEM, [Insert(_row_key(name), forms.text(body))])
        except RowExists as other:
            row = self._table.get(SYSTEM, _row_key(name))
            was = json.loads(row.body) if row else {}
            if was.get("by") == by and was.get("what") == what:
                return
            said = f"{name} was {was.get('what', 'handled')} by {was.get('by', 'somebody')} at {was.get('at', '')}."
            raise HandledAlready(said, next="nothing: no event is recorded twice") from other


def _row_key(name: str) -> str:
    """A blob's name holds slashes, which a row's key may not."""
    return HANDLED + names.identity_key(CONTAINER, name)


def _hour(name: str) -> tuple[tuple[int, ...], str]:
    """`SUBSCRIPTION/YYYY/M/D/H/<guid>.json` by its hour; the numbers are not padded."""
    parts = name.split("/")[1:5]
    return tuple(int(part) if part.isdecimal() else 0 for part in parts), name


def _entry(event: object) -> Entry:
    """One event of either schema; keys may have any casing, and CloudEvents have the reasons' in lower case."""
    if not isinstance(event, Mapping):
        raise TypeError(f"an entry is {type(event).__name__}, must be an object")
    found = {str(key).lower(): value for key, value in event.items()}
    cloud = "specversion" in found
    topic, kind, time = ("source", "type", "time") if cloud else ("topic", "eventtype", "eventtime")
    moment, untimed = _moment(found.get(time))
    delivered = Delivered(
        _text(found.get("id")),
        _text(found.get(topic)),
        _text(found.get("subject")),
        _text(found.get(kind)),
        moment,
        found.get("data"),
    )
    attempts = found.get("deliveryattempts")
    return Entry(
        delivered,
        _text(found.get("deadletterreason")),
        attempts if isinstance(attempts, int) else 0,
        _text(found.get("lastdeliveryoutcome")),
        _text(found.get("lastdeliveryattempttime") or found.get("publishtime")),
        untimed,
    )


def _moment(value: object) -> tuple[datetime | None, str]:
    """An event's time as the trigger parses it, and the text that it cannot parse: such a time is taken as missing."""
    if value is None or value == "":
        return None, ""
    text = str(value)
    if isinstance(value, str) and PARSED_BY_THE_TRIGGER.fullmatch(value):
        try:
            return datetime.fromisoformat(value), ""
        except ValueError:
            return None, text
    return None, text[:100]


def _text(value: object) -> str:
    return "" if value is None else str(value)
