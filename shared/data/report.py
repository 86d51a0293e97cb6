"""A verdict for a person (HTML that stands alone) and for a script (JSON)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape

from shared.data.shown import counted
from shared.data.verdict import REFUSED, Problem, Verdict

MEND_FILE = "Mend what is marked ✕ and drop the file again. What is marked ▲ refuses nothing."
MEND_ROWS = f"""Rows of what is marked ◐ lie in drop-{REFUSED} beside this page, each with its reasons: mend them and drop that
file under another name. All other rows are accepted. What is marked ▲ refuses nothing."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four as wide signs
STYLE = """
:root{color-scheme:light dark;--bg:#fff;--text:#1f2328;--muted:#57606a;--line:#d0d7de;--soft:#f6f8fa;
--ok:#1a7f37;--bad:#b42318;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--bg:#0f1419;--text:#e6edf3;--muted:#9aa4af;--line:#30363d;--soft:#161b22;
--ok:#3fb950;--bad:#ff7b72;--warn:#d29922}}
body{font:16px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--text);overflow-wrap:anywhere}
body{max-width:52rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.3rem}h2{font-size:1.05rem;margin:0 0 .25rem}
.ok{color:var(--ok)}.error{color:var(--bad)}.warning,.rows{color:var(--warn)}.lead{font-size:1.05rem}.muted{color:var(--muted)}
section{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}
dt{color:var(--muted)}dd{margin:0}code{font-family:ui-monospace,monospace;font-size:.9em;white-space:pre-wrap}
.mend{background:var(--soft);border-radius:.375rem;padding:.5rem .75rem;margin:.75rem 0 0}
.bar{background:var(--line);border-radius:2px;height:4px;margin-top:.25rem}.bar i{display:block;height:4px;border-radius:2px}
.bar .error{background:var(--bad)}.bar .warning,.bar .rows{background:var(--warn)}
table{border-collapse:collapse;width:100%;margin:1rem 0}th{text-align:left;color:var(--muted);font-weight:400}
th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}.n{text-align:right;white-space:nowrap}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
"""


@dataclass(frozen=True, slots=True)
class Extras:
    """What stands in a report beside the verdict, and only arrival knows: warnings about the drop, charts as HTML, and how a
    folder was read.
    """

    warnings: tuple[Problem, ...] = ()
    charts: str = ""
    said: str = ""


NOTHING_MORE = Extras()


def to_json(verdict: Verdict, extras: Extras = NOTHING_MORE) -> str:
    """The verdict as JSON text, the same for the same verdict; what arrival adds stands under `arrival`."""
    arrival = {"arrival": [asdict(problem) for problem in extras.warnings]} if extras.warnings else {}
    said = {"said": extras.said} if extras.said else {}
    return json.dumps({**verdict.to_dict(), **arrival, **said}, indent=1, ensure_ascii=False)


def to_html(verdict: Verdict, *, title: str, extras: Extras = NOTHING_MORE) -> str:
    """One page: the answer first, then each broken rule with count, share, rows, values and how to mend it, then charts."""
    word, look = ("✓ accepted", "ok") if verdict.accepted else ("✕ refused", "error")
    said = f'<p class="muted">{escape(extras.said)}</p>' if extras.said else ""
    sections = "".join(_section(problem, verdict.rows) for problem in (*verdict.problems, *extras.warnings))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} {word}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
        f'<h1><span class="{look}">{word}</span> {escape(title)}</h1><p class="lead">{escape(verdict.summary)}</p>'
        f"{_facts(verdict)}{said}{_overview(verdict)}{sections}{extras.charts}</main></body></html>"
    )


def _facts(verdict: Verdict) -> str:
    size = f"{counted(verdict.rows, 'row')}, {counted(len(verdict.columns), 'column')}"
    todo = "" if verdict.accepted else f"<p>{MEND_FILE}</p>"
    todo = f"<p>{MEND_ROWS}</p>" if verdict.refused_rows and verdict.accepted else todo
    return f'<p class="muted">{size}, SHA-256 <code>{verdict.sha256}</code></p>{todo}'


def _overview(verdict: Verdict) -> str:
    """All broken rules on one screen, where there are several."""
    if len(verdict.problems) < 2:
        return ""
    rows = "".join(
        f'<tr><td class="{problem.severity}">{_mark(problem)}</td><td>{escape(problem.column) or "whole file"}</td>'
        f'<td><code>{escape(problem.rule)}</code></td><td class="n">{_share(problem, verdict.rows)}</td></tr>'
        for problem in verdict.problems
    )
    return f'<table><tr><th></th><th>where</th><th>rule</th><th class="n">how many</th></tr>{rows}</table>'


def _section(problem: Problem, rows: int) -> str:
    entries = [("rule", f"<code>{escape(problem.rule)}</code>"), *_where(problem, rows)]
    values = "<br>".join(f"<code>{escape(_safe(sample)) or '(empty)'}</code>" for sample in problem.samples)
    hidden = '<br><span class="muted">personal: only the form is shown, x for letters, 9 for digits</span>'
    entries += [("found", values + (hidden if problem.masked else ""))] if problem.samples else []
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in entries)
    heading = f'<h2 class="{problem.severity}">{_mark(problem)} {escape(problem.what)}</h2>'
    mend = f'<p class="mend"><span class="muted">to mend it:</span> {escape(problem.remedy)}</p>'
    return f"<section>{heading}<dl>{listed}</dl>{mend}</section>"


def _mark(problem: Problem) -> str:
    return {"error": "✕", "rows": "◐"}.get(problem.severity, "▲")


def _share(problem: Problem, rows: int) -> str:
    if not problem.rows:
        return str(problem.count or "")
    return f"{problem.count} of {rows} ({100 * problem.count / rows:.1f} %)"


def _where(problem: Problem, rows: int) -> list[tuple[str, str]]:
    if not problem.rows:
        return []
    listed = ", ".join(map(str, problem.rows)) + (", …" if problem.count > len(problem.rows) else "")
    width = min(100.0, 100 * problem.count / rows)
    bar = f'<div class="bar"><i class="{problem.severity}" style="width:{width:.2f}%"></i></div>'
    return [("how many", _share(problem, rows) + bar), ("rows", listed)]


def _safe(value: str) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    return "'" + value if value.startswith(FORMULA) and not _is_number(value) else value


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
