"""Dead letters for the pages and the API: ours and Event Grid's under one kind of key, `<model>/<begin of its name>`.

Event Grid's letters go by their subscription, which stands in capitals as in their blobs' names, so that no model can
have the same. A key is as short as it may be while nothing else begins alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from shared import names
from shared.folding.letters import DEAD
from shared.storage.port import BlobMissing, StorageBusy
from shared.undelivered import Entry, Lost
from shared.web import reading
from shared.web.answers import NotFound, NotNow
from shared.wiring import App

SHOWN, FOUND, UNDELIVERED_SHOWN = 100, 1000, 50
KEY_LEAST = 8
UNDELIVERED = "undelivered"
BLOB = re.compile(r"(?P<owner>[A-Z0-9-]+)/\d+/\d+/\d+/\d+/(?P<guid>[0-9a-fA-F-]{36})\.json", re.ASCII)
OTHER = "OTHER"
ENDS_ITS_RELEASE = (
    "start_run",
    "observe_champion",
    "register_version",
    "deploy_staging",
    "set_traffic",
    "look_at_step",
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something set aside: what it was, why, and what a person can do. `id` names it in commands and addresses.

    `model` is empty where an undelivered event concerns none that is published; `release` may be empty. `key` is the
    row's, or the blob's name.
    """

    id: str
    model: str
    key: str
    at: str
    kind: str
    what: str
    release: str
    why: str
    tries: int
    next: str


@dataclass(frozen=True, slots=True)
class Named:
    """Where a letter is: `owner` is a model or a subscription, `name` what its short key is the begin of."""

    owner: str
    name: str
    key: str


def dead_letters(app: App, model: str = "") -> list[DeadLetter]:
    """Dead letters of one model or of all, with what Event Grid could not deliver; the latest first."""
    chosen = [reading.known(app, model)] if model else app.book.models()
    found = [letter for name in chosen for letter in _of_model(app, name)]
    found += [letter for letter in _undelivered(app) if model in ("", letter.model)]
    return sorted(found, key=lambda letter: letter.at, reverse=True)


def undelivered_count(app: App) -> int:
    """How many blobs of Event Grid's container nobody has replayed or discarded; 0 while the container does not answer.

    It is for pages that have more to show: the sweep says it when the container cannot be read.
    """
    try:
        return len(app.undelivered.waiting())
    except StorageBusy:
        return 0


def _of_model(app: App, model: str) -> Iterable[DeadLetter]:
    rows = app.book.dead(model, SHOWN)
    named = [Named(model, _name(key), key) for key, _ in rows]
    for one, (_, body) in zip(named, rows, strict=True):
        yield _letter(one, _short(one, named), body)


def _undelivered(app: App) -> Iterable[DeadLetter]:
    named = [_blob(name) for name in app.undelivered.waiting()]
    for one in named[:UNDELIVERED_SHOWN]:
        try:
            yield _lost(app, app.undelivered.read(one.key), _short(one, named))
        except BlobMissing:
            continue


def _name(key: str) -> str:
    """`dead:command-000000000012` as `command-12`."""
    name = key.removeprefix(DEAD)
    kind, _, number = name.partition("-")
    return f"{kind}-{int(number)}" if kind == "command" and number.isdecimal() else name


def _blob(name: str) -> Named:
    match = BLOB.fullmatch(name)
    if match is None:
        return Named(OTHER, names.identity_key(name), name)
    return Named(match["owner"], match["guid"].lower(), name)


def _short(one: Named, among: Iterable[Named]) -> str:
    others = [other.name for other in among if other.owner == one.owner and other is not one]
    if re.fullmatch(r"[a-z]+-[a-z0-9]+", one.name):
        return f"{one.owner}/{one.name}"
    size = KEY_LEAST
    while size < len(one.name) and any(other.startswith(one.name[:size]) for other in others):
        size += 1
    return f"{one.owner}/{one.name[:size]}"


def _letter(one: Named, id: str, body: Mapping[str, Any]) -> DeadLetter:
    kind = str(body.get("kind", ""))
    inside: Mapping[str, Any] = found if isinstance(found := body.get(kind, {}), Mapping) else {}
    what = str(inside.get("kind", "") or body.get("queue", "") or body.get("row", kind))
    release = str(inside.get("release", ""))
    tries = int(inside.get("tries", 0)) + (1 if kind == "command" else 0)
    todo = str(body.get("next", "")) or _remedy(kind, what, release, id)
    at, why = str(body.get("at", "")), str(body.get("why", ""))
    return DeadLetter(id, one.owner, one.key, at, kind, what, release, why, tries, todo)


def _remedy(kind: str, what: str, release: str, id: str) -> str:
    """What to do where the letter does not say it: a release that it ended is tried again, an event is replayed."""
    if kind == "event":
        return f"baton deadletters replay {id} --dry-run"
    if kind == "command" and release and what in ENDS_ITS_RELEASE:
        return f"baton retry {release} --why ..."
    sections = {"poison": "poison", "row": "damaged-row"}
    return f"docs/runbook.md#{sections.get(kind, what.replace('_', '-'))}"


def _lost(app: App, lost: Lost, id: str) -> DeadLetter:
    if lost.fault:
        todo = f"baton deadletters discard {id} --why ..."
        return DeadLetter(id, "", lost.name, "", UNDELIVERED, "unreadable blob", "", lost.fault, 0, todo)
    first = lost.entries[0]
    timeless = replace(first, delivered=replace(first.delivered, time=None))
    model = app.undelivered.route(timeless).model
    more = f" and {len(lost.entries) - 1} more" if len(lost.entries) > 1 else ""
    what = (first.delivered.type.rsplit(".", 1)[-1] or "event") + more
    why = _why(first)
    return DeadLetter(
        id,
        model,
        lost.name,
        first.at,
        UNDELIVERED,
        what,
        "",
        why,
        first.attempts,
        f"baton deadletters replay {id} --dry-run",
    )


def _why(entry: Entry) -> str:
    outcome = f", the last ended as {entry.outcome}" if entry.outcome else ""
    untimed = f"; its time {entry.untimed!r} is none that the functions host can parse" if entry.untimed else ""
    return f"{entry.reason or 'no reason given'}{outcome}{untimed}: {entry.delivered.subject[:300]}"


# One letter


def find(app: App, owner: str, begin: str) -> DeadLetter:
    """The one letter whose name begins so; `NotFound` if there is none, `NotNow` if there are several."""
    ours = [_blob(name) for name in app.undelivered.waiting()] if owner.isupper() else _names(app, owner)
    named = [one for one in ours if one.owner == owner]
    found = [one for one in named if one.name == begin] or [
        one for one in named if begin and one.name.startswith(begin)
    ]
    if not found:
        raise NotFound(
            f"There is no dead letter {owner}/{begin[:80]}.", next="`baton deadletters` lists those there are"
        )
    if len(found) > 1:
        keys = ", ".join(_short(one, named) for one in found[:5])
        raise NotNow(f"{len(found)} dead letters begin with {owner}/{begin[:80]}: {keys}.", next="give more of the key")
    one, id = found[0], _short(found[0], named)
    if owner.isupper():
        return _lost(app, app.undelivered.read(one.key), id)
    row = app.book.letter(owner, one.key)
    if row is None:
        raise NotFound(f"{id} was replayed or discarded just now.", next="`baton deadletters` lists those there are")
    return _letter(one, id, _readable(row.body))


def _names(app: App, model: str) -> list[Named]:
    name = reading.known(app, model)
    return [Named(name, _name(key), key) for key, _ in app.book.dead(name, FOUND)]


def _readable(body: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {"kind": "", "why": "this letter's row is damaged itself", "text": body}
    return found if isinstance(found, dict) else {"text": body}


def content(app: App, letter: DeadLetter) -> Mapping[str, Any]:
    """All that is kept of a letter."""
    if letter.kind != UNDELIVERED:
        row = app.book.letter(letter.model, letter.key)
        return _readable(row.body) if row is not None else {}
    lost = app.undelivered.read(letter.key)
    if lost.fault:
        return {"blob": lost.name, "fault": lost.fault, "text": lost.text}
    return {"blob": lost.name, "events": [_plain(entry) for entry in lost.entries]}


def _plain(entry: Entry) -> Mapping[str, Any]:
    plain = asdict(entry)
    time = plain["delivered"]["time"]
    return {**plain, "delivered": {**plain["delivered"], "time": time.isoformat() if time else None}}
