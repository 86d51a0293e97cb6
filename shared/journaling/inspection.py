"""Reading a model's whole journal as it stands, in segments and in the table, and holding it against all that names a hash.

The chain is held against the head, each segment against the one before, and both against *witnesses*: the line hashes
that stand in certificates, approval messages and logs, where whoever rewrites the journal does not reach them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shared import names, state
from shared.journaling import audit, segments
from shared.journaling.archive import Archive
from shared.journaling.audit import Entry, Fault
from shared.journaling.segments import Stored
from shared.ledger import Ledger
from shared.state import Head, Release
from shared.storage.port import BlobMissing, Blobs

TABLE_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Witness:
    """A line's hash, or its first digits, as it stands somewhere outside the journal."""

    line: int
    hash: str
    where: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was read and held against what; `fault` is the first thing that is not as it was written, None if all holds."""

    model: str
    lines: int
    segments: tuple[str, ...]
    in_table: int
    hash: str
    witnesses: int
    fault: Fault | None
    texts: tuple[Entry, ...] = field(repr=False, default=())


class Inspector:
    """Reads journals for people who doubt them. It writes nothing, and trusts nothing that it did not just read."""

    def __init__(self, book: Ledger, blobs: Blobs) -> None:
        self._book = book
        self._blobs = blobs

    def inspect(self, model: str, witnesses: Sequence[Witness] = ()) -> Inspected:
        """Hold a model's journal against everything that names one of its hashes."""
        stored = list(self._segments(model))
        archived = [Entry(one.place, line) for one in stored for line in one.lines]
        rows = self._book.lines.rows(model)
        head = self._book.head(model)
        entries, fault = _joined(archived, rows, archived_to=max((one.last for one in stored), default=0))
        last, hash = _end(head, entries)
        found = audit.first_fault(entries, last=last, hash=hash) or fault or _segments_fault(stored, head)
        named = (*self._named(model, head), *witnesses)
        found = found or _denied(entries, named)
        return Inspected(
            model, last, tuple(one.place for one in stored), len(rows), hash, len(named), found, tuple(entries)
        )

    def _segments(self, model: str) -> Iterator[Stored]:
        for segment in Archive(self._blobs).segments(model):
            yield Stored.of(segment, self._blobs.read(segments.CONTAINER, segment.name))

    def _named(self, model: str, head: Head | None) -> Iterable[Witness]:
        """The hashes in the certificates of the releases that there are."""
        opened = self._book.read(model).releases.values() if head is not None else []
        for release in (*opened, *self._book.ended(model, TABLE_PAGE)):
            yield from self._certified(release)

    def _certified(self, release: Release) -> Iterable[Witness]:
        container, _, name = release.certificate.partition("/")
        if not name:
            return
        try:
            found = json.loads(self._blobs.read(container, name)).get("journal", "")
        except (BlobMissing, ValueError, AttributeError):
            return
        if isinstance(found, str) and found:
            yield witness(found, f"certificate {release.certificate}")


def witness(text: str, where: str) -> Witness:
    """`LINE:HASH` as certificates, messages and log lines have it. `ValueError` if it is not that."""
    number, _, hash = text.partition(":")
    if not number.isdigit() or len(hash) < 16 or set(hash) - set("0123456789abcdef"):
        raise ValueError(f"{text[:80]!r} is no LINE:HASH with at least 16 hex digits")
    return Witness(int(number), hash, where)


def _joined(
    archived: list[Entry], rows: Sequence[tuple[str, str]], *, archived_to: int
) -> tuple[list[Entry], Fault | None]:
    """Segments, then the table's rows; rows that a segment holds too must be the same, and count once."""
    entries, fault = list(archived), None
    known = {entry.text for entry in archived}
    for key, body in rows:
        number = _number(key)
        if not 0 < number <= archived_to:
            entries.append(Entry(f"table row {key}", body))
        elif fault is None and body not in known:
            found = audit.short(names.digest(body))
            fault = Fault(number, "changed", f"table row {key}", "the line as its segment has it", found)
    return entries, fault


def _number(key: str) -> int:
    text = key.removeprefix("journal:")
    return int(text) if len(text) == 12 and text.isdigit() else 0


def _end(head: Head | None, entries: Sequence[Entry]) -> tuple[int, str]:
    """The last line and its hash, as the head says; without a head, as the last line itself says."""
    if head is not None:
        return head.next_line - 1, head.line_hash
    if not entries:
        return 0, ""
    try:
        return int(json.loads(entries[-1].text)["n"]), names.digest(entries[-1].text)
    except (ValueError, TypeError, KeyError):
        return len(entries), names.digest(entries[-1].text)


def _segments_fault(stored: Sequence[Stored], head: Head | None) -> Fault | None:
    """A segment whose own head does not tell what it holds, or whose bytes are not those that the next one names."""
    before, prev, first = "", "", 1
    for number, one in enumerate(stored, start=1):
        told = (one.told.get("segment"), one.told.get("first"), one.told.get("prev"), one.told.get("before"))
        if told != (number, first, prev, before):
            expected = f"segment {number} from line {first}, after hash {audit.short(prev)}"
            return Fault(first, "changed", one.place, expected, f"a head that says {json.dumps(one.told)[:200]}")
        before, first = one.sha256, first + len(one.lines)
        prev = names.digest(one.lines[-1]) if one.lines else ""
    archived = head.archived if head is not None else state.Archived()
    if archived.segment and archived.segment <= len(stored) and stored[archived.segment - 1].sha256 != archived.sha256:
        one = stored[archived.segment - 1]
        expected = f"bytes with SHA-256 {audit.short(archived.sha256)}, as the head says"
        return Fault(archived.line, "changed", one.place, expected, audit.short(one.sha256))
    return None


def _denied(entries: Sequence[Entry], witnesses: Sequence[Witness]) -> Fault | None:
    """The first line whose hash is not the one that stands outside the journal: then the journal was written anew."""
    for one in sorted(witnesses, key=lambda one: one.line):
        expected = f"the line with hash {audit.short(one.hash)}, as {one.where} says"
        if one.line > len(entries):
            return Fault(one.line, "missing", "table", expected, f"the end after line {len(entries)}")
        entry = entries[one.line - 1] if one.line > 0 else None
        if entry is not None and not names.digest(entry.text).startswith(one.hash):
            return Fault(one.line, "changed", entry.place, expected, audit.short(names.digest(entry.text)))
    return None
