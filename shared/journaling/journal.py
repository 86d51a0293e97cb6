"""The journal's lines: exact text, each naming the hash of the one before.

A line holds the whole event and the moment of its decision, so that folding the journal again
through `release.decide` gives exactly the stored rows. The hash is over the line's bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared import events, names
from shared.folding.turn import Decision, Note
from shared.state import Head
from shared.table import forms
from shared.table.room import LINE_ROOM, cut


def append(
    head: Head,
    event: events.Event,
    decision: Decision,
    now: datetime,
    *,
    release: str = "",
    answer: str = "",
    closes: int = 0,
) -> tuple[Head, str]:
    """The line for one decision, and the head that has it: `next_line` counted up, `line_hash` the line's own.

    `release` is the one that an outcome's command belonged to; `answer` overrides the decision's for what the fold
    itself set aside (refused, dead); `closes` is the last line of a segment that is asked to be closed with this line.
    Where there is no room for the notes they are left out: event and answer alone rebuild the rows.
    """
    told = {
        "v": forms.V,
        "n": head.next_line,
        "at": now.isoformat(),
        "answer": answer or decision.answer,
        "why": cut(decision.why),
        "event": events.dump(event),
        "release": release,
        "states": _states(decision),
        "notes": [_note(note) for note in decision.notes],
        "commands": [[command.number, command.kind, command.release] for command in decision.commands],
        **({"closes": closes} if closes else {}),
        "prev": head.line_hash,
    }
    line = json.dumps(told, separators=(",", ":"))
    if len(line) > LINE_ROOM:
        line = json.dumps({**told, "notes": []}, separators=(",", ":"))
    return replace(head, next_line=head.next_line + 1, line_hash=names.digest(line)), line


def _states(decision: Decision) -> dict[str, str]:
    open_ones = {release.id: release.state for release in decision.releases.values()}
    return {**open_ones, **{release.id: release.state for release in decision.ended}}


def _note(note: Note) -> dict[str, Any]:
    plain = {name: value for name, value in dataclasses.asdict(note).items() if value}
    return {**plain, "numbers": dict(note.numbers)} if note.numbers else plain


def read(line: str) -> Mapping[str, Any]:
    """A line as today's code would have written it; `NewerForm` if a later release wrote it."""
    return forms.read("line", line)


def first_break(lines: list[str], *, first: int = 1, prev: str = "") -> int | None:
    """The number of the first line that is changed, missing, reordered or added, by the hash chain; None if all hold.

    `lines` begin with line `first`, and the one before that has the hash `prev`.
    """
    before = prev
    for number, line in enumerate(lines, start=first):
        found = json.loads(line)  # as written: number and hash mean the same in every form
        if found["n"] != number or found["prev"] != before:
            return number
        before = names.digest(line)
    return None
