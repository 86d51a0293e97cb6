"""Spans as lines of a JSON file, in the form of OpenTelemetry's own `ReadableSpan.to_json`, which viewers of spans read."""

from __future__ import annotations

import json
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
    """Appends spans to a file. One of 64 MiB becomes `traces.jsonl.1`, in place of the one before it."""

    def __init__(self, file: Path, *, largest: int = LARGEST) -> None:
        self.file = file
        self._largest = largest

    def export(self, spans: Sequence[Span]) -> None:
        """Write all of them with one call, a line each."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists() and self.file.stat().st_size >= self._largest:
            self.file.replace(self.file.with_name(f"{self.file.name}.1"))
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write("".join(f"{json.dumps(document(span))}\n" for span in spans))


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
