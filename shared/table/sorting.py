"""Rows by what can be done with them: read, set aside because they are damaged, or left to a later release that wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from shared import state
from shared.commands import KINDS
from shared.errors import NewerForm, RowDamaged
from shared.state import Head, Release
from shared.storage.port import Row
from shared.table.room import cut
from shared.table.rows import Damaged, Entry, Waiting, entry_of, waiting_of

V = TypeVar("V", Head, Release)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows of events by what can be done with them; `newer` counts those that a later release wrote, which stay."""

    waiting: tuple[Waiting, ...] = ()
    damaged: tuple[Damaged, ...] = ()
    newer: int = 0

    def and_then(self, more: Sorted) -> Sorted:
        """Both, in their order."""
        return Sorted(self.waiting + more.waiting, self.damaged + more.damaged, self.newer + more.newer)


@dataclass(frozen=True, slots=True)
class Commands:
    """Rows of the outbox by what can be done with them; `newer` counts those that a later release wrote, which stay."""

    entries: tuple[Entry, ...] = ()
    damaged: tuple[Damaged, ...] = ()
    newer: int = 0

    def and_then(self, more: Commands) -> Commands:
        """Both, in their order."""
        return Commands(self.entries + more.entries, self.damaged + more.damaged, self.newer + more.newer)


def sort_out(found: Iterable[Row]) -> Sorted:
    """Rows of events, those that cannot be read set apart, so that one of them holds up no other."""
    waiting: list[Waiting] = []
    damaged: list[Damaged] = []
    newer = 0
    for row in found:
        try:
            waiting.append(waiting_of(row))
        except NewerForm:
            newer += 1
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it goes to a person
            damaged.append(damaged_row(row, error))
    return Sorted(tuple(waiting), tuple(damaged), newer)


def damaged_row(row: Row, error: Exception) -> Damaged:
    """A row that could not be read, and why."""
    return Damaged(row.key, row.etag, row.body, cut(f"{type(error).__name__}: {error}"))


def sort_commands(found: Iterable[Row]) -> Commands:
    """Rows of commands, those that cannot be read set apart."""
    entries: list[Entry] = []
    damaged: list[Damaged] = []
    newer = 0
    for row in found:
        try:
            entry = entry_of(row)
        except NewerForm:
            newer += 1
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it goes to a person
            damaged.append(damaged_row(row, error))
        else:
            newer += entry.command.kind not in KINDS
            entries += [entry] if entry.command.kind in KINDS else []
    return Commands(tuple(entries), tuple(damaged), newer)


def needed(kind: type[V], model: str, row: Row) -> V:
    """A row that no decision can do without; `RowDamaged` names it if it cannot be read."""
    try:
        return state.loads(kind, row.body)
    except NewerForm:
        raise
    except Exception as error:
        what = f"row {row.key} of {model} cannot be read: {type(error).__name__}: {error}"[:500]
        todo = f"baton ledger rebuild {model} --why ...; docs/runbook.md#damaged-row"
        raise RowDamaged(what, next=todo) from error
