"""What people, pages and the sweep read of the ledger: rows of a model's partition, and the lists of all models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared import names, state
from shared.journaling.archive import Archive, Lines
from shared.state import AcceptedFile, Head, Release
from shared.storage.port import Row, Table
from shared.table import forms
from shared.table.rows import HEAD, OPEN, counted_down
from shared.table.sorting import needed

END_OF = "~"
MODELS, UNROUTED = "~models", "~unrouted"
UNROUTED_READ = 2000  # the sweep keeps a thousand
MODELS_PAGE = 1000
NEXT_KEY = "!"  # sorts before every sign that a name may go on with


class Records:
    """Reads single rows and lists of them. Nothing here writes."""

    def __init__(self, table: Table, archive: Archive | None = None) -> None:
        self._table = table
        self.lines = Lines(table, archive)

    def head(self, model: str) -> Head | None:
        """The model's head as it is now."""
        row = self._table.get(model, HEAD)
        return needed(Head, model, row) if row else None

    def release(self, model: str, release: str) -> Release | None:
        """A release, open or ended."""
        key = f"release:{counted_down(names.release_number(release))}"
        row = self._table.get(model, f"{OPEN}{release}") or self._table.get(model, key)
        return needed(Release, model, row) if row else None

    def ended(self, model: str, limit: int = 20) -> list[Release]:
        """The last ended releases, newest first."""
        rows = self._table.page(model, "release:", "release:" + END_OF, limit)
        return [state.loads(Release, row.body) for row in rows]

    def journal(self, model: str, first: int = 1, limit: int = 1000) -> list[str]:
        """Journal lines from number `first` on, exactly as written, from closed segments and the table alike."""
        return self.lines.read(model, first, limit)

    def files(self, model: str, last: int, first: int = 1) -> list[AcceptedFile]:
        """Accepted files `first` to `last`."""
        rows = self._table.page(model, f"file:{first:012d}", f"file:{last + 1:012d}", max(last - first + 1, 1))
        return [state.loads(AcceptedFile, row.body) for row in rows]

    def file(self, model: str, number: int) -> AcceptedFile | None:
        """The accepted file with this number, or None."""
        row = self._table.get(model, f"file:{number:012d}")
        return state.loads(AcceptedFile, row.body) if row else None

    def dead(self, model: str, limit: int = 100) -> list[tuple[str, Mapping[str, Any]]]:
        """Dead letters, oldest first: key and what is known of each."""
        rows = self._table.page(model, "dead:", "dead:" + END_OF, limit)
        return [(row.key, forms.shown("dead", row.body)) for row in rows]

    def letter(self, model: str, key: str) -> Row | None:
        """The row of one dead letter, or None."""
        return self._table.get(model, key) if key.startswith("dead:") else None

    def unrouted(self, limit: int = 100) -> list[Mapping[str, Any]]:
        """The latest events that concerned no model, the newest first, with the reason. Their keys are hashes, so all are read."""
        rows = self._table.page(UNROUTED, "ignored:", "ignored:" + END_OF, UNROUTED_READ)
        found: list[Mapping[str, Any]] = [forms.shown("ignored", row.body) for row in rows]
        return sorted(found, key=lambda entry: str(entry.get("at", "")), reverse=True)[:limit]

    def models(self) -> list[str]:
        """Names of all published models."""
        found: list[str] = []
        first = ""
        while page := self._table.page(MODELS, first, END_OF, MODELS_PAGE):
            found += [row.key for row in page]
            first = f"{found[-1]}{NEXT_KEY}"
        return found
