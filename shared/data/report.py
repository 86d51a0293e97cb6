"""A verdict for a person (HTML that stands alone) and for a script (JSON)."""

from __future__ import annotations

import json
from html import escape

from shared.data.shown import counted
from shared.data.verdict import Problem, Verdict

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four as wide signs
STYLE = """
:root{color-scheme:light dark;--bg:#fff;--text:#1f2328;--muted:#57606a;--line:#d0d7de;--ok:#1a7f37;--bad:#b42318;--warn:#8a5a00}
@media(prefers-color-scheme:dark){
:root{--bg:#0f1419;--text:#e6edf3;--muted:#9aa4af;--line:#30363d;--ok:#3fb950;--bad:#ff7b72;--warn:#d29922}}
body{font:16px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--text);overflow-wrap:anywhere}
body{max-width:52rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.5rem 0 .25rem}
.ok{color:var(--ok)}.error{color:var(--bad)}.warning{color:var(--warn)}section{border-top:1px solid var(--line)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}
dt{color:var(--muted)}dd{margin:0}code{font-family:ui-monospace,monospace;white-space:pre-wrap}
"""


def to_json(verdict: Verdict) -> str:
    """The verdict as JSON text, the same for the same verdict."""
    return json.dumps(verdict.to_dict(), indent=1, ensure_ascii=False)


def to_html(verdict: Verdict, *, title: str) -> str:
    """One page: the answer first, then each broken rule with count, rows, values and how to mend it."""
    word, look = ("✓ accepted", "ok") if verdict.accepted else ("✕ refused", "error")
    size = f"{counted(verdict.rows, 'row')}, {counted(len(verdict.columns), 'column')}"
    facts = f"{size}, SHA-256 <code>{verdict.sha256}</code>"
    sections = "".join(_section(problem, verdict.rows) for problem in verdict.problems)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} {word}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
        f'<h1><span class="{look}">{word}</span> {escape(title)}</h1><p>{escape(verdict.summary)}</p>'
        f"<p>{facts}</p>{sections}</main></body></html>"
    )


def _section(problem: Problem, rows: int) -> str:
    entries = [("rule", f"<code>{escape(problem.rule)}</code>"), *_where(problem, rows)]
    values = "<br>".join(f"<code>{escape(_safe(sample)) or '(empty)'}</code>" for sample in problem.samples)
    entries += [("found", values)] if problem.samples else []
    entries += [("to mend it", escape(problem.remedy))]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in entries)
    mark = "✕" if problem.severity == "error" else "▲"
    heading = f'<h2 class="{problem.severity}">{mark} {escape(problem.what)}</h2>'
    return f"<section>{heading}<dl>{listed}</dl></section>"


def _where(problem: Problem, rows: int) -> list[tuple[str, str]]:
    if not problem.rows:
        return []
    listed = ", ".join(map(str, problem.rows)) + (", …" if problem.count > len(problem.rows) else "")
    return [("how many", f"{problem.count} of {rows} ({100 * problem.count / rows:.1f} %)"), ("rows", listed)]


def _safe(value: str) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    return "'" + value if value.startswith(FORMULA) and not _is_number(value) else value


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
