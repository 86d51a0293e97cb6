"""Spans on their way out: a bounded queue and one thread, so that an exporter that hangs or fails costs spans and nothing else."""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Callable, Sequence

from shared import log
from shared.traces.port import Span

ROOM, AT_ONCE = 4096, 256
TOLD_EVERY_SECONDS = 60.0
AT_THE_END_SECONDS = 2.0
NEXT = "docs/runbook.md#traces"

Export = Callable[[Sequence[Span]], None]


class Sending:
    """A `Tracer` over an exporter, which may raise and may take as long as it likes.

    What has no room, what the exporter did not take, and what is not out when the process ends is lost, counted in `lost`, and
    logged at most once a minute and at the end.
    """

    is_on = True

    def __init__(self, export: Export, *, room: int = ROOM, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._export = export
        self._waiting: queue.Queue[Span] = queue.Queue(room)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._untold, self._why = 0, ""
        self._told_at: float | None = None
        self.lost = 0

    def tell(self, span: Span) -> None:
        """Take a span if there is room, and a thread to send it."""
        try:
            if self._thread is None:
                self._begin()
            self._waiting.put_nowait(span)
        except queue.Full:
            self._lose(1, f"{self._waiting.maxsize} spans wait already")
        except RuntimeError as error:  # no thread is to be had now; the next span tries again
            self._lose(1, f"{type(error).__name__}: {error}")

    def _begin(self) -> None:
        """The thread begins with the first span: the host may fork or never need it before."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._go_on, name="baton-traces", daemon=True)
                thread.start()
                self._thread = thread
                atexit.register(self._end)

    def _go_on(self) -> None:
        while True:
            batch = self._batch()
            try:
                self._export(batch)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with whoever listens, it is their loss
                self._lose(len(batch), f"{type(error).__name__}: {error}")
            for _ in batch:
                self._waiting.task_done()

    def _batch(self) -> list[Span]:
        batch = [self._waiting.get()]
        while len(batch) < AT_ONCE:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _lose(self, count: int, why: str) -> None:
        with self._lock:
            self.lost += count
            self._untold += count
            self._why = why
            now = self._monotonic()
            if self._told_at is not None and now - self._told_at < TOLD_EVERY_SECONDS:
                return
            self._told_at = now
        self._say()

    def _say(self) -> None:
        with self._lock:
            untold, self._untold = self._untold, 0
        if untold:
            log.later("spans lost", count=untold, why=self._why, next=NEXT)

    def _end(self) -> None:
        """The process ends: wait a moment for what is not out, and say what is lost."""
        if not self.flush(AT_THE_END_SECONDS):
            self._lose(
                self._waiting.unfinished_tasks, f"not out {AT_THE_END_SECONDS:g} s after the process began to end"
            )
        self._say()

    def flush(self, within_seconds: float) -> bool:
        """Wait until what was told so far has been exported or lost, at most so long; whether it has."""
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, within_seconds)
