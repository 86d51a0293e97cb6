"""The stored form of events: JSON with `kind` and `v` (see `forms.py`).

`load` reads what `dump` wrote, ignores keys that it does not know and fills those that an older version did not write.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import NewerForm
from shared.events import outcomes, own, people, world
from shared.events.event import Event
from shared.table import forms

FAMILIES = (world, people, outcomes, own)
PARENTS = (Event, people.PersonEvent, outcomes.Outcome)
KINDS: Mapping[str, type[Event]] = {
    name: kind
    for family in FAMILIES
    for name, kind in vars(family).items()
    if isinstance(kind, type) and issubclass(kind, Event) and kind not in PARENTS
}


def dump(event: Event) -> dict[str, Any]:
    """The stored form: plain JSON values, `kind` and `v` first, times as ISO 8601 in UTC."""
    stored: dict[str, Any] = {"kind": type(event).__name__, "v": forms.V}
    for entry in dataclasses.fields(event):
        value = getattr(event, entry.name)
        if entry.name == "trace" and not value:
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        stored[entry.name] = dict(value) if isinstance(value, Mapping) else value
    return stored


def load(stored: Mapping[str, Any]) -> Event:
    """The event that `dump` wrote, of this or an older version of the code; `NewerForm` if a later one wrote it."""
    found = forms.upgraded("event", stored)
    if isinstance(found["kind"], str) and found["kind"] not in KINDS:
        raise NewerForm(f"events of kind {found['kind'][:80]} are none that this code knows", next=forms.NEXT)
    kind = KINDS[found["kind"]]
    names = {entry.name for entry in dataclasses.fields(kind)}
    values = {name: value for name, value in found.items() if name in names}
    moments = {entry.name for entry in dataclasses.fields(kind) if str(entry.type).startswith("datetime")}
    values |= {name: datetime.fromisoformat(values[name]) for name in moments & values.keys() if values[name]}
    return kind(**values)


def dumps(event: Event) -> str:
    """`dump` as compact JSON text."""
    return json.dumps(dump(event), separators=(",", ":"), sort_keys=False)


def loads(text: str) -> Event:
    """`load` from JSON text."""
    return load(json.loads(text))
