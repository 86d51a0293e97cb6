"""In-memory storage at the ports: the same promises as Azure's, held by the same contract suite."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from shared.notify import Message
from shared.storage.port import (
    BODY_LIMIT,
    ROWS_A_TRANSACTION,
    BlobMissing,
    BlobSeen,
    Delete,
    Insert,
    Replace,
    Row,
    RowChanged,
    RowExists,
    Write,
)

AGAIN = "read again"


def _no_trap(call: str) -> None:
    """The default trap: nothing happens."""


FIRST_WRITTEN = 1_767_225_600  # 2026-01-01; each blob a second later


class Rows(dict[tuple[str, str], tuple[str, int]]):
    """Bodies and counted ETags by partition and key, with each partition's keys in order beside them."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, list[str]] = {}

    def __setitem__(self, where: tuple[str, str], row: tuple[str, int]) -> None:
        if where not in self:
            insort(self._keys.setdefault(where[0], []), where[1])
        super().__setitem__(where, row)

    def __delitem__(self, where: tuple[str, str]) -> None:
        super().__delitem__(where)
        keys = self._keys[where[0]]
        del keys[bisect_left(keys, where[1])]

    def __deepcopy__(self, memo: object) -> Rows:
        """The same rows apart; bodies and ETags never change, so they are shared."""
        twin = Rows()
        dict.update(twin, self)
        twin._keys = {partition: list(keys) for partition, keys in self._keys.items()}
        return twin

    def between(self, partition: str, first: str, before: str, limit: int) -> list[str]:
        """At most `limit` keys with first <= key < before, in order, without looking at the others."""
        keys = self._keys.get(partition, [])
        begin = bisect_left(keys, first)
        return keys[begin : min(begin + limit, bisect_left(keys, before))]


@dataclass
class MemoryTable:
    """A table of rows in a dict. `trap` is called before and after each call and may raise, as a crash would.

    `clock` is storage's own, by which rows are written and read; without one it tells no times.
    """

    trap: Callable[[str], None] = _no_trap
    rows: Rows = field(default_factory=Rows)
    clock: Callable[[], datetime] | None = None
    _written: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, partition: str, key: str) -> Row | None:
        self.trap("before get")
        with self._lock:
            return self._row(partition, key) if (partition, key) in self.rows else None

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        self.trap("before page")
        with self._lock:
            keys = self.rows.between(partition, first, before, limit)
            return [self._row(partition, key) for key in keys]

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        self.trap("before write")
        with self._lock:
            _check_shape(writes)
            for write in writes:
                self._check(partition, write)
            etags = {write.key: self._apply(partition, write) for write in writes}
        self.trap("after write")
        return {write.key: etags[write.key] for write in writes if not isinstance(write, Delete)}

    def _row(self, partition: str, key: str) -> Row:
        body, etag = self.rows[(partition, key)]
        now = self.clock() if self.clock else None
        return Row(key, body, str(etag), self._written.get((partition, key), now), now)

    def _check(self, partition: str, write: Write) -> None:
        found = self.rows.get((partition, write.key))
        if isinstance(write, Insert) and found:
            raise RowExists(f"{write.key} is there already", next=AGAIN)
        if isinstance(write, Replace | Delete) and (found is None or str(found[1]) != write.etag):
            raise RowChanged(f"{write.key} changed", next=AGAIN)

    def _apply(self, partition: str, write: Write) -> str:
        if isinstance(write, Delete):
            del self.rows[(partition, write.key)]
            return ""
        self._count += 1
        self.rows[(partition, write.key)] = (write.body, self._count)
        if self.clock:
            self._written[(partition, write.key)] = self.clock()
        return str(self._count)


def _check_shape(writes: Sequence[Write]) -> None:
    keys = [write.key for write in writes]
    if not 0 < len(keys) <= ROWS_A_TRANSACTION or len(set(keys)) != len(keys):
        raise ValueError(f"a transaction of {len(keys)} rows, {len(set(keys))} of them different")
    for write in writes:
        if not isinstance(write, Delete) and len(write.body) > BODY_LIMIT:
            raise ValueError(f"row {write.key} holds {len(write.body)} characters")


@dataclass
class MemoryBells:
    """Rings in a list, oldest first. `trap` as in `MemoryTable`."""

    trap: Callable[[str], None] = _no_trap
    rung: list[tuple[str, str, timedelta]] = field(default_factory=list)

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        self.trap("before ring")
        self.rung.append((queue, model, after))
        self.trap("after ring")


@dataclass
class MemoryBlobs:
    """Blobs in a dict; `tags` holds index tags, `earlier` what was written over. `trap` as in `MemoryTable`."""

    trap: Callable[[str], None] = _no_trap
    blobs: dict[tuple[str, str], tuple[bytes, int]] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    earlier: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    _count: int = 0

    def look(self, container: str, name: str) -> BlobSeen | None:
        self.trap("before look")
        found = self.blobs.get((container, name))
        return BlobSeen(name, str(found[1]), len(found[0])) if found else None

    def fetch(self, container: str, name: str, into: Path, *, etag: str = "") -> None:
        seen = self.look(container, name)
        if seen is None or (etag and seen.etag != etag):
            raise BlobMissing(f"{container}/{name} is not there", next=AGAIN)
        content, count = self.blobs[(container, name)]
        into.write_bytes(content)
        os.utime(into, (FIRST_WRITTEN + count, FIRST_WRITTEN + count))

    def read(self, container: str, name: str) -> bytes:
        self.trap("before read")
        if (container, name) not in self.blobs:
            raise BlobMissing(f"{container}/{name} is not there", next=AGAIN)
        return self.blobs[(container, name)][0]

    def put(self, container: str, name: str, content: bytes | Path, *, content_type: str) -> None:
        self.trap("before put")
        data = content if isinstance(content, bytes) else content.read_bytes()
        if (container, name) not in self.blobs:
            self.drop(container, name, data)
        self.trap("after put")

    def drop(self, container: str, name: str, content: bytes) -> str:
        """Write a blob as a data engineer does, over whatever is there; returns its ETag."""
        self._count += 1
        if (container, name) in self.blobs:
            self.earlier.setdefault((container, name), []).append(self.blobs[container, name][0])
        self.blobs[(container, name)] = (content, self._count)
        self.tags.pop((container, name), None)
        return str(self._count)

    def append(self, container: str, name: str, content: bytes) -> None:
        before = self.blobs.pop((container, name), (b"", 0))[0]  # an appended block makes no version
        self.drop(container, name, before + content)

    def tag(
        self, container: str, name: str, tags: Mapping[str, str], *, etag: str = "", unless: Sequence[str] = ()
    ) -> bool:
        seen = self.look(container, name)
        if seen is None or (etag and seen.etag != etag):
            return False
        if self.tags.get((container, name), {}).get("baton") in unless:
            return False
        self.tags[(container, name)] = dict(tags)
        return True

    def remove(self, container: str, name: str, *, etag: str = "") -> bool:
        seen = self.look(container, name)
        if seen is None or (etag and seen.etag != etag):
            return False
        del self.blobs[(container, name)]
        self.tags.pop((container, name), None)
        self.erase_earlier(container, name)
        self.trap("after remove")
        return True

    def erase_earlier(self, container: str, name: str) -> int:
        return len(self.earlier.pop((container, name), []))

    def tags_of(self, container: str, name: str) -> Mapping[str, str]:
        self.trap("before tags_of")
        return dict(self.tags.get((container, name), {}))

    def names(self, container: str, prefix: str) -> Iterable[str]:
        return sorted(name for owner, name in self.blobs if owner == container and name.startswith(prefix))

    def listed(self, container: str, prefix: str) -> Iterable[BlobSeen]:
        self.trap("before listed")
        found = ((name, self.blobs[container, name]) for name in self.names(container, prefix))
        return [BlobSeen(name, str(count), len(content)) for name, (content, count) in found]


@dataclass
class MemoryNotifier:
    """What people were told, by the message's id: telling twice is telling once."""

    told: dict[str, Message] = field(default_factory=dict)

    def tell(self, message: Message) -> None:
        self.told[message.id] = message
