"""Draws the way of a drop: one row a part, from the median moment it begins to the median moment it is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from tests.bench.figures import Result

INK, BAR, TAIL = "#777777", "#3b82c4", "#c07f2c"  # each readable on white and on near-black
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw(drop: Result, file: Path) -> None:
    """Write the chart of the drop benchmark as SVG, on a transparent ground; the same figures give the same bytes."""
    parts = drop.details["parts"]
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(8, 0.42 * len(parts) + 1))
        axes = drawing.subplots()
        _rows(axes, parts)
        axes.set_xlabel("seconds after the blob was written")
        drawing.legend(loc="upper right", ncols=2, frameon=False)
        drawing.tight_layout(rect=(0, 0, 1, 0.94))
        drawing.savefig(file, transparent=True, metadata={"Date": None})


def _rows(axes: Axes, parts: list[dict[str, Any]]) -> None:
    names = [part["part"] for part in parts]
    over = [part["over"]["p50_s"] for part in parts]
    late = [part["over"]["p99_s"] for part in parts]
    axes.hlines(names, over, late, color=TAIL, linewidth=2, label="p99 of its end")
    bars = axes.barh(names, [end - begin for begin, end in zip([0, *over], over, strict=False)], left=[0, *over[:-1]])
    bars.set_label("median; the number is its length")
    for bar in bars:
        bar.set_color(BAR)
    for row, (end, part) in enumerate(zip(late, parts, strict=True)):
        axes.annotate(
            f"{part['took']['p50_s']:.3f} s", (end, row), xytext=(6, 0), textcoords="offset points", va="center"
        )
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
