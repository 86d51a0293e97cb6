"""Brings closed segments to storage, oldest first, in a thread of its own; what storage does not take is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shared import log
from shared.storage.port import Blobs

CONTAINER = "scored"
LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Uploader:
    """`blobs` is made in the thread (importing the SDK takes 0.3 s), and again after each failure."""

    def __init__(self, folder: Path, blobs: Callable[[], Blobs]) -> None:
        self._folder = folder
        self._make = blobs
        self._blobs: Blobs | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)
        self._uploaded = 0
        self._failures = 0
        self._why = ""

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop after the segment at hand, or leave it: it is sent again by the next router."""
        self._stop.set()
        self._thread.join(2)

    def counts(self) -> dict[str, int | str]:
        """Segments sent, segments that wait, and why storage did not take the last one ("" if it did)."""
        return {"uploaded_segments": self._uploaded, "waiting_segments": len(self._closed()), "upload_fault": self._why}

    def _run(self) -> None:
        while not self._stop.wait(min(LONGEST_PAUSE_SECONDS, LOOK_SECONDS * 2**self._failures)):
            for segment in self._closed():
                if self._stop.is_set() or not self._sent(segment):
                    break

    def _sent(self, segment: Path) -> bool:
        try:
            self._blobs = self._blobs or self._make()
            name = segment.relative_to(self._folder).as_posix()
            self._blobs.put(CONTAINER, name, segment, content_type="application/x-ndjson")
            segment.unlink()
        except Exception as error:
            self._note(error)
            return False
        self._uploaded += 1
        self._failures, self._why = 0, ""
        return True

    def _note(self, error: Exception) -> None:
        self._blobs = None
        self._failures = min(self._failures + 1, 10)
        if not self._why:
            log.warning("scored requests wait for storage", why=repr(error))
        self._why = repr(error)[:300]

    def _closed(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return sorted(self._folder.rglob("*.jsonl"), key=lambda path: path.relative_to(self._folder))
        return []
