"""The chart of docs/decisions.md: for each rule, how many of the trials it promotes at each true gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BAR, GAP, LEFT, WIDTH, TOP = 14, 26, 290, 380, 46
COLOURS = ("#b42318", "#9ec5e8", "#4a90c8", "#0b5cad")


def drawn(found: Mapping[str, Sequence[int]], gains: Sequence[float], trials: int) -> str:
    """An SVG with a group of bars for each rule; red is what should not have been promoted."""
    group = len(gains) * BAR + GAP
    height = TOP + group * len(found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>Promotions of {trials:,} trials, by rule and true gain</title>",
        f'<rect width="{LEFT + WIDTH + 60}" height="{height}" fill="#ffffff"/>',
    ]
    x = LEFT
    for gain, colour in zip(gains, COLOURS, strict=True):
        words = f"{gain:.0%} better" if gain else "equally good"
        parts.append(f'<rect x="{x}" y="12" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="22" fill="#24292f">{words}</text>')
        x += 100
    for place, (name, counts) in enumerate(found.items()):
        top = TOP + place * group
        parts.append(f'<text x="{LEFT - 10}" y="{top + 2 * BAR + 4}" text-anchor="end" fill="#24292f">{name}</text>')
        for row, (count, colour) in enumerate(zip(counts, COLOURS, strict=True)):
            y, wide = top + row * BAR, round(WIDTH * count / trials, 1)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{max(wide, 0.5)}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + wide + 5}" y="{y + 10}" fill="#57606a" font-size="11">{count}</text>')
    return "\n".join([*parts, "</svg>", ""])
