"""Small forms that Azure puts on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

Event = Mapping[str, object]
"""One event as JSON: in the Event Grid schema, or a CloudEvent (the one with `specversion`)."""


def wire_time(unix_ns: int) -> str:
    """UTC with the 7 fractional digits that Azure writes.

    >>> wire_time(1498502460_958410399)
    '2017-06-26T18:41:00.9584103Z'
    """
    seconds, nanoseconds = divmod(unix_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 100:07d}Z"


def is_cloud_event(event: Event) -> bool:
    """Is it a CloudEvent, rather than one in the Event Grid schema?"""
    return "specversion" in event
