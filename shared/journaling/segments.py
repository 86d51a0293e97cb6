"""Closed segments of the journal: when one is due, under which name it stands, and its bytes.

A segment is a blob of JSON lines: first its own head, then the journal's lines exactly as they were written. It is
made from what the ledger committed and from nothing else, so that closing it twice writes the same bytes. Its head
names the hash of the line before its first and the SHA-256 of the whole segment before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import commands, names
from shared.folding.turn import Decision
from shared.state import Command, Head

CONTAINER = "journal"
LINES, KEPT = 300, 200
AGAIN_AFTER_LINES = 100
V = 1
NAME = re.compile(r"(?P<model>[a-z0-9-]+)/(?P<first>\d{12})-(?P<last>\d{12})\.jsonl")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many lines a segment holds, and how many of the youngest stay in the table when one is closed."""

    lines: int = LINES
    kept: int = KEPT


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment by its name: the numbers of its first and last line."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment as it was read: where, what its own head tells, its lines, and the SHA-256 of its bytes."""

    place: str
    last: int
    told: Mapping[str, Any]
    lines: tuple[str, ...]
    sha256: str

    @staticmethod
    def of(segment: Segment, content: bytes) -> Stored:
        """What the bytes hold; without a head that can be read, they tell nothing."""
        try:
            told, lines = parts(content)
        except ValueError:
            told, lines = {}, content.decode(errors="replace").split("\n")
        return Stored(f"segment {CONTAINER}/{segment.name}", segment.last, told, tuple(lines), names.digest(content))


def is_due(head: Head, sizes: Sizes) -> bool:
    """Whether the line being written now makes enough of them, and no segment is being closed already."""
    archived = head.archived
    standing = head.next_line - archived.line
    return not archived.closing and head.next_line >= archived.again_at and standing >= sizes.lines + sizes.kept


def closing(decision: Decision, sizes: Sizes, now: datetime) -> tuple[Decision, int]:
    """With the line that makes enough of them, ask for the next segment: the decision with it, and its last line or 0."""
    if not is_due(decision.head, sizes):
        return decision, 0
    last = decision.head.archived.line + sizes.lines
    head, command = ask(decision.head, last, now)
    return replace(decision, head=head, commands=(*decision.commands, command)), last


def ask(head: Head, last: int, now: datetime) -> tuple[Head, Command]:
    """The command that closes the lines up to `last`, and the head that waits for it."""
    archived, number = head.archived, head.next_command
    payload = {
        "segment": archived.segment + 1,
        "first": archived.line + 1,
        "last": last,
        "prev": archived.hash,
        "before": archived.sha256,
    }
    kind = "close_segment"
    command = Command(number, kind, "", now, commands.KINDS[kind].urgency, payload)
    waiting = replace(archived, closing=number)
    return replace(head, next_command=number + 1, outstanding=head.outstanding + 1, archived=waiting), command


def name(model: str, first: int, last: int) -> str:
    """The blob's name in the container `journal`.

    >>> name("diabetes", 1, 300)
    'diabetes/000000000001-000000000300.jsonl'
    """
    return f"{model}/{first:012d}-{last:012d}.jsonl"


def named(blob: str) -> Segment | None:
    """What a blob's name says; None for one that is no segment."""
    match = NAME.fullmatch(blob)
    return Segment(blob, int(match["first"]), int(match["last"])) if match else None


def content(model: str, number: int, lines: Sequence[str], *, first: int, prev: str, before: str) -> bytes:
    """The bytes of a segment: its head, then the lines as they are, each ended by a line feed."""
    told = {
        "v": V,
        "model": model,
        "segment": number,
        "first": first,
        "last": first + len(lines) - 1,
        "prev": prev,
        "hash": names.digest(lines[-1]),
        "before": before,
    }
    return "".join(f"{line}\n" for line in (json.dumps(told, separators=(",", ":")), *lines)).encode()


def parts(content: bytes) -> tuple[dict[str, Any], list[str]]:
    """A segment's head and its lines. `ValueError` if it has no head."""
    first, *lines = content.decode().removesuffix("\n").split("\n")
    head = json.loads(first)
    if not isinstance(head, dict):
        raise ValueError("a segment begins with its head")
    return head, lines
