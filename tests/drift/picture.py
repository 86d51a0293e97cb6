"""The picture of docs/drift.md: for each shape and number of rows the share of false alarms with its interval, beside the limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.drift.rates import Rate

LINE, LEFT, WIDTH, RIGHT, TOP = 18, 250, 380, 150, 40
LEAST, MOST = 0.0002, 0.5  # shares at both ends of the axis, which is logarithmic
TICKS = (0.001, 0.01, 0.1)
INK, MUTED, BAD, GOOD = "#24292f", "#57606a", "#b42318", "#0b5cad"


def place(share: float) -> float:
    """Where a share lies on the axis; less than its beginning lies there.

    >>> place(0.0) == place(LEAST) == LEFT, place(MOST) == LEFT + WIDTH
    (True, True)
    """
    within = min(max(share, LEAST), MOST)
    return round(LEFT + WIDTH * math.log(within / LEAST) / math.log(MOST / LEAST), 1)


def drawn(rates: Sequence[Rate], limit: float) -> str:
    """An SVG with a line for each rate; red where the interval lies above the limit."""
    wide, high = LEFT + WIDTH + RIGHT, TOP + LINE * len(rates) + 34
    bottom = TOP + LINE * len(rates) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Share of unchanged files that are called drift, with 95 % intervals</title>",
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" fill="{INK}">share of unchanged files called drift, 95 % interval</text>',
    ]
    for tick in TICKS:
        x, colour = place(tick), BAD if tick == limit else "#d0d7de"
        parts.append(f'<line x1="{x}" y1="{TOP - 12}" x2="{x}" y2="{bottom}" stroke="{colour}"/>')
        words = f"{tick:.1%}".replace(".0%", "%") + (" limit" if tick == limit else "")
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" fill="{MUTED}">{words}</text>')
    for number, rate in enumerate(rates):
        parts += _line(rate, TOP + number * LINE, limit)
    return "\n".join([*parts, "</svg>", ""])


def _line(rate: Rate, y: int, limit: float) -> list[str]:
    low, high = rate.interval
    colour = BAD if low > limit else GOOD
    words = f"{rate.alarms} of {rate.draws:,}"
    return [
        f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end" fill="{INK}">{rate.shape}, {rate.rows:,} rows</text>',
        f'<line x1="{place(low)}" y1="{y}" x2="{place(high)}" y2="{y}" stroke="{colour}" stroke-width="4"/>',
        f'<circle cx="{place(rate.alarms / rate.draws)}" cy="{y}" r="4" fill="{colour}"/>',
        f'<text x="{LEFT + WIDTH + 12}" y="{y + 4}" fill="{MUTED}">{words}</text>',
    ]
