"""A past with what each policy did in it, as an SVG: trainings, and when a stale model served. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from shared.whatif.play import Past, Played, Terms

LEFT, WIDTH, RIGHT, ROW, TOP = 120, 560, 210, 34, 46
STYLE = """text{font:12px system-ui,sans-serif;fill:#1b1f24}.soft{fill:#57606a}.stale{fill:#f2b8a2}.line{stroke:#d0d7de}
.change{stroke:#0550ae;stroke-dasharray:3 3}.live{fill:#1a7f37}.held{fill:#fff;stroke:#57606a;stroke-width:1.2}"""


def picture(past: Past, told: str, played: Sequence[Played], terms: Terms) -> str:
    """One row for each policy, with its numbers beside it."""
    height = TOP + ROW * len(played) + 34
    width = LEFT + WIDTH + RIGHT
    rows = "".join(_row(past, one, TOP + ROW * place, terms) for place, one in enumerate(played))
    changes = "".join(
        f'<line class="change" x1="{_x(past, at)}" x2="{_x(past, at)}" y1="{TOP - 8}" y2="{TOP + ROW * len(played)}"/>'
        for at in past.changes
    )
    legend = (
        f'<text class="soft" x="{LEFT}" y="{height - 12}">{past.begin:%Y-%m-%d} to {past.end:%Y-%m-%d}. Full dot: went live. '
        "Open dot: not promoted. Red: a stale model served. Dashes: a known change.</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(told)}">'
        f'<style>{STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="8" y="20" font-weight="600">{escape(told)}</text>{changes}{rows}{legend}</svg>\n'
    )


def _row(past: Past, played: Played, top: float, terms: Terms) -> str:
    middle = top + ROW / 2
    spans = "".join(_span(past, begin, end, top) for begin, end in played.stale)
    dots = "".join(
        f'<circle class="{"live" if one.promoted else "held"}" cx="{_x(past, one.at)}" cy="{middle}" r="3"/>'
        for one in played.attempts
    )
    numbers = (
        f"{len(played.attempts)} trainings, {played.false} useless, {played.stale_hours:.0f} h stale, "
        f"cost {played.cost(terms):.0f}"
    )
    return (
        f'{spans}<line class="line" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{middle}" y2="{middle}"/>{dots}'
        f'<text x="8" y="{middle + 4}">{escape(played.policy)}</text>'
        f'<text class="soft" x="{LEFT + WIDTH + 8}" y="{middle + 4}" textLength="{RIGHT - 12}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(numbers)}</text>"
    )


def _span(past: Past, begin: datetime, end: datetime, top: float) -> str:
    x = _x(past, begin)
    return f'<rect class="stale" x="{x}" y="{top + 6}" width="{max(0.5, _x(past, end) - x):.1f}" height="{ROW - 12}"/>'


def _x(past: Past, at: datetime) -> float:
    share = (at - past.begin) / (past.end - past.begin)
    return round(LEFT + WIDTH * min(1.0, max(0.0, share)), 1)


def together(pictures: Iterable[str]) -> str:
    """Several pictures below each other, as one."""
    heights, parts = 0.0, []
    for one in pictures:
        box = one.split('viewBox="', 1)[1].split('"', 1)[0].split()
        width, height = float(box[2]), float(box[3])
        parts.append(one.replace("<svg ", f'<svg y="{heights:g}" width="{width:g}" height="{height:g}" ', 1))
        heights += height
    width = LEFT + WIDTH + RIGHT
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {heights:g}">{"".join(parts)}</svg>\n'
