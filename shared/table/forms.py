"""Stored forms: every row, event and journal line carries `v`, and this is the one place that knows what a `v` means.

One number for all of them, raised at most once a release of Baton (`RELEASES`). What an older release wrote
comes through `upgraded`, a chain of pure steps; what a newer one wrote raises `NewerForm` and stays as it is, so
that a ring or the sweep brings it to a worker that knows it. `tests/compat/forms.json` holds every form that was
ever released; a form that changed without a new `v` fails `tests/compat`.

A row of release n is never written by the code of release n - 1: a head of form 2 stands one level down, where
0.1.0, which looks at no `v`, fails to read it and so decides nothing on what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from shared.errors import NewerForm

V = 2
RELEASES: Mapping[int, str] = {1: "0.1.0", 2: "0.2.0"}

NEXT = "docs/runbook.md#upgrade"

Kind = Literal[
    "head",
    "release",
    "command",
    "file",
    "event",
    "line",
    "waiting",
    "seen",
    "sha",
    "dead",
    "ignored",
    "model",
    "freeze",
    "breaker",
]
Step = Callable[[Kind, Mapping[str, Any]], dict[str, Any]]


def _from_1_to_2(kind: Kind, form: Mapping[str, Any]) -> dict[str, Any]:
    """0.1.0 wrote no `v` on waiting events and on the list of models, and a head's fields beside its `v`."""
    if kind == "head":
        head = {name: value for name, value in form.items() if name != "v"}
        return {"v": 2, "head": {**head, **_cut_before(form), **_trained_last(form)}}
    return {**form, "v": 2}


def _cut_before(head: Mapping[str, Any]) -> dict[str, int]:
    """0.1.0 cut a dataset version wherever files left the basket; what is under way marks none of them as new again."""
    first = head.get("basket", {}).get("first_file", 1)
    return {"versioned": first - 1, "new_from": first}


def _trained_last(head: Mapping[str, Any]) -> dict[str, Any]:
    """0.1.0 kept what was trained, but not why: what was trained again and again counts as the monitors' doing."""
    trained = head.get("trained", [])
    again = next((n for n, one in enumerate(reversed(trained)) if one != trained[-1]), len(trained))
    return {"last_print": trained[-1], "last_depth": again - 1} if trained else {}


STEPS: Mapping[int, Step] = {1: _from_1_to_2}


def upgraded(kind: Kind, form: Mapping[str, Any]) -> dict[str, Any]:
    """A stored form as today's code writes it; `NewerForm` if a later release wrote it. Pure, and safe to repeat.

    >>> upgraded("seen", {"v": 1, "at": "2026-03-01T12:00:00+00:00"})
    {'v': 2, 'at': '2026-03-01T12:00:00+00:00'}
    """
    found = dict(form)
    if is_newer(found):
        what = f"this {kind} has form {found['v']}, this code knows forms up to {V} ({RELEASES[V]})"
        raise NewerForm(what, next=NEXT)
    while (v := _v(found)) < V:
        found = STEPS[v](kind, found)
    return found


def is_newer(form: Mapping[str, Any]) -> bool:
    """Whether a later release than ours wrote it."""
    return _v(form) > V


def _v(form: Mapping[str, Any]) -> int:
    """What carries none was written by 0.1.0."""
    return int(form.get("v", 1))


def is_older(body: str) -> bool:
    """Whether an earlier release wrote this row; `text` puts `v` first, so that most need no reading."""
    return not body.startswith(f'{{"v":{V},') and _v(json.loads(body)) < V


def told_by(body: str) -> frozenset[str] | None:
    """The fields that an earlier release wrote in this row: it says nothing of others. None if today's form wrote it."""
    return frozenset(json.loads(body)) if is_older(body) else None


def text(form: Mapping[str, Any]) -> str:
    """The text of a row: compact JSON with our `v`."""
    return json.dumps({"v": V, **form}, separators=(",", ":"))


def read(kind: Kind, body: str) -> dict[str, Any]:
    """The form that a row's text holds, as today's code would have written it; `NewerForm` as in `upgraded`."""
    return upgraded(kind, json.loads(body))


def shown(kind: Kind, body: str) -> dict[str, Any]:
    """The same for rows that only people look at: one that a later release wrote is shown as it stands there."""
    form: dict[str, Any] = json.loads(body)
    return form if is_newer(form) else upgraded(kind, form)
