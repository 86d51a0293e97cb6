"""What an upgrade found: the state as older code left it, from which folding the journal goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared import state
from shared.events import Carried
from shared.folding.turn import Turn
from shared.moves.stale import Stale
from shared.state import Head, Release
from shared.table import forms

HEAD = "head"


def release_event(release: Release, now: datetime) -> Carried:
    """An open release as it stands. All of them are journalled before the head."""
    return _event(release.id, json.loads(state.dumps(release)), now)


def head_event(head: Head, releases: Mapping[str, Release], now: datetime) -> Carried:
    """The head as it stands now, with the names of the open releases, so that nothing is decided on half of the state."""
    form = json.loads(state.dumps(replace(head, wake_at=None)))
    return _event(HEAD, {**form, "open": sorted(releases)}, now)


def _event(of: str, form: dict[str, object], now: datetime) -> Carried:
    return Carried(id=f"carried:{forms.V}:{of}", at=now, of=of, form=form)


def carried(turn: Turn, event: Carried) -> str:
    """Take the state from the event. While it happens that changes nothing; where the journal is folded again it holds."""
    text = json.dumps(dict(event.form))
    if event.of != HEAD:
        turn.releases[event.of] = state.loads(Release, text)
        raise Stale(f"{event.of} is carried over an upgrade to form {forms.V}")
    before = turn.head
    turn.head = replace(state.loads(Head, text), next_line=before.next_line, line_hash=before.line_hash)
    turn.releases = {name: turn.releases[name] for name in event.form["open"]}
    raise Stale(f"the head is carried over an upgrade to form {forms.V}")
