"""Spans as lines of a JSON file, in the form of OpenTelemetry's own `ReadableSpan.to_json`, which viewers of spans read."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.traces import context
from shared.traces.port import Span

NAME = "traces.jsonl"
LARGEST = 64 * 1024 * 1024
SERVICE = "baton"


class Lines:
    """Appends spans to a file. One of 64 MiB becomes `traces.jsonl.1`, in place of the one before it.

    Several processes may: each holds the file (flock) while it writes to it or puts it aside.
    """

    def __init__(self, file: Path, *, largest: int = LARGEST) -> None:
        self.file = file
        self._largest = largest

    def export(self, spans: Sequence[Span]) -> None:
        """Write all of them with one call, a line each. A line that was begun and not ended costs none of them."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{json.dumps(document(span))}\n" for span in spans).encode()
        while not self._is_written(text):
            pass

    def _is_written(self, text: bytes) -> bool:
        """Write, if this is the file that lies there now, and not full: a full one is put aside, and the next try begins another."""
        with self.file.open("ab+") as lines:
            fcntl.flock(lines, fcntl.LOCK_EX)
            if not _is_at(self.file, lines.fileno()):
                return False
            size = lines.seek(0, os.SEEK_END)
            if size >= self._largest:
                self.file.replace(self.file.with_name(f"{self.file.name}.1"))
                return False
            lines.seek(max(size - 1, 0))
            is_begun = lines.read(1) not in (b"", b"\n")
            lines.write(b"\n" * is_begun + text)
        return True


def _is_at(place: Path, opened: int) -> bool:
    """Whether an open file is the one that lies there now."""
    try:
        return os.path.samestat(place.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def document(span: Span) -> dict[str, Any]:
    """A span as OpenTelemetry writes it."""
    return {
        "name": span.name,
        "context": _context(span.context),
        "kind": f"SpanKind.{span.kind.upper()}",
        "parent_id": f"0x{context.span_id(span.parent)}" if span.parent else None,
        "start_time": _moment(span.began),
        "end_time": _moment(max(span.began, span.ended)),
        "status": {"status_code": "ERROR", "description": span.failed} if span.failed else {"status_code": "UNSET"},
        "attributes": dict(span.about),
        "events": [],
        "links": [{"context": _context(link), "attributes": None} for link in span.links],
        "resource": {"attributes": {"service.name": SERVICE}, "schema_url": ""},
    }


def _context(of: str) -> dict[str, str]:
    return {"trace_id": f"0x{context.trace_id(of)}", "span_id": f"0x{context.span_id(of)}", "trace_state": "[]"}


def _moment(at: datetime) -> str:
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def read(file: Path) -> Iterator[Mapping[str, Any]]:
    """The spans in a file and in the one that it followed, oldest first; a line that was being written is passed over."""
    for one in (file.with_name(f"{file.name}.1"), file):
        if not one.exists():
            continue
        with one.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue
