"""How each column is distributed, beside the files accepted before: small drawings for a report, as SVG within HTML.

Made from profiles, so no row is read; of a personal column a profile holds no value, and it has no drawing. Nothing in them
runs or loads, every text is escaped, and colours follow the page's light or dark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from html import escape

from shared.data.comparing import compare
from shared.data.profile import NUMBERS, TIMES, ColumnProfile, Profile
from shared.data.shown import counted, shown

BINS, CATEGORIES, COLUMNS = 16, 8, 60
WIDTH, HEIGHT, LABEL = 320, 72, 110
STYLE = """
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem;padding:0}
figure{margin:0}figcaption{font-size:.9rem}svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--muted)}
.now{fill:var(--ok)}.then{fill:none;stroke:var(--text);stroke-width:1.25}.axis{stroke:var(--line)}
.key i{display:inline-block;width:.8em;height:.8em;margin-right:.3em;background:var(--ok)}
.key i.o{background:none;border:1.5px solid var(--text);margin-left:1em}
"""


def charts(now: Profile, before: Profile | None, *, files: int = 0) -> str:
    """A section of HTML; empty if no column can be drawn. `before` is the profile of `files` files accepted before."""
    drawn = "".join(_figures(now, before))
    if not drawn:
        return ""
    key = '<p class="key muted"><i></i>this file'
    if before is not None:
        key += f'<i class="o"></i>{counted(files, "file")} accepted before, {counted(before.rows, "row")}'
    return (
        f'<style>{STYLE}</style><h2>Distributions</h2>{_summary(now, before)}{key}</p><div class="charts">{drawn}</div>'
    )


def _summary(now: Profile, before: Profile | None) -> str:
    if before is None:
        return "<p>No file was accepted before, so there is nothing to compare with.</p>"
    moved = dict.fromkeys(change.column for change in compare(before, now) if change.drifted)
    listed = f": {', '.join(map(escape, list(moved)[:10]))}" if moved else ""
    return f"<p>{len(moved)} of {counted(len(now.columns), 'column')} look different from before{listed}.</p>"


def _figures(now: Profile, before: Profile | None) -> Iterator[str]:
    for name, column in list(now.columns.items())[:COLUMNS]:
        then = before.columns.get(name) if before is not None else None
        if then is not None and (then.kind != column.kind or then.personal or not then.present):
            then = None
        if column.personal or not column.present:
            continue
        drawing = _histogram(column, then) if column.kind in (*NUMBERS, *TIMES) else _bars(column, then)
        if drawing:
            missing = f", {column.missing / column.rows:.1%} missing" if column.missing else ""
            yield f"<figure><figcaption>{escape(shown(name))}{missing}</figcaption>{drawing}</figure>"


def _histogram(column: ColumnProfile, then: ColumnProfile | None) -> str:
    """Shares of the values between equal steps, from the least of both to the most."""
    both = [one for one in (column, then) if one is not None]
    low, high = min(one.numbers.least for one in both), max(one.numbers.most for one in both)
    if not low < high or not math.isfinite(high - low):
        return _bars(column, then)
    edges = [low + (high - low) * step / BINS for step in range(BINS + 1)]
    shares = [_between(one, edges) for one in both]
    most = max(max(listed) for listed in shares) or 1.0
    step = WIDTH / BINS
    marks = "".join(
        f'<rect class="now" x="{place * step + 1:.1f}" y="{HEIGHT * (1 - share / most):.1f}" width="{step - 2:.1f}" '
        f'height="{HEIGHT * share / most:.1f}"/>'
        for place, share in enumerate(shares[0])
    )
    if then is not None:
        corners = "".join(
            f"L{place * step:.1f} {HEIGHT * (1 - share / most):.1f}L{(place + 1) * step:.1f} {HEIGHT * (1 - share / most):.1f}"
            for place, share in enumerate(shares[1])
        )
        marks += f'<path class="then" d="M0 {HEIGHT}{corners}L{WIDTH} {HEIGHT}"/>'
    first, last = _label(column, low), _label(column, high)
    ends = f'<text x="0" y="{HEIGHT + 14}">{first}</text><text x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">{last}</text>'
    axis = f'<line class="axis" x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>'
    middle = column.quantiles.quantiles([0.5])[0]
    says = f"from {first} to {last}, median {_label(column, middle)}"
    return _svg(says, HEIGHT + 18, marks + axis + ends)


def _label(column: ColumnProfile, value: str | float) -> str:
    """A value as its column's kind has it: a profile keeps times and truths as numbers."""
    if isinstance(value, str):
        return shown(value, 16)
    if column.kind == "boolean":
        return "true" if value else "false"
    if column.kind in TIMES:
        return column.time(value).replace("T", " ")[:16]
    return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def _between(column: ColumnProfile, edges: Sequence[float]) -> list[float]:
    _, at = column.quantiles.shares(list(edges))
    found = [float(share) for share in at]
    return [found[1], *(after - before for before, after in itertools.pairwise(found[1:]))]


def _bars(column: ColumnProfile, then: ColumnProfile | None) -> str:
    """Shares of the most frequent values, of this file and of those before."""
    counts = column.frequent.counts
    earlier = then.frequent.counts if then is not None else {}
    share = {value: counts.get(value, 0) / column.present for value in {**counts, **earlier}}
    before = {value: earlier.get(value, 0) / then.present if then is not None else 0.0 for value in share}
    listed = sorted(share, key=lambda value: (-max(share[value], before[value]), str(value)))[:CATEGORIES]
    if not listed or max(share[listed[0]], before[listed[0]]) < 0.01:
        return ""
    room = WIDTH - LABEL
    marks = ""
    for place, value in enumerate(listed):
        top = place * 18
        marks += f'<text x="0" y="{top + 12}">{escape(_label(column, value))}</text>'
        marks += f'<rect class="now" x="{LABEL}" y="{top + 2}" width="{room * share[value]:.1f}" height="12"/>'
        if then is not None:
            marks += f'<rect class="then" x="{LABEL}" y="{top + 2}" width="{room * before[value]:.1f}" height="12"/>'
    says = ", ".join(f"{_label(column, value)} {share[value]:.0%}" for value in listed)
    return _svg(says, 18 * len(listed) + 2, marks)


def _svg(says: str, height: int, marks: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(says)}">{marks}</svg>'
