"""Collection: each scored request goes to a bounded queue, from there to a segment on disk, later to storage.

Scoring only appends to the queue. A thread writes lines of JSON to <folder>/<model>/<yyyy>/<mm>/<dd>/<hour>-<segment>.jsonl
(`.open` while it is written), which is the blob's name too. What does not fit is dropped and counted:
{"v": 1, "time", "request_id", "model", "deployment", "version", "status", "seconds", "rows", "predictions"}; `rows` and
`predictions` are null where a body is no JSON or over `BODY_BYTES`, with "bytes": [request, answer] beside them.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from shared import log

BODY_BYTES = 256 * 1024
QUEUE_RECORDS = 10_000
QUEUE_BYTES = 32 * 1024 * 1024
DISK_BYTES = 256 * 1024 * 1024
SEGMENT_BYTES = 1024 * 1024
WRITE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Scored:
    """One request and its answer; `time` in seconds since 1970."""

    time: float
    request_id: str
    model: str
    deployment: str
    version: str
    status: int
    seconds: float
    request: bytes
    answer: bytes

    @property
    def size(self) -> int:
        return len(self.request) + len(self.answer)

    def to_line(self) -> bytes:
        """The line that is kept."""
        known = {
            "v": 1,
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(),
            "request_id": self.request_id,
            "model": self.model,
            "deployment": self.deployment,
            "version": self.version,
            "status": self.status,
            "seconds": round(self.seconds, 6),
            "rows": _part(self.request, "data"),
            "predictions": _part(self.answer, "predictions"),
        }
        if known["rows"] is None or known["predictions"] is None:
            known["bytes"] = [len(self.request), len(self.answer)]
        return json.dumps(known, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Counts:
    """What became of the scored requests. `dropped_*` never reached the disk: queue full, disk full."""

    offered: int = 0
    written: int = 0
    dropped_queue: int = 0
    dropped_disk: int = 0


class Collector:
    """The queue and the thread behind it. `segment_seconds` is how long a segment stays open at most."""

    def __init__(self, folder: Path, *, segment_seconds: float) -> None:
        self._folder = folder
        self._segment_seconds = segment_seconds
        self._queue: deque[Scored] = deque()
        self._bytes_in = self._bytes_out = 0  # each written by one thread only
        self._counts = Counts()
        self._segments: dict[str, _Segment] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collect", daemon=True)

    def start(self) -> None:
        """Close what a router that died left open, then begin to write."""
        for left in self._folder.rglob("*.open"):
            left.rename(left.with_suffix(""))
        self._thread.start()

    def offer(self, scored: Scored) -> None:
        """Take a request if there is room. Never waits; called from one thread."""
        self._counts.offered += 1
        if len(self._queue) >= QUEUE_RECORDS or self._bytes_in - self._bytes_out + scored.size > QUEUE_BYTES:
            self._counts.dropped_queue += 1
            return
        self._bytes_in += scored.size
        self._queue.append(scored)

    def close(self) -> None:
        """Write what is queued, close the segments."""
        self._stop.set()
        self._thread.join(5)

    def counts(self) -> dict[str, int]:
        """What became of what was offered, and what still waits in the queue."""
        return {**asdict(self._counts), "queued": len(self._queue)}

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stop.wait(WRITE_SECONDS)
            self._write_queued()
            for segment in [
                segment for segment in self._segments.values() if last or segment.due(self._segment_seconds)
            ]:
                self._segments.pop(segment.model).close()

    def _write_queued(self) -> None:
        """One unbuffered write a line: each lets go of the interpreter, so scoring never waits for a whole batch."""
        full = _size(self._folder) > DISK_BYTES if self._queue else False
        while self._queue:
            scored = self._queue.popleft()
            self._bytes_out += scored.size
            try:
                if full:
                    raise OSError(f"{self._folder.name} holds more than {DISK_BYTES} bytes that storage did not take")
                self._segment(scored).write(scored.to_line())
                self._counts.written += 1
            except OSError as error:
                full = True
                self._drop(error)

    def _drop(self, error: OSError) -> None:
        self._counts.dropped_disk += 1
        if self._counts.dropped_disk % 1000 == 1:
            log.error("scored requests are dropped", why=str(error), next="free disk space; see that storage answers")

    def _segment(self, scored: Scored) -> _Segment:
        segment = self._segments.get(scored.model)
        now = datetime.now(UTC)
        if segment is not None and segment.hour != now.hour:
            self._segments.pop(scored.model).close()
            segment = None
        if segment is None:
            segment = self._segments[scored.model] = _Segment(self._folder, scored.model, now)
        return segment


class _Segment:
    """A file of lines while it is written. Names grow with time, to the microsecond."""

    def __init__(self, folder: Path, model: str, now: datetime) -> None:
        self.model, self.hour = model, now.hour
        self._began = now
        self._path = folder / model / f"{now:%Y/%m/%d/%H-%M%S%f}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: FileIO = self._open.open("xb", buffering=0)
        self._size = 0

    @property
    def _open(self) -> Path:
        return self._path.with_name(self._path.name + ".open")

    def write(self, line: bytes) -> None:
        self._size += self._file.write(line)

    def due(self, seconds: float) -> bool:
        """Whether the segment is large or old enough to be sent."""
        return self._size > SEGMENT_BYTES or (datetime.now(UTC) - self._began).total_seconds() >= seconds

    def close(self) -> None:
        self._file.close()
        self._open.rename(self._path)


def _part(body: bytes, name: str) -> object:
    """The named member of a JSON object, the whole document if it has none; None if there is no (small) document."""
    if len(body) > BODY_BYTES:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get(name, document) if isinstance(document, dict) else document


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.jsonl*"))
