"""Draws how long models wait beside a flood, and the host's memory over its events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from tests.bench.chart import BAR, STYLE, TAIL
from tests.bench.figures import Result

MEBIBYTE = 1024 * 1024


def draw_floods(results: Mapping[str, Result], file: Path) -> None:
    """Write the chart; on a transparent ground, the same figures give the same bytes."""
    seconds, looks = results["fairness"].details["seconds"], results["memory"].details["looks"]
    with mpl.rc_context({**STYLE, "svg.hashsalt": "floods"}):
        drawing = Drawing(figsize=(8, 3.2))
        waits, memory = drawing.subplots(1, 2)
        for name, color in (("others calm", BAR), ("others in a flood", TAIL)):
            values = sorted(seconds[name])
            shares = [100 * (place + 1) / len(values) for place in range(len(values))]
            waits.step(values, shares, where="post", color=color, label=name.replace("others ", ""))
        waits.set_xlabel("seconds that a model waits")
        waits.set_ylabel("% of 49 models")
        waits.legend(loc="lower right", frameon=False)
        memory.plot([look[0] for look in looks], [look[1] / MEBIBYTE for look in looks], color=BAR)
        memory.set_xlabel("events")
        memory.set_ylabel("resident MiB")
        for axes in (waits, memory):
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_ylim(bottom=0)
        drawing.tight_layout()
        drawing.savefig(file, transparent=True, metadata={"Date": None} if file.suffix == ".svg" else None)
