"""A release's trace as it was told while it happened, from the file that a laptop's Baton writes (`BATON_TRACES=file`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.errors import Permanent
from shared.traces.lines import NAME, read

Told = Mapping[str, Any]
LONGEST = 80


class NothingTraced(Permanent):
    """No span of the release is in the file."""


def spans(home: Path, release: str) -> list[Told]:
    """Every span of the release's trace, earliest first; `NothingTraced` says where else to look."""
    every = list(read(home / NAME))
    opened = [one for one in every if one["name"] == "release opened" and one["attributes"]["baton.release"] == release]
    if not opened:
        todo = f"baton trace {release}; in Azure docs/azure.md#traces says where they are"
        raise NothingTraced(f"{home / NAME} has no span of {release}.", next=todo)
    trace = opened[-1]["context"]["trace_id"]
    return sorted((one for one in every if one["context"]["trace_id"] == trace), key=lambda one: str(one["start_time"]))


def tree(found: Sequence[Told]) -> Iterator[str]:
    """A line for each span, below the one that it came of: when it began after the first, how long it took, what went wrong.

    One whose parent was lost stands at the margin.
    """
    known = {_id(one) for one in found}
    below: dict[str, list[Told]] = {}
    for one in found:
        below.setdefault(str(one["parent_id"]) if one["parent_id"] in known else "", []).append(one)
    first = min(_moment(one["start_time"]) for one in found)
    yield from _lines(below[""], below, first)


def _lines(spans: Iterable[Told], below: Mapping[str, list[Told]], first: datetime) -> Iterator[str]:
    """Depth first, without recursion: a chain of causes is as long as the release's life."""
    left = [(one, 0) for one in reversed(list(spans))]
    while left:
        one, depth = left.pop()
        began, ended = _moment(one["start_time"]), _moment(one["end_time"])
        failed = str(one["status"].get("description", ""))[:LONGEST]
        sign = f"  failed: {failed}" if failed else ""
        yield f"{_seconds(began - first):>10} {_seconds(ended - began):>9}  {'  ' * min(depth, 20)}{one['name']}{sign}"
        children = below.get(_id(one), [])
        left += [(child, depth + (len(children) > 1)) for child in reversed(children)]


def _id(one: Told) -> str:
    return str(one["context"]["span_id"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _seconds(span: timedelta) -> str:
    """A span of time in seconds.

    >>> _seconds(timedelta(milliseconds=1500))
    '1.500 s'
    """
    return f"{span.total_seconds():.3f} s"
