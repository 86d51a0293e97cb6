"""Pruning: rows that were kept against repeats are removed when their time is over, a bounded number in each sweep.

Nothing is decided by it, and it is safe to repeat and to run twice at once: a row that somebody else removed is gone. Where
it goes on the next time is kept in a row, since the process of a sweep may not live until then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared import log
from shared.ledger import Ledger
from shared.storage.port import Delete, Put, Row, RowChanged, Table
from shared.table import forms, rows
from shared.table.records import UNROUTED

SYSTEM, CURSOR = "~system", "pruned"
SEEN = "seen:"
PAGES_A_SWEEP, PAGE, AT_ONCE = 20, 500, 90
UNROUTED_KEPT, UNROUTED_FOR, UNROUTED_PAGE = 1000, timedelta(days=14), 2000


class Pruner:
    """Removes `seen:` rows whose time is over, model by model, and what is too old or too much of `~unrouted`."""

    def __init__(self, table: Table, book: Ledger, *, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._book = book
        self._clock = clock

    def prune(self) -> int:
        """One bounded step; returns how many rows were removed."""
        removed = self._prune_unrouted()
        models = sorted(self._book.models())
        began = model, first = self._cursor()
        for _ in range(PAGES_A_SWEEP):
            following = next((name for name in models if name >= model), None)
            if following is None:  # every model had its turn: the next sweep begins anew
                model, first = "", ""
                break
            model = following
            page = self._table.page(model, max(first, SEEN), SEEN + "~", PAGE)
            over = [row for row in page if self._is_over(row)]
            removed += self._remove(model, over)
            first = f"{page[-1].key}!" if len(page) == PAGE else ""
            if not first:
                model = f"{model}!"
        if (model, first) != began:
            self._keep(model, first)
        return removed

    def _is_over(self, row: Row) -> bool:
        try:
            return rows.is_over(row.body, self._clock())
        except Exception:  # noqa: BLE001 - a row that cannot be read, or that a later release wrote, stays
            return False

    def _prune_unrouted(self) -> int:
        """What is older than 14 days, and the oldest beyond a thousand."""
        found = self._table.page(UNROUTED, "ignored:", "ignored:~", UNROUTED_PAGE)
        newest_first = sorted(found, key=_moment, reverse=True)
        oldest = self._clock() - UNROUTED_FOR
        over = [row for n, row in enumerate(newest_first) if n >= UNROUTED_KEPT or _moment(row) < oldest.isoformat()]
        return self._remove(UNROUTED, over)

    def _remove(self, partition: str, over: Sequence[Row]) -> int:
        removed = 0
        for at in range(0, len(over), AT_ONCE):
            batch = over[at : at + AT_ONCE]
            try:
                self._table.write(partition, [Delete(row.key, row.etag) for row in batch])
            except RowChanged as error:
                log.info("pruned by another sweep", model=partition, why=error.what)
                continue
            removed += len(batch)
        return removed

    def _cursor(self) -> tuple[str, str]:
        row = self._table.get(SYSTEM, CURSOR)
        try:
            found = json.loads(row.body) if row is not None else {}
            return str(found.get("model", "")), str(found.get("first", ""))
        except (ValueError, AttributeError):
            return "", ""

    def _keep(self, model: str, first: str) -> None:
        self._table.write(SYSTEM, [Put(CURSOR, forms.text({"model": model, "first": first}))])


def _moment(row: Row) -> str:
    try:
        return str(json.loads(row.body).get("at", ""))
    except (ValueError, AttributeError):
        return ""
