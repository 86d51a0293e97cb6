"""Where the journal's lines stand: the youngest in the table, older ones in closed segments. Readers see one journal."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from shared.journaling import segments
from shared.journaling.segments import CONTAINER, Segment
from shared.storage.port import Blobs, Delete, Put, Row, Table, Write
from shared.table import forms

JOURNAL, BEGUN = "journal:", "begun"
SEGMENTS_KEPT = 8
TRIMMED_AT_ONCE = 90
ROWS_A_PAGE = 1000


class Archive:
    """The closed segments of one account. They never change, so what was read is kept; safe to share between threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[str, list[Segment]] = {}
        self._read: OrderedDict[str, list[str]] = OrderedDict()
        self._lock = threading.Lock()

    def segments(self, model: str) -> list[Segment]:
        """All closed segments of a model, in order, asked of storage."""
        found = [segments.named(blob) for blob in self._blobs.names(CONTAINER, f"{model}/")]
        self._known[model] = sorted((one for one in found if one is not None), key=lambda one: one.first)
        return self._known[model]

    def lines(self, model: str, first: int, last: int) -> list[str]:
        """The lines `first` to `last`, as far as closed segments hold them."""
        known = self._known.get(model, [])
        if not known or known[-1].last < last:
            known = self.segments(model)
        found: list[str] = []
        for segment in known:
            if segment.last >= first and segment.first <= last:
                lines = self._lines_of(segment)
                found += lines[max(first - segment.first, 0) : last - segment.first + 1]
        return found

    def _lines_of(self, segment: Segment) -> list[str]:
        with self._lock:
            if segment.name in self._read:
                self._read.move_to_end(segment.name)
                return self._read[segment.name]
        _, lines = segments.parts(self._blobs.read(CONTAINER, segment.name))
        with self._lock:
            self._read[segment.name] = lines
            while len(self._read) > SEGMENTS_KEPT:
                self._read.popitem(last=False)
        return lines


class Lines:
    """One model's journal as its readers want it, wherever a line stands."""

    def __init__(self, table: Table, archive: Archive | None) -> None:
        self._table = table
        self._archive = archive

    def read(self, model: str, first: int, limit: int) -> list[str]:
        """At most `limit` lines from number `first` on, exactly as written."""
        first = max(first, 1)
        rows = self._table.page(model, f"{JOURNAL}{first:012d}", JOURNAL + "~", limit)
        until = line_number(rows[0].key) if rows else first + limit
        if until == first or self._archive is None:
            return [row.body for row in rows]
        older = self._archive.lines(model, first, min(until, first + limit) - 1)
        return older + [row.body for row in rows[: limit - len(older)]]

    def rows(self, model: str) -> list[tuple[str, str]]:
        """Every row of the table that stands where journal rows stand: key and text, in the order of their keys."""
        found: list[Row] = []
        first = JOURNAL
        while page := self._table.page(model, first, JOURNAL + "~", ROWS_A_PAGE):
            found += page
            first = f"{page[-1].key}!"
        return [(row.key, row.body) for row in found]

    def has_begun(self, model: str) -> bool:
        """Whether the model ever had a journal, here or in closed segments, also where its head is gone."""
        if self._table.get(model, BEGUN) or self._table.page(model, JOURNAL, JOURNAL + "~", 1):
            return True
        return self._archive is not None and bool(self._archive.segments(model))

    def standing(self, model: str, last: int) -> list[Row]:
        """The first rows of the table that hold lines up to `last`: as many as one transaction removes."""
        return self._table.page(model, JOURNAL, f"{JOURNAL}{last + 1:012d}", TRIMMED_AT_ONCE)

    def trim(self, model: str, rows: Sequence[Row]) -> None:
        """Remove rows whose lines stand in a closed segment. That there was a journal stays written."""
        gone: list[Write] = [Delete(row.key, row.etag) for row in rows]
        self._table.write(model, [begun(), *gone])


def begun() -> Put:
    """The row that stays when every journal row of a model has gone: a lost head is never taken for a new model."""
    return Put(BEGUN, forms.text({}))


def line_number(key: str) -> int:
    """The number in a journal row's key.

    >>> line_number("journal:000000000012")
    12
    """
    return int(key.removeprefix(JOURNAL))
