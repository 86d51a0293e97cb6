"""Drift over time as small drawings: a row of bars for each column, a bar for each file. Pure but for reading the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors import BatonError
from shared.monitoring.drift_history import History
from shared.web.words import count

if TYPE_CHECKING:
    from shared.data.comparing import Change

BAR, STEP, HEIGHT = 10.0, 14.0, 40.0
CAP = 2.5  # a bar ends at so many times its limit
LEAST = 1.5  # so that no change at all is still a bar
COLUMNS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One file: where the bar stands, how high it is, whether the column drifted in it, and what that is in words."""

    x: float
    y: float
    height: float
    drifted: bool
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """One column: its bars, the oldest file first, and its last file in words."""

    column: str
    drifted: bool
    size: str
    what: str
    bars: tuple[Bar, ...]
    says: str


@dataclass(frozen=True, slots=True)
class DriftChart:
    """What a page shows of a model's or a release's drift; with `why_not` and `todo` instead where there is nothing to show."""

    says: str
    drifted: bool = False
    lines: tuple[Line, ...] = ()
    hidden: int = 0
    unread: tuple[str, ...] = ()
    todo: str = ""
    width: float = 0.0
    height: float = HEIGHT
    limit: float = HEIGHT - HEIGHT / CAP
    bar: float = BAR
    first: datetime | None = None
    last: datetime | None = None


def drift_chart(read: Callable[[], History]) -> DriftChart:
    """The drawing of a history; one that cannot be read says why, and leaves the rest of the page alone."""
    try:
        history = read()
    except BatonError as error:
        return DriftChart(error.what, todo=error.next)
    if not history.points:
        return DriftChart(history.unread[0] if history.unread else "nothing to compare")
    columns = history.columns
    lines = tuple(_line(history, column) for column in columns[:COLUMNS_SHOWN])
    return DriftChart(
        _says(history),
        drifted=bool(history.points[-1].drifted),
        lines=lines,
        hidden=len(columns) - len(lines),
        unread=history.unread,
        width=len(history.points) * STEP,
        first=history.points[0].at,
        last=history.points[-1].at,
    )


def _says(history: History) -> str:
    files = count(len(history.points), "file")
    now = history.points[-1].drifted
    if now:
        return f"{', '.join(now[:5])} drifted in the last file ({count(history.points[-1].rows, 'row')})"
    before = sum(bool(point.drifted) for point in history.points)
    return f"nothing drifted in the last file, and in {before} of {files}" if before else f"nothing drifted in {files}"


def _line(history: History, column: str) -> Line:
    changes = history.of(column)
    bars = tuple(
        _bar(place, change, f"file {point.file}, {point.rows} rows, against version {point.version}")
        for place, (point, change) in enumerate(zip(history.points, changes, strict=True))
        if change is not None
    )
    last = changes[-1]
    times = sum(change is not None and change.drifted for change in changes)
    says = f"{column} drifted in {times} of {count(len(bars), 'file')}"
    if last is None:
        return Line(column, False, "–", "not in the last file's reference", bars, says)
    return Line(column, last.drifted, f"{last.size:.1%}, limit {last.limit:.1%}", last.what, bars, says)


def _bar(place: int, change: Change, where: str) -> Bar:
    height = round(max(LEAST, min(change.size / change.limit, CAP) * HEIGHT / CAP), 1)
    says = f"{where}: {change.size:.1%} moved, limit {change.limit:.1%}; {change.what}"
    x = round(place * STEP + (STEP - BAR) / 2, 1)
    return Bar(x, round(HEIGHT - height, 1), height, change.drifted, says)


def sparkline(changes: Sequence[Change | None]) -> str:
    """The same for a terminal: a character a file, full where the column drifted, else the higher the nearer to its limit."""
    return "".join(_block(change) for change in changes)


def _block(change: Change | None) -> str:
    if change is None:
        return " "
    return "█" if change.drifted else "▁▂▃▄▅▆▇"[min(6, int(7 * change.size / change.limit))]
