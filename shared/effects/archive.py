"""The journal's closed segments: written once into the immutable container, and only then taken from the table."""

from __future__ import annotations

from shared import names
from shared.effects.parts import Parts
from shared.errors import JournalBroken
from shared.events import CommandDone, Outcome, SegmentClosed
from shared.journaling import journal, segments
from shared.journaling.archive import line_number
from shared.journaling.segments import CONTAINER
from shared.state import Command

JSON_LINES = "application/jsonl"


def close_segment(parts: Parts, model: str, command: Command) -> Outcome:
    """Write the lines `first` to `last` as one blob, create-only. Repeated, it writes the same bytes, or finds them.

    `JournalBroken` where the lines do not continue the segment before, or the name is taken by other bytes.
    """
    what = command.payload
    first, last = int(what["first"]), int(what["last"])
    lines = parts.book.journal(model, first, last - first + 1)
    _check(model, lines, first=first, last=last, prev=what["prev"])
    content = segments.content(model, what["segment"], lines, first=first, prev=what["prev"], before=what["before"])
    blob = segments.name(model, first, last)
    parts.blobs.put(CONTAINER, blob, content, content_type=JSON_LINES)
    if parts.blobs.read(CONTAINER, blob) != content:
        raise JournalBroken(
            f"{CONTAINER}/{blob} is there already, with other lines",
            next=f"baton audit verify {model}; docs/runbook.md#close-segment",
        )
    return SegmentClosed(
        **parts.stamp(model, command),
        segment=what["segment"],
        last=last,
        hash=names.digest(lines[-1]),
        sha256=names.digest(content),
        blob=f"{CONTAINER}/{blob}",
    )


def _check(model: str, lines: list[str], *, first: int, last: int, prev: str) -> None:
    broken = journal.first_break(lines, first=first, prev=prev)
    if broken is None and len(lines) != last - first + 1:
        broken = first + len(lines)
    if broken is not None:
        raise JournalBroken(
            f"the journal of {model} does not hold at line {broken}",
            next=f"baton audit verify {model}; docs/runbook.md#close-segment",
        )


def trim_journal(parts: Parts, model: str, command: Command) -> Outcome:
    """Remove the table's rows up to line `last`, a bounded number in each transaction; each is compared with its segment.

    A crash between two of them leaves fewer rows; a repeat goes on. A row that differs is never removed.
    """
    last, removed = int(command.payload["last"]), 0
    while rows := parts.book.lines.standing(model, last):
        first = line_number(rows[0].key)
        archived = dict(enumerate(parts.archive.lines(model, first, last), start=first))
        for row in rows:
            if archived.get(line_number(row.key)) != row.body:
                what = f"line {line_number(row.key)} of {model} is not in its closed segment as it stands in the table"
                raise JournalBroken(what, next=f"baton audit verify {model}; docs/runbook.md#trim-journal")
        parts.book.lines.trim(model, rows)
        removed += len(rows)
    return CommandDone(**parts.stamp(model, command), name="trim_journal", detail=f"{removed} rows up to line {last}")
