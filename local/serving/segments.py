"""Collected requests on disk: <folder>/<model>/<yyyy>/<mm>/<dd>/<hour>-<segment>.jsonl, which is the blob's name too.

A segment ends in `.open` while it is written. What the disk does not take is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from local.serving.collect import Scored
from shared import log

DISK_BYTES = 256 * 1024 * 1024
SEGMENT_BYTES = 1024 * 1024


@dataclass(slots=True)
class Counts:
    """What became of the requests that came here."""

    written: int = 0
    dropped_disk: int = 0


class Segments:
    """Writes lines, one open segment for each model. `seconds` is how long a segment stays open at most."""

    def __init__(self, folder: Path, *, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        self._counts = Counts()
        self._open: dict[str, _Segment] = {}

    def begin(self) -> None:
        """Close what a collector that died left open."""
        for left in self._folder.rglob("*.open"):
            left.rename(left.with_suffix(""))

    def write(self, batch: Iterable[Scored]) -> None:
        """Write what the disk takes; after a fault the rest of the batch is not tried."""
        fault: OSError | None = self._full()
        for scored in batch:
            try:
                if fault:
                    raise fault
                self._segment(scored).write(scored.to_line())
                self._counts.written += 1
            except OSError as error:
                fault = error
                self._drop(error)

    def close(self, *, all: bool = False) -> None:
        """Close the segments that are large or old enough, or all."""
        for segment in [segment for segment in self._open.values() if all or segment.is_due(self._seconds)]:
            self._open.pop(segment.model).close()

    def counts(self) -> dict[str, int]:
        """Lines written, and lines that the disk did not take."""
        return asdict(self._counts)

    def _full(self) -> OSError | None:
        if sum(file.stat().st_size for file in self._folder.rglob("*.jsonl*") if file.exists()) < DISK_BYTES:
            return None
        return OSError(f"{self._folder.name} holds {DISK_BYTES} bytes that storage did not take yet")

    def _drop(self, error: OSError) -> None:
        self._counts.dropped_disk += 1
        if self._counts.dropped_disk % 1000 == 1:
            log.error("scored requests are dropped", why=str(error), next="free disk space; see that storage answers")

    def _segment(self, scored: Scored) -> _Segment:
        now = datetime.now(UTC)
        segment = self._open.get(scored.model)
        if segment is not None and segment.hour != now.hour:
            self._open.pop(scored.model).close()
            segment = None
        if segment is None:
            segment = self._open[scored.model] = _Segment(self._folder, scored.model, now)
        return segment


class _Segment:
    """A file of lines while it is written. Names grow with time, to the microsecond."""

    def __init__(self, folder: Path, model: str, now: datetime) -> None:
        self.model, self.hour = model, now.hour
        self._began = now
        self._path = folder / model / f"{now:%Y/%m/%d/%H-%M%S%f}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._while_open = self._path.with_name(self._path.name + ".open")
        self._file: FileIO = self._while_open.open("xb", buffering=0)
        self._size = 0

    def write(self, line: bytes) -> None:
        self._size += self._file.write(line)

    def is_due(self, seconds: float) -> bool:
        return self._size > SEGMENT_BYTES or (datetime.now(UTC) - self._began).total_seconds() >= seconds

    def close(self) -> None:
        self._file.close()
        self._while_open.rename(self._path)
