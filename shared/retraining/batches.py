"""When the files in the basket become a dataset version: pure rules, the first that is met cuts. See docs/data.md.

`files`, `rows` and `bytes` cut at once. A `marker` (a drop of that name) and a complete day of `partitions` cut when no drop is
being checked any more; the marker gets a moment, since events overtake each other. `quiet_seconds` without a file cuts in
any case, so that nothing waits for a marker or partition that never comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.spec import Batch
from shared.state import Basket

MARKER_GRACE = timedelta(seconds=10)
PARTS_KEPT = 200
DAY = re.compile(r"(?<!\d)(\d{4})[-/]?(\d{2})[-/]?(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Filled:
    """What is in the basket: so many files, so many drops that are still being checked."""

    basket: Basket
    files: int
    checking: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether a version is cut now, why, and when that may change by itself."""

    go: bool
    why: str
    until: datetime | None = None


def ready(batch: Batch, filled: Filled, now: datetime) -> Ready:
    """Is the basket's new data a dataset version yet?"""
    basket, files = filled.basket, filled.files
    if files == 0 or basket.last_at is None:
        return Ready(False, "no new file")
    counts = (("files", files, batch.files), ("rows", basket.rows, batch.rows), ("bytes", basket.bytes, batch.bytes))
    for what, found, limit in counts:
        if limit and found >= limit:
            return Ready(True, f"{found} new {what}, batch closes at {limit}")
    day = complete_day(batch.partitions, basket.parts)
    if day and not filled.checking:
        return Ready(True, f"{files} new files, all {len(batch.partitions)} partitions of {day} are there")
    settled = basket.closed_at + MARKER_GRACE if basket.closed_at else None
    if settled and now >= settled and not filled.checking:
        return Ready(True, f"{files} new files, {basket.closed_by} closed the batch")
    quiet_until = basket.last_at + timedelta(seconds=batch.quiet_seconds)
    if now >= quiet_until:
        return Ready(True, f"{files} new files and {batch.quiet_seconds:g} s without another")
    soonest = min(quiet_until, settled) if settled and settled > now else quiet_until
    return Ready(False, f"{files} new files, waiting for {batch.quiet_seconds:g} s of quiet", soonest)


def is_marker(batch: Batch, blob: str) -> bool:
    """Whether a drop closes the batch, and is no data.

    >>> is_marker(Batch(marker="_SUCCESS"), "m/2026-03-01/_SUCCESS"), is_marker(Batch(), "m/_SUCCESS")
    (True, False)
    """
    return bool(batch.marker) and blob.rpartition("/")[2] == batch.marker


def part_of(partitions: Iterable[str], blob: str) -> str:
    """The day and partition that a drop's path names, as "2026-03-01 north"; "" if it names none.

    >>> part_of(["north", "south"], "incoming/m/day=2026-03-01/region=north/a.csv")
    '2026-03-01 north'
    >>> part_of(["north"], "incoming/m/2026/03/01/north.csv"), part_of(["north"], "incoming/m/northern.csv")
    ('2026-03-01 north', '')
    """
    words = set(re.split(r"[/=._]", blob))
    day, names = DAY.search(blob), [one for one in partitions if one in words]
    return f"{'-'.join(day.groups())} {names[0]}" if day and names else ""


def complete_day(partitions: tuple[str, ...], parts: tuple[str, ...]) -> str:
    """The first day of which all partitions are among the parts, or ""."""
    days = sorted({part.partition(" ")[0] for part in parts}) if partitions else []
    return next((day for day in days if all(f"{day} {name}" in parts for name in partitions)), "")


def with_file(basket: Basket, batch: Batch, *, rows: int, size: int, blob: str, now: datetime) -> Basket:
    """The basket with one more file."""
    part = part_of(batch.partitions, blob)
    parts = (*basket.parts, part)[-PARTS_KEPT:] if part and part not in basket.parts else basket.parts
    since = basket.since or now
    rows, size = basket.rows + rows, basket.bytes + size
    return replace(basket, rows=rows, bytes=size, parts=parts, last_at=now, since=since, refused_why="")
