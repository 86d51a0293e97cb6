"""Collected requests on disk: <folder>/<model>/<yyyy>/<mm>/<dd>/<hour>-<segment>.jsonl, which is the blob's name too.

A segment ends in `.open` while it is written. What the disk does not take is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from local.serving.collect import Scored
from shared import log

DISK_BYTES = 256 * 1024 * 1024
SEGMENT_BYTES = 1024 * 1024
MEND = "free disk space, and see that storage answers"


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

    def write(self, batch: Sequence[Scored]) -> None:
        """Write what the disk takes: the lines of a model at once, or none of them."""
        full = self._full() if batch else None
        for model in {scored.model for scored in batch}:
            lines = [scored.to_line() for scored in batch if scored.model == model]
            try:
                if full:
                    raise full
                self._segment(model).write(b"".join(lines))
                self._counts.written += len(lines)
            except OSError as error:
                self._counts.dropped_disk += len(lines)
                log.error("scored requests are dropped", model=model, lines=len(lines), why=str(error), next=MEND)

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

    def _segment(self, model: str) -> _Segment:
        now = datetime.now(UTC)
        segment = self._open.get(model)
        if segment is not None and segment.hour != now.hour:
            self._open.pop(model).close()
            segment = None
        if segment is None:
            segment = self._open[model] = _Segment(self._folder, model, now)
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

    def write(self, lines: bytes) -> None:
        self._size += self._file.write(lines)

    def is_due(self, seconds: float) -> bool:
        return self._size > SEGMENT_BYTES or (datetime.now(UTC) - self._began).total_seconds() >= seconds

    def close(self) -> None:
        self._file.close()
        self._while_open.rename(self._path)
