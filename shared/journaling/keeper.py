"""What holds the ledger against its journal, without the app: for commands that must work while nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared import log
from shared.fold import Fold
from shared.journaling.archive import Archive
from shared.journaling.inspection import Inspector
from shared.journaling.rebuild import Rules
from shared.journaling.repair import Repair
from shared.journaling.segments import CONTAINER, Sizes
from shared.ledger import Ledger
from shared.storage.port import Bells, Blobs, Table


@dataclass(frozen=True, slots=True, eq=False)
class Keeper:
    """The ledger as its keepers see it."""

    book: Ledger
    blobs: Blobs
    repair: Repair
    inspector: Inspector

    def models(self) -> list[str]:
        """Every model on the list, and every one that has closed segments, should the list be gone."""
        archived = {name.split("/", 1)[0] for name in self.blobs.names(CONTAINER, "")}
        return sorted({*self.book.models(), *archived})


def keeper(
    table: Table, bells: Bells, blobs: Blobs, rules: Rules, *, clock: Callable[[], datetime], sizes: Sizes
) -> Keeper:
    """A keeper over the given storage. It decides nothing but that a ledger was rebuilt, so it needs no approval key."""
    book = Ledger(table, Archive(blobs))
    fold = Fold(book, bells, rules, clock=clock, approval_key="", log=log.note, sizes=sizes, pause=_at_once)
    return Keeper(book, blobs, Repair(table, book, rules, fold, clock=clock), Inspector(book, blobs))


def _at_once(seconds: float) -> None:
    """A keeper races nobody: where somebody else decides, it stops."""
