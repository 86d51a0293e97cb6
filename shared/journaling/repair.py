"""A table against its journal: which rows differ, and writing them as the journal tells, where the table was damaged.

before                  | any rows, damaged
head removed (by ETag)  | nothing is decided any more: without a head nobody can commit, and none begins anew
crash in between        | the same; the rebuild is repeated from its beginning
head, event and line    | one transaction: the model goes on, and its journal says that it was rebuilt
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import events, names, state
from shared.errors import JournalBroken, LedgerConflict, NewerForm, Permanent
from shared.fold import Fold
from shared.folding.deciding import EARLY_FOR
from shared.journaling import journal
from shared.journaling.rebuild import Rebuilt, Rules, rebuilt
from shared.ledger import Ledger
from shared.state import AcceptedFile, Command, Head, Release
from shared.storage.port import Delete, Put, Row, RowChanged, Table, Write
from shared.table import forms, rows
from shared.table.rows import EARLY, HEAD, INBOX, OPEN, OUTBOX, Snapshot, Waiting

AT_ONCE, PAGE, TRIES = 50, 1000, 5
LOST_RELEASES, LOST_COMMANDS = 1_000, 10_000
RANGES = ((HEAD, EARLY + "~"), ("file:", "file:~"), ("release:", "release:~"), ("sha:", "sha:~"))
KINDS: tuple[tuple[str, Any], ...] = (
    (HEAD, Head),
    (OPEN, Release),
    ("release:", Release),
    (OUTBOX, Command),
    ("file:", AcceptedFile),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the journal says, and in which way."""

    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A model's rows as compared with `lines` of its journal: how many were right, and those that were not."""

    model: str
    lines: int
    rows: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Mended:
    """How many rows were written or removed, from how many lines; `lost` if later lines are known, or feared, to be gone."""

    model: str
    lines: int
    rows: int
    lost: bool


class Repair:
    """Compares and mends one model at a time, straight on the table. Inbox, dead letters and the journal are not touched."""

    def __init__(self, table: Table, book: Ledger, rules: Rules, fold: Fold, *, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._book = book
        self._rules = rules
        self._fold = fold
        self._clock = clock

    def check(self, model: str) -> Checked:
        """What differs. `JournalBroken` if the journal itself does not hold, `LedgerConflict` if it never stands still."""
        for _ in range(TRIES):
            before = self._table.get(model, HEAD)
            found, stored = rebuilt(model, self._lines(model), self._rules), self._stored(model)
            if self._table.get(model, HEAD) == before:
                wanted = _wanted(found)
                differences = tuple(_differences(wanted, stored))
                lines = found.head.next_line - 1 if found.head else 0
                return Checked(model, lines, len(wanted) - len(differences), differences)
        todo = f'baton pause {model} --why "..."; then check again'
        raise LedgerConflict(f"{model} is being decided on all the time", next=todo)

    def mend(self, model: str, *, by: str, why: str) -> Mended:
        """Write every row as the journal tells it. Safe to repeat, and to crash anywhere.

        `LedgerConflict` if another process decided meanwhile: then nothing was written.
        """
        standing = self._table.get(model, HEAD)
        found = rebuilt(model, self._lines(model), self._rules)
        if found.head is None:
            raise Permanent(f"{model} has no journal to rebuild from.", next=f"baton publish models/{model}")
        lost = self._lost(model, standing, found.head)
        if standing is not None:
            self._take_head(model, standing)
        written = self._write_rows(model, found)
        self._book.list_model(model)
        lines = found.head.next_line - 1
        self._fold.begin_again(model, found.head, self._event(model, by, why, lines, lost=lost))
        return Mended(model, lines, written, lost)

    def _take_head(self, model: str, standing: Row) -> None:
        try:
            self._table.write(model, [Delete(HEAD, standing.etag)])
        except RowChanged as error:
            todo = f'stop the functions, or `baton pause {model} --why "..."`, then rebuild again'
            raise LedgerConflict(
                f"another process decided on {model} meanwhile; nothing was written", next=todo
            ) from error

    def _write_rows(self, model: str, found: Rebuilt) -> int:
        """Until all stand: a command that was claimed just now has another ETag, and is looked at again."""
        wanted = {key: body for key, body in _wanted(found).items() if key != HEAD}
        written = 0
        for _ in range(TRIES):
            stored = {key: row for key, row in self._stored(model).items() if key != HEAD}
            changes = [_change(one.key, wanted, stored) for one in _differences(wanted, stored)]
            changes += self._unseen(model, found)
            if not changes:
                return written
            try:
                for at in range(0, len(changes), AT_ONCE):
                    self._table.write(model, changes[at : at + AT_ONCE])
                    written += len(changes[at : at + AT_ONCE])
            except RowChanged:
                continue
        raise LedgerConflict(
            f"rows of {model} are being changed all the time", next="stop the functions, then rebuild again"
        )

    def _unseen(self, model: str, found: Rebuilt) -> list[Write]:
        """The rows by which a repeated event is known, where they are gone before their time."""
        known = self._all(model, "seen:", "seen:~")
        bodies = {f"seen:{event.id}": rows.seen_body(event) for event in found.seen.values()}
        now = self._clock()
        return [Put(key, body) for key, body in bodies.items() if key not in known and not rows.is_over(body, now)]

    def _event(self, model: str, by: str, why: str, lines: int, *, lost: bool) -> events.LedgerRebuilt:
        now = self._clock()
        identity = names.identity_key("ledger rebuilt", model, now.isoformat())
        releases, commands = (LOST_RELEASES, LOST_COMMANDS) if lost else (0, 0)
        return events.LedgerRebuilt(
            id=identity, at=now, by=by, why=why, lines=lines, releases=releases, commands=commands
        )

    def _lost(self, model: str, standing: Row | None, head: Head) -> bool:
        """Whether lines after the last one are gone: the old head counts more, or neither a head nor a row is left to say."""
        try:
            told = state.loads(Head, standing.body) if standing is not None else None
        except (ValueError, TypeError, KeyError, AttributeError):
            told = None
        if told is not None:
            return told.next_line > head.next_line
        return not self._table.page(model, "journal:", "journal:~", 1)

    def _lines(self, model: str) -> Iterator[str]:
        first, prev = 1, ""
        while page := self._book.journal(model, first, PAGE):
            broken = journal.first_break(page, first=first, prev=prev)
            if broken is not None:
                todo = f"baton audit verify {model}"
                raise JournalBroken(f"the journal of {model} does not hold at line {broken}", next=todo)
            yield from page
            first, prev = first + len(page), names.digest(page[-1])

    def _stored(self, model: str) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for first, before in RANGES:
            found |= self._all(model, first, before)
        return {key: row for key, row in found.items() if not key.startswith(INBOX)}

    def _all(self, model: str, first: str, before: str) -> dict[str, Row]:
        found: dict[str, Row] = {}
        while page := self._table.page(model, first, before, PAGE):
            found |= {row.key: row for row in page}
            first = f"{page[-1].key}!"
        return found


def _wanted(found: Rebuilt) -> dict[str, str]:
    """The rows that the journal comes to, each with its text."""
    if found.head is None:
        return {}
    nothing = Snapshot(None, "", {}, {}, ())
    writes: list[Any] = [Put(HEAD, state.dumps(found.head))]
    writes += rows.release_rows(found.opened, tuple(found.ended.values()), nothing)
    writes += rows.command_rows(tuple(found.outbox.values()))
    writes += rows.file_rows(tuple(found.files))
    for event, at in found.early.values():
        writes += rows.early_rows(Waiting("", "", event), at + EARLY_FOR)[1:]
    return {write.key: write.body for write in writes}


def _differences(wanted: Mapping[str, str], stored: Mapping[str, Row]) -> Iterator[Difference]:
    standing = {_same(key): key for key in stored}
    for key, body in wanted.items():
        there = standing.pop(_same(key), None)
        what = _unlike(key, body, stored[there].body) if there is not None else "missing"
        if what:
            yield Difference(there or key, what)
    yield from (Difference(key, "not in the journal") for key in standing.values())


def _same(key: str) -> str:
    """What makes two keys the same row: an early event stands under the moment of its deadline, which may have moved."""
    return f"{EARLY}{key.rsplit(':', 1)[1]}" if key.startswith(EARLY) else key


def _change(key: str, wanted: Mapping[str, str], stored: Mapping[str, Row]) -> Write:
    if key in wanted:
        return Put(key, wanted[key])
    return Delete(key, stored[key].etag)


def _unlike(key: str, wanted: str, stored: str) -> str:
    """In which fields a stored row differs from what the journal says; empty if in none that counts."""
    kind = next((kind for prefix, kind in KINDS if key.startswith(prefix)), None)
    try:
        if kind is None:
            return "" if _plain(key, stored) == _plain(key, wanted) else "differs"
        have, want = _counting(state.loads(kind, stored)), _counting(state.loads(kind, wanted))
    except NewerForm:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return f"unreadable: {type(error).__name__}: {str(error)[:100]}"
    names_there = forms.told_by(stored) or {entry.name for entry in dataclasses.fields(want)}
    fields = [
        entry.name
        for entry in dataclasses.fields(want)
        if entry.name in names_there and getattr(have, entry.name) != getattr(want, entry.name)
    ]
    told = [f"{name} is {_brief(have, name)}, by the journal {_brief(want, name)}" for name in fields[:4]]
    return "; ".join(told)


def _counting(value: Any) -> Any:
    """The value without what the journal does not keep: when a model is next looked at, and how a command's tries went."""
    if isinstance(value, Head):
        return dataclasses.replace(value, wake_at=None)
    if isinstance(value, Command):
        return dataclasses.replace(value, due=datetime.min, tries=0, claimed_until=None, last_error="")  # noqa: DTZ901
    return value


def _plain(key: str, body: str) -> object:
    found = json.loads(body)
    return found["event"]["id"] if key.startswith(EARLY) else found["number"]


def _brief(value: Any, name: str) -> str:
    text = str(getattr(value, name))
    return text if len(text) <= 80 else f"{text[:77]}..."
