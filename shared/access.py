"""Who read what: people's reads, apart from the journal, in an append blob a day. No decision reads it, no page waits for it.

A read is kept in a bounded buffer and written by a thread of its own. When storage is slow the buffer fills, and what has no
room is counted and told in a log line: a page is never slower, and never fails, because a read could not be written down.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from shared import log
from shared.errors import BatonError
from shared.storage.port import BlobFull, Blobs

CONTAINER = "access"
ROOM, AT_ONCE, KNOWN = 1000, 500, 1000
SAME_WITHIN = timedelta(minutes=1)
FLUSH_SECONDS = 5.0
PARTS_A_DAY = 100


@dataclass(frozen=True, slots=True)
class Read:
    """One read: when, by whom ("" for nobody signed in), which path, of which model ("" for none), with which answer."""

    at: datetime
    by: str
    path: str
    model: str
    status: int


class AccessLog:
    """Takes reads at once, writes them later. Safe to share between threads."""

    def __init__(self, blobs: Blobs, *, clock: Callable[[], datetime], room: int = ROOM) -> None:
        self._blobs = blobs
        self._clock = clock
        self._room = room
        self._waiting: deque[Read] = deque()
        self._last: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._lost = 0
        self._part = 1
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._something = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, by: str, path: str, model: str, status: int) -> None:
        """Keep a read for the writer. The same person's same page counts once a minute. Never raises, never waits for storage."""
        now = self._clock()
        with self._lock:
            if self._is_repeat(by, path, now):
                return
            if len(self._waiting) >= self._room:
                self._lost += 1
                return
            self._waiting.append(Read(now, by, path, model, status))
        self._something.set()

    def _is_repeat(self, by: str, path: str, now: datetime) -> bool:
        last = self._last.get((by, path))
        if last is not None and now - last < SAME_WITHIN:
            return True
        self._last[(by, path)] = now
        self._last.move_to_end((by, path))
        while len(self._last) > KNOWN:
            self._last.popitem(last=False)
        return False

    def flush(self) -> int:
        """Write what waits, as far as storage takes it; returns how many. A failure keeps them for the next time."""
        written = 0
        with self._writing:
            while batch := self._next_batch():
                try:
                    self._append(batch)
                except BatonError:
                    self._give_back(batch)
                    return written
                written += len(batch)
            self._tell_lost()
        return written

    def _next_batch(self) -> list[Read]:
        """The oldest reads of one day."""
        with self._lock:
            batch: list[Read] = []
            while self._waiting and len(batch) < AT_ONCE:
                if batch and self._waiting[0].at.date() != batch[0].at.date():
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _give_back(self, batch: list[Read]) -> None:
        with self._lock:
            self._waiting.extendleft(reversed(batch))
            while len(self._waiting) > self._room:
                self._waiting.pop()
                self._lost += 1

    def _append(self, batch: list[Read]) -> None:
        content = "".join(json.dumps({**asdict(read), "at": read.at.isoformat()}) + "\n" for read in batch).encode()
        for part in range(self._part, PARTS_A_DAY + 1):
            try:
                self._blobs.append(CONTAINER, name_of(batch[0].at, part), content)
            except BlobFull:
                continue
            self._part = part
            return

    def _tell_lost(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost:
            log.later("reads not logged", count=lost, why=f"storage was slow, and {self._room} waited already")

    def start(self) -> None:
        """Write from a thread of its own from now on; it ends with the process."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="access-log", daemon=True)
                self._thread.start()

    def _write(self) -> None:
        pause = threading.Event()
        while True:
            self._something.wait()
            self._something.clear()
            pause.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next reads are written again
                log.later("access log not written", why=repr(error)[:200])


def name_of(at: datetime, part: int) -> str:
    """The day's blob; a further part where the first has no room for more blocks.

    >>> from datetime import UTC
    >>> name_of(datetime(2026, 3, 1, 12, tzinfo=UTC), 1), name_of(datetime(2026, 3, 1, 12, tzinfo=UTC), 2)
    ('2026-03-01.jsonl', '2026-03-01.2.jsonl')
    """
    return f"{at:%Y-%m-%d}.jsonl" if part == 1 else f"{at:%Y-%m-%d}.{part}.jsonl"
