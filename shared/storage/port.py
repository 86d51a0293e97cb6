"""What Baton needs from storage: rows with ETags and one-partition transactions, doorbells, blobs.

The adapters are Azure's (`table.py`, `queues.py`, `blobs.py`); tests also run on an in-memory one
that passes the same contract suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.errors import Permanent, Retryable

ROWS_A_TRANSACTION = 100
BODY_LIMIT = 30_000


class RowExists(Permanent):
    """A create-only row is there already."""


class RowChanged(Retryable):
    """A row is not as it was read, or gone."""


class StorageBusy(Retryable):
    """Storage did not answer, or asked us to wait; whether a write arrived is not known."""


class BlobMissing(Permanent):
    """No such blob, or not with the ETag that was asked for."""


class BlobFull(Permanent):
    """An append blob has no room for a further block; what was to be appended was not."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read: its key, its text (JSON, at most 30,000 characters) and the ETag to write it back with.

    `written_at` and `read_at` are both by storage's own clock, so that workers whose clocks disagree agree on a row's
    age; `read_at` is cut to the second. None only where storage did not say.
    """

    key: str
    body: str
    etag: str
    written_at: datetime | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Insert:
    """Create the row; `RowExists` if it is there."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Write the row if its ETag is still this one; `RowChanged` if not."""

    key: str
    body: str
    etag: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write the row, whatever stands there."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row if its ETag is still this one; `RowChanged` if not."""

    key: str
    etag: str


Write = Insert | Replace | Put | Delete


class Table(Protocol):
    """Rows of one table, by partition and key."""

    def get(self, partition: str, key: str) -> Row | None:
        """One row, or None."""
        ...

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        """At most `limit` rows with first <= key < before, in key order."""
        ...

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        """All writes in one transaction, or none: at most 100, each row once. Returns the new ETags by key.

        Raises `RowExists` or `RowChanged` with nothing written, `StorageBusy` where the outcome is not known.
        """
        ...


class Bells(Protocol):
    """Doorbell queues: a message holds a model's name and nothing else."""

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        """Wake the queue's function for a model, not before `after`. Ringing too often is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class BlobSeen:
    """A blob's name, bare ETag and size in bytes; `source` is what its writer said of where it comes from (metadata)."""

    name: str
    etag: str
    size: int
    source: str = ""


class Blobs(Protocol):
    """Blobs of one account."""

    def look(self, container: str, name: str) -> BlobSeen | None:
        """The blob as it is now, or None."""
        ...

    def fetch(self, container: str, name: str, into: Path, *, etag: str = "") -> None:
        """Write the blob's bytes to a file, which gets the blob's own time; `BlobMissing` if it is gone or has another ETag."""
        ...

    def read(self, container: str, name: str) -> bytes:
        """A small blob's bytes; `BlobMissing` if there is none."""
        ...

    def put(self, container: str, name: str, content: bytes | Path, *, content_type: str) -> None:
        """Write a content-addressed blob: one that is there already is the same one and stays."""
        ...

    def append(self, container: str, name: str, content: bytes) -> None:
        """Add bytes at the end of an append blob, which is made if it is not there. Whole or not at all, after what others add.

        `BlobFull` if it takes no more blocks. Where the answer was lost, a repeat may add the bytes twice.
        """
        ...

    def tag(
        self, container: str, name: str, tags: Mapping[str, str], *, etag: str = "", unless: Sequence[str] = ()
    ) -> bool:
        """Set index tags, if the blob still has the ETag; False if it is gone or changed.

        With `unless`, False too, and nothing is written, where tag `baton` says one of these words by then: storage itself
        decides, so a caller that comes late takes no such word away. (Azurite does not: there it was so a moment ago.)
        """
        ...

    def remove(self, container: str, name: str, *, etag: str = "") -> bool:
        """Remove the blob for good, if it still has the ETag; False if it is gone or changed. Safe to repeat.

        Earlier versions that storage keeps of it go with it, unless it was changed.
        """
        ...

    def erase_earlier(self, container: str, name: str) -> int:
        """Erase for good what storage keeps of the blob beside its current state, if any; returns how many. Safe to repeat."""
        ...

    def tags_of(self, container: str, name: str) -> Mapping[str, str]:
        """The blob's index tags; none if it is gone."""
        ...

    def names(self, container: str, prefix: str) -> Iterable[str]:
        """Names of blobs under a prefix."""
        ...

    def listed(self, container: str, prefix: str) -> Iterable[BlobSeen]:
        """The blobs under a prefix as they are now, in one listing; their `source` is not asked for."""
        ...
