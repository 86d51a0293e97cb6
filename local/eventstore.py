"""Accepted events and their open deliveries, in SQLite: what was answered with 200 outlives a kill.

A delivery row lives until its event arrived or its dead letter was written; an event row, until its last delivery went.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.daemon import DaemonFailed
from local.retry import NOT_TRIED, Outcome

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, accepted_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    event INTEGER NOT NULL REFERENCES event, subscription TEXT NOT NULL, due_ns INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, outcome TEXT NOT NULL DEFAULT 'Probation', status INTEGER NOT NULL DEFAULT 0,
    attempted_ns INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (event, subscription)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due ON delivery (subscription, due_ns);
CREATE TABLE IF NOT EXISTS ended (subscription TEXT, how TEXT, count INTEGER NOT NULL, PRIMARY KEY (subscription, how));
"""


_ALONE_AND_DURABLE = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one subscription. `reason` is set once it is to become a dead letter. Times are Unix ns."""

    event: int
    subscription: str
    body: str
    accepted_ns: int
    due_ns: int
    attempts: int = 0
    last: Outcome = NOT_TRIED
    attempted_ns: int = 0
    reason: str = ""


def _delivery(row: Sequence[Any]) -> Delivery:
    *where_and_when, outcome, status, attempted_ns, reason = row
    event, subscription, body, accepted_ns, due_ns, attempts = where_and_when
    last = Outcome(outcome, status)
    return Delivery(event, subscription, body, accepted_ns, due_ns, attempts, last, attempted_ns, reason)


class EventStore:
    """The emulator's memory. One thread at a time may call it; a second process gets `DaemonFailed`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(path, check_same_thread=False, timeout=1)
        try:
            self._rows.executescript(_ALONE_AND_DURABLE + _SCHEMA)
        except sqlite3.OperationalError as error:
            remedy = "end the other emulator, or give this one a folder of its own with --state"
            raise DaemonFailed(f"the event store {path.name} cannot be used: {error}.", next=remedy) from error

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self._rows.close()

    def accept(self, events: Sequence[tuple[str, Sequence[str]]], now_ns: int) -> None:
        """Keep events (body, names of the subscriptions that want it), all or none; on disk when this returns."""
        with self._rows:
            for body, subscriptions in events:
                if subscriptions:
                    self._insert(body, subscriptions, now_ns)

    def _insert(self, body: str, subscriptions: Iterable[str], now_ns: int) -> None:
        number = self._rows.execute("INSERT INTO event (body, accepted_ns) VALUES (?, ?)", (body, now_ns)).lastrowid
        rows = [(number, subscription, now_ns) for subscription in subscriptions]
        self._rows.executemany("INSERT INTO delivery (event, subscription, due_ns) VALUES (?, ?, ?)", rows)

    def open(self, subscription: str, limit: int) -> list[Delivery]:
        """The subscription's open deliveries, the one due first in front, whether due yet or not."""
        rows = self._rows.execute(
            "SELECT event, subscription, body, accepted_ns, due_ns, attempts, outcome, status, attempted_ns, reason "
            "FROM delivery JOIN event ON event.number = delivery.event "
            "WHERE subscription = ? ORDER BY due_ns, event LIMIT ?",
            (subscription, limit),
        )
        return [_delivery(row) for row in rows]

    def postpone(self, delivery: Delivery) -> None:
        """Keep the delivery's new due time, count, outcome and reason."""
        with self._rows:
            self._rows.execute(
                "UPDATE delivery SET due_ns = ?, attempts = ?, outcome = ?, status = ?, attempted_ns = ?, reason = ? "
                "WHERE event = ? AND subscription = ?",
                (delivery.due_ns, delivery.attempts, delivery.last.name, delivery.last.status, delivery.attempted_ns,
                 delivery.reason, delivery.event, delivery.subscription),
            )  # fmt: skip

    def end(self, delivery: Delivery, how: str) -> None:
        """The delivery is over (`delivered`, `dead` or `dropped`): count it, and forget it with its event if it was the last."""
        with self._rows:
            key = (delivery.event, delivery.subscription)
            self._rows.execute("DELETE FROM delivery WHERE event = ? AND subscription = ?", key)
            last = "DELETE FROM event WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = ?1)"
            self._rows.execute(last, key[:1])
            self._rows.execute(
                "INSERT INTO ended VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                (delivery.subscription, how),
            )

    def keep_only(self, subscriptions: Iterable[str]) -> int:
        """Forget deliveries to subscriptions that are no more; return how many those were."""
        known = list(subscriptions)
        marks = ",".join("?" * len(known))
        with self._rows:
            gone = self._rows.execute(f"DELETE FROM delivery WHERE subscription NOT IN ({marks})", known).rowcount  # noqa: S608 - only marks
            self._rows.execute("DELETE FROM event WHERE number NOT IN (SELECT event FROM delivery)")
        return gone

    def counts(self, now_ns: int) -> Mapping[str, Mapping[str, float]]:
        """By subscription: `depth` and `oldest_seconds` of what is open, and how many ended how."""
        found: dict[str, dict[str, float]] = {}
        open_ones = (
            "SELECT subscription, COUNT(*), MIN(accepted_ns) FROM delivery JOIN event ON number = event GROUP BY 1"
        )
        for subscription, depth, oldest_ns in self._rows.execute(open_ones):
            found[subscription] = {"depth": depth, "oldest_seconds": (now_ns - oldest_ns) / 1e9}
        for subscription, how, count in self._rows.execute("SELECT subscription, how, count FROM ended"):
            found.setdefault(subscription, {})[how] = count
        return found
