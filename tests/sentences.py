"""Every sentence that the program logs, with the fields that stand behind it, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shared.state import ENDS, STATES
from tests.documents import ROOT

ALWAYS = {"release", "model", "rule", "why", "event", "journal", "next"}  # of a decision, by `log.note`
LOUD = {"info", "warning", "error"}


def sentences() -> dict[str, set[str]]:
    """Sentence to fields. What a sentence fills in is taken to be a state, as in `release {state}`."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "shared").rglob("*.py")):
        for said, fields in _of(ast.parse(path.read_text())):
            found.setdefault(said, set()).update(fields)
    return found


def _of(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    dicts = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and (kind := _kind(node)):
            fields = {word.arg for word in node.keywords if word.arg}
            numbers = next((word.value for word in node.keywords if word.arg == "numbers"), None)
            written = dicts.get(numbers.id) if isinstance(numbers, ast.Name) else numbers
            if isinstance(written, ast.Dict):
                fields |= {str(key.value) for key in written.keys if isinstance(key, ast.Constant)}
            fields |= ALWAYS if kind == "note" else set()
            yield from ((said, fields) for said in _said(node.args[0]))


def _kind(call: ast.Call) -> str:
    """Whether the call logs a line, notes a decision, or does neither."""
    told = call.func
    if isinstance(told, ast.Name):
        return "note" if told.id == "Note" else ""
    if not isinstance(told, ast.Attribute):
        return ""
    if told.attr == "note":
        return "note"
    return "line" if told.attr in LOUD and isinstance(told.value, ast.Name) and told.value.id == "log" else ""


def _said(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield from (re.sub(r"\{\}", state, text) for state in {*STATES, *ENDS})
