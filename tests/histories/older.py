"""Releases that an earlier version of Baton stored and nobody has touched since: their rows do not know today's fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from shared.state import Release, loads
from shared.table import forms


def side_by_side(
    by_journal: Mapping[str, Release], bodies: Iterable[str]
) -> tuple[dict[str, Release], dict[str, Release]]:
    """What the journal tells by today's rules, as far as each row's own version knew it, and what the rows tell."""
    rows = {release.id: (release, body) for release, body in ((loads(Release, body), body) for body in bodies)}
    known = {name: _as_far_as_known(one, *rows[name]) if name in rows else one for name, one in by_journal.items()}
    return known, {name: release for name, (release, _) in rows.items()}


def _as_far_as_known(by_journal: Release, stored: Release, body: str) -> Release:
    form = json.loads(body)
    if form["v"] == forms.V:
        return by_journal
    unknown = {field.name for field in fields(Release)} - set(form)
    return replace(by_journal, **{name: getattr(stored, name) for name in unknown})
