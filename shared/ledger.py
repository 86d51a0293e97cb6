"""The ledger: every row of a model's partition, and the two transactions that change it.

Intake's transaction (`record`), create-only:

    before                 | seen + inbox rows written, then ring
    crash before it        | nothing happened; Event Grid delivers again
    crash after, no ring   | Event Grid delivers again, finds the seen row, and rings; the sweep rings too
    answer lost            | the same: the second delivery is a duplicate

The fold's transaction (`commit`), guarded by head's ETag:

    before                 | head, open releases, inbox and outbox as read
    crash before it        | nothing happened; the ring comes again, and so does the sweep
    crash after, no ring   | state is committed, commands stand in the outbox; the sweep rings at `wake_at`
    answer lost            | the next read shows what was committed; decided events are gone from the inbox

A command, from its claim (`claim`) to the fold's transaction that records its outcome and deletes its row:

    before                 | the outbox row as the fold wrote it
    crash before the claim | nothing happened; the sweep rings for what is due
    crash after the claim  | the row is claimed and nothing is done; once the lease is over the next ring takes it
    crash after the effect | the effect is there, the row is claimed; after the lease it is found by its name, or set again
    crash after the commit | the row is gone, the outcome is in the journal; the sweep rings for what follows
    answer lost            | the claim no longer stands (`still_claimed`), so nothing is recorded twice

`tests/crashes/test_rows.py` goes through these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import events, state
from shared.errors import EventRefused, LedgerConflict
from shared.state import Command, Head, Release
from shared.storage.port import Insert, Put, Replace, Row, RowChanged, RowExists, Write
from shared.table import forms
from shared.table.records import END_OF, MODELS, NEXT_KEY, UNROUTED, Records
from shared.table.room import EVENT_ROOM, stored_size
from shared.table.rows import (
    EARLY,
    HEAD,
    INBOX,
    OPEN,
    OUTBOX,
    Entry,
    Outbox,
    Snapshot,
    inbox_body,
    inbox_key,
    seen_body,
)
from shared.table.sorting import Commands, Sorted, needed, sort_commands, sort_out

FOLD_AT_ONCE = 20
OPEN_AT_MOST = 8
ROWS_AT_ONCE = 1 + OPEN_AT_MOST + FOLD_AT_ONCE
PERFORM_PAGE = 40
INBOX_PASSED = 8
LEAST_URGENT = 9


@dataclass(frozen=True, slots=True)
class Claimed:
    """An outbox row that this process may perform until the claim runs out."""

    command: Command
    key: str
    etag: str


class Ledger(Records):
    """Reads and writes the rows of all models. No decision is made here."""

    # Intake

    def record(self, model: str, event: events.Event) -> bool:
        """Keep an event for the fold, once for its identity; False if it was seen before. Safe to repeat.

        `EventRefused` if it is larger than a row and its journal line have room for.
        """
        size = stored_size(events.dump(event))
        if size > EVENT_ROOM:
            what = f"the event takes {size} characters, at most {EVENT_ROOM} have room"
            raise EventRefused(what, next="send less: a reference instead of content, a shorter reason")
        key, text = inbox_key(event), inbox_body(event)
        try:
            self._table.write(model, [Insert(f"seen:{event.id}", seen_body(event)), Insert(key, text)])
        except RowExists:
            return False
        return True

    def has_seen(self, model: str, identity: str) -> bool:
        """Whether an event of this identity was recorded before."""
        return self._table.get(model, f"seen:{identity}") is not None

    def seen_at(self, model: str, identity: str) -> datetime | None:
        """When an event of this identity happened, as it was recorded; None if none was."""
        row = self._table.get(model, f"seen:{identity}")
        return datetime.fromisoformat(forms.read("seen", row.body)["at"]) if row else None

    def knows(self, model: str) -> bool:
        """Whether the model was ever published, be it that this waits to be decided."""
        return self.has_head(model) or self._table.get(MODELS, model) is not None

    def has_head(self, model: str) -> bool:
        """Whether the model's first publish was decided."""
        return self._table.get(model, HEAD) is not None

    def ignore(self, identity: str, reason: str, details: Mapping[str, Any], at: datetime) -> None:
        """Record an event that concerns no model, once, with the reason."""
        body = forms.text({"at": at.isoformat(), "reason": reason, **details})
        self._table.write(UNROUTED, [Put(f"ignored:{identity}", body)])

    def bury(self, model: str, identity: str, details: Mapping[str, Any]) -> None:
        """Record a dead letter, create-only: a repeat is the same one."""
        try:
            self._table.write(model, [Insert(f"dead:{identity}", forms.text(details))])
        except RowExists:
            return

    def list_model(self, model: str) -> None:
        """Put a model on the list that the sweep and the pages read. Safe to repeat."""
        self._table.write(MODELS, [Put(model, forms.text({}))])

    # The fold

    def read(self, model: str) -> Snapshot:
        """Head, open releases and the first waiting events, in one range read.

        A damaged event is set apart, one of a later release is passed over; `RowDamaged` or `NewerForm` if head or an
        open release is such a row.
        """
        rows = self._table.page(model, HEAD, OUTBOX, ROWS_AT_ONCE)
        head = next((row for row in rows if row.key == HEAD), None)
        opened = {row.key.removeprefix(OPEN): row for row in rows if row.key.startswith(OPEN)}
        inbox = self._inbox(model, rows)
        return Snapshot(
            needed(Head, model, head) if head else None,
            head.etag if head else "",
            {name: needed(Release, model, row) for name, row in opened.items()},
            {name: row.etag for name, row in opened.items()},
            inbox.waiting[:FOLD_AT_ONCE],
            read_at=rows[0].read_at if rows else None,
            is_older=head is not None and forms.is_older(head.body),
            damaged=inbox.damaged[:FOLD_AT_ONCE],
            newer=inbox.newer,
        )

    def _inbox(self, model: str, rows: list[Row]) -> Sorted:
        """The inbox of a page; where rows of a later release stand in front, as many pages on as it takes."""
        found = sort_out(row for row in rows if row.key.startswith(INBOX))
        while found.newer and len(found.waiting) < FOLD_AT_ONCE and len(rows) == ROWS_AT_ONCE:
            rows = self._table.page(model, rows[-1].key + NEXT_KEY, OUTBOX, ROWS_AT_ONCE)
            found = found.and_then(sort_out(rows))
        return found

    def early(self, model: str) -> Sorted:
        """Events that came before what they name."""
        return sort_out(self._table.page(model, EARLY, EARLY + END_OF, FOLD_AT_ONCE))

    def file_number(self, model: str, sha256: str) -> int:
        """The number of the accepted file with these bytes, or 0. Exact only while head's ETag guards the commit."""
        row = self._table.get(model, f"sha:{sha256}")
        return int(forms.read("sha", row.body)["number"]) if row else 0

    def commit(self, model: str, writes: list[Write]) -> None:
        """The fold's transaction. `LedgerConflict` if anything is no longer as it was read; nothing is written then."""
        try:
            self._table.write(model, writes)
        except (RowChanged, RowExists) as error:
            raise LedgerConflict(f"{model}: {error.what}", next="it is read and decided again by itself") from error

    # Commands

    def outbox(self, model: str, *, up_to: int = LEAST_URGENT) -> Outbox:
        """Head and the first commands, none above urgency `up_to`: one range read where few events wait between, else two.

        Commands that a later release wrote, or whose kind only it knows, are passed over: they wait for a worker of it.
        Damaged ones are set apart.
        """
        limit, end = 1 + OPEN_AT_MOST + INBOX_PASSED + PERFORM_PAGE, f"{OUTBOX}{up_to}{END_OF}"
        found = self._table.page(model, HEAD, end, limit)
        head = next((row for row in found if row.key == HEAD), None)
        rows = [row for row in found if row.key.startswith(OUTBOX)]
        if len(found) == limit and len(rows) < PERFORM_PAGE:
            rows = self._table.page(model, OUTBOX, end, PERFORM_PAGE)
        commands = self._commands(model, rows, end)
        is_still = head is not None and needed(Head, model, head).is_still
        return Outbox(commands.entries, is_still, found[0].read_at if found else None, commands.damaged)

    def _commands(self, model: str, rows: list[Row], end: str) -> Commands:
        """The commands of a page; where those of a later release stand in front, as many pages on as it takes."""
        found = sort_commands(rows)
        while found.newer and len(found.entries) < PERFORM_PAGE and len(rows) >= PERFORM_PAGE:
            rows = self._table.page(model, rows[-1].key + NEXT_KEY, end, PERFORM_PAGE)
            found = found.and_then(sort_commands(rows))
        return found

    def commands(self, model: str) -> list[tuple[Command, str, str]]:
        """The first commands of the outbox, urgent ones first, with key and ETag."""
        return [(entry.command, entry.key, entry.etag) for entry in self.outbox(model).entries]

    def is_still(self, model: str) -> bool:
        """Whether effects wait at this moment."""
        head = self.head(model)
        return head is not None and head.is_still

    def claim(self, model: str, entry: Entry, until: datetime) -> Claimed | None:
        """Take a command for this process; None if another was faster.

        `until` is for people to read: a claim ends when its row has stood for the kind's lease, by storage's clock.
        """
        return self._rewrite(model, replace(entry.command, claimed_until=until), entry.key, entry.etag)

    def wait(self, model: str, claimed: Claimed, again: Command) -> None:
        """Give a claim back as a command that waits for capacity; one that was lost meanwhile is not ours to give."""
        self._rewrite(model, again, claimed.key, claimed.etag)

    def put_back(
        self,
        model: str,
        claimed: Claimed,
        *,
        due: datetime,
        error: str = "",
        failed: bool = False,
        asked: datetime | None = None,
    ) -> None:
        """Give a claim back, to be tried or asked again at `due`. A claim that was lost meanwhile is not ours to give.

        `asked` is when it was asked for what was not there yet; the first such moment stays.
        """
        tries = claimed.command.tries + (1 if failed else 0)
        again = replace(claimed.command, due=due, tries=tries, claimed_until=None, last_error=error[:500])
        again = replace(again, asked_since=again.asked_since or asked)
        self._rewrite(model, again, claimed.key, claimed.etag)

    def still_claimed(self, model: str, claimed: Claimed) -> bool:
        """Whether the claim still stands: its outcome was not recorded, and nobody else took it."""
        row = self._table.get(model, claimed.key)
        return row is not None and row.etag == claimed.etag

    def _rewrite(self, model: str, command: Command, key: str, etag: str) -> Claimed | None:
        try:
            etags = self._table.write(model, [Replace(key, state.dumps(command), etag)])
        except RowChanged:
            return None
        return Claimed(command, key, etags[key]) if key in etags else None
