"""Rows that concern all models, in the partition `~system`: the freeze of everything with its history, and breakers.

    !breaker:<platform>     whether a platform is asked (`shared/performing/breakers.py`); its ETag decides between two workers
    !freeze                 the freeze that holds, or the last one; its ETag decides between two people
    freeze:<number>:begun   create-only, as is
    freeze:<number>:ended   its end: who, why and when

A freeze begins and ends in one transaction of this partition. Models are told afterwards (`shared/freezing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.storage.port import Insert, Replace, Row, RowChanged, RowExists, Table, Write
from shared.table import forms
from shared.table.rows import agreed

SYSTEM = "~system"
CURRENT, END_OF_CURRENT = "!", "!~"
FREEZE, HISTORY = "!freeze", "freeze:"
BELIEVED_FOR = timedelta(seconds=1)
RACES = 5


@dataclass(frozen=True, slots=True)
class Freeze:
    """Everything stands still since `since`, asked by whom and why; over once `ended_at` is set. Numbers count up."""

    number: int
    id: str
    by: str
    why: str
    since: datetime
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""
    ended_id: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is not over."""
        return self.ended_at is None

    @property
    def words(self) -> str:
        """By whom, since when and why."""
        return f"by {self.by} since {self.since:%Y-%m-%d %H:%M} UTC: {self.why}"


class System:
    """Reads and writes `~system`. What it says to `perform` was true at most one second ago, by this process's clock."""

    def __init__(self, table: Table, *, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock
        self._read_at: datetime | None = None
        self._rows: dict[str, Row] = {}

    def is_frozen(self) -> bool:
        """Whether effects wait everywhere; read again after a second."""
        self._believe()
        freeze = _freeze(self._rows)
        return freeze is not None and freeze.holds

    def row(self, key: str) -> Row | None:
        """One of the rows of now (their keys begin with "!"), as it was at most a second ago."""
        self._believe()
        return self._rows.get(key)

    def keep(self, key: str, body: str, before: Row | None) -> Row | None:
        """Write one of the rows of now over the one that was read; None, with nothing written, if it is another by now."""
        now: Write = Replace(key, body, before.etag) if before else Insert(key, body)
        try:
            etags = self._table.write(SYSTEM, [now])
        except (RowExists, RowChanged):
            self._read_at = None
            return None
        row = Row(key, body, etags[key])
        self._rows = {**self._rows, key: row}
        return row

    def freeze(self) -> Freeze | None:
        """The freeze that holds, or the last one, as it is now."""
        self._refresh(self._clock())
        return _freeze(self._rows)

    def begin(self, identity: str, by: str, why: str) -> Freeze:
        """Freeze everything; if it is frozen already, the freeze that holds. Safe to repeat under the same identity."""
        for _ in range(RACES):
            last = self.freeze()
            if last is not None and last.holds:
                return last
            begun = Freeze(last.number + 1 if last else 1, identity, by, why, self._now())
            if self._keep(begun, "begun"):
                return begun
        raise RowChanged("the freeze changed again and again", next="ask again")

    def end(self, identity: str, by: str, why: str) -> Freeze | None:
        """End the freeze that holds; otherwise the last one as it ended, or None. Safe to repeat."""
        for _ in range(RACES):
            last = self.freeze()
            if last is None or not last.holds:
                return last
            over = replace(last, ended_at=self._now(), ended_by=by, ended_why=why, ended_id=identity)
            if self._keep(over, "ended"):
                return over
        raise RowChanged("the freeze changed again and again", next="ask again")

    def history(self, limit: int = 100) -> list[Freeze]:
        """Beginnings and ends of freezes in their order, as they were written once and for all."""
        rows = self._table.page(SYSTEM, HISTORY, HISTORY + "~", limit)
        return [_loaded(row) for row in rows]

    def _keep(self, freeze: Freeze, what: str) -> bool:
        """Write current row and history together; False if somebody was faster."""
        body = _text(freeze)
        now: Write = Replace(FREEZE, body, self._rows[FREEZE].etag) if FREEZE in self._rows else Insert(FREEZE, body)
        try:
            self._table.write(SYSTEM, [now, Insert(f"{HISTORY}{freeze.number:012d}:{what}", body)])
        except (RowExists, RowChanged):
            return False
        self._read_at = None
        return True

    def _believe(self) -> None:
        now = self._clock()
        if self._read_at is None or abs(now - self._read_at) >= BELIEVED_FOR:
            self._refresh(now)

    def _refresh(self, now: datetime) -> None:
        self._rows = {row.key: row for row in self._table.page(SYSTEM, CURRENT, END_OF_CURRENT, 100)}
        self._read_at = now

    def _now(self) -> datetime:
        read_at = next((row.read_at for row in self._rows.values()), None)
        return agreed(self._clock(), read_at)


def _freeze(rows: dict[str, Row]) -> Freeze | None:
    return _loaded(rows[FREEZE]) if FREEZE in rows else None


def _text(freeze: Freeze) -> str:
    ended = freeze.ended_at.isoformat() if freeze.ended_at else None
    plain = {name: getattr(freeze, name) for name in Freeze.__slots__}
    return forms.text({**plain, "since": freeze.since.isoformat(), "ended_at": ended})


def _loaded(row: Row) -> Freeze:
    found = forms.read("freeze", row.body)
    ended = datetime.fromisoformat(found["ended_at"]) if found.get("ended_at") else None
    known = {name: found[name] for name in Freeze.__slots__ if name in found}
    return Freeze(**{**known, "since": datetime.fromisoformat(found["since"]), "ended_at": ended})
