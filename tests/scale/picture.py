"""Draws a simulation: what waits, how old the oldest event is, and how busy the workers are, minute by minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from tests.bench.chart import BAR, INK, STYLE, TAIL
from tests.scale.scenario import Found


def draw(found: Found, file: Path) -> None:
    """Write the picture; on a transparent ground, the same simulation gives the same bytes."""
    hours = [moment.minute / 60 for moment in found.moments]
    with mpl.rc_context({**STYLE, "svg.hashsalt": "scale"}):
        drawing = Drawing(figsize=(8, 7.5))
        rows = drawing.subplots(4, 1, sharex=True)
        _waits(rows[0], hours, found)
        _line(rows[1], hours, [m.oldest_seconds / 60 for m in found.moments], "minutes", "age of the oldest event")
        _line(
            rows[2], hours, [m.transactions_a_second for m in found.moments], "calls a second", "storage, whole account"
        )
        _busy(rows[3], hours, found)
        begin, long = found.scenario.outage_from_hour, found.scenario.outage_hours
        for axes in rows:
            axes.axvspan(begin, begin + long, color=INK, alpha=0.15, linewidth=0)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_ylim(bottom=0)
        rows[0].text(begin + long / 2, rows[0].get_ylim()[1], "region down", ha="center", va="bottom")
        rows[-1].set_xlabel("hours")
        drawing.tight_layout()
        drawing.savefig(file, transparent=True, metadata={"Date": None} if file.suffix == ".svg" else None)


def _waits(axes: Axes, hours: list[float], found: Found) -> None:
    axes.plot(hours, [m.undelivered for m in found.moments], color=BAR, label="with Event Grid")
    axes.plot(hours, [m.waiting for m in found.moments], color=TAIL, label="recorded, not decided")
    axes.plot(hours, [m.advance + m.perform for m in found.moments], color=INK, label="rings in the queues")
    axes.set_ylabel("waiting")
    axes.legend(loc="upper right", frameon=False)


def _line(axes: Axes, hours: list[float], values: list[float], unit: str, title: str) -> None:
    axes.plot(hours, values, color=BAR)
    axes.set_ylabel(unit)
    axes.set_title(title, loc="left", fontsize=10)


def _busy(axes: Axes, hours: list[float], found: Found) -> None:
    for queue, color in (("perform", BAR), ("advance", TAIL)):
        axes.plot(hours, [100 * m.busy[queue] for m in found.moments], color=color, label=queue)
    axes.set_ylabel("% of workers")
    axes.set_title("workers that are busy", loc="left", fontsize=10)
    axes.legend(loc="upper right", frameon=False)
