"""What a decision would change, without making it: the same fold on a snapshot, and the difference in plain words. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import state
from shared.folding.draft import Draft
from shared.journaling import journal
from shared.state import Release
from shared.storage.port import Insert
from shared.table.rows import Snapshot

BOOKKEEPING = ("next_line", "line_hash", "wake_at", "v", "trace")
LINES = "journal:"
NOTHING: tuple[Any, ...] = (None, "", [], {}, 0, False)


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the head or of a release: `of` is `head` or a release; a value is JSON, None where there is none."""

    of: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One event that would be decided: its kind, the answer (`raises` where deciding it fails), and why."""

    event: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen: the decisions in order, the state's changes, and the commands that would go out."""

    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    commands: tuple[str, ...]
    rings: tuple[str, ...]


def foreseen(before: Snapshot, draft: Draft, raised: Step | None) -> Foreseen:
    """The difference between a snapshot and what was decided on it."""
    lines = [journal.read(w.body) for w in draft.writes if isinstance(w, Insert) and w.key.startswith(LINES)]
    steps = [Step(line["event"]["kind"], line["answer"], line["why"]) for line in lines]
    new = {release.id: release for release in draft.ended} | draft.releases
    commands = [f"{command.kind} {command.release}".strip() for command in draft.commands]
    return Foreseen(
        tuple([*steps, raised] if raised is not None else steps),
        tuple(changes(_plain(before.head, before.releases), _plain(draft.head, new))),
        tuple(commands),
        tuple(sorted(draft.rings)),
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, head first, then the releases by number.

    >>> changes({"head": {"dead": 1, "basket": {"rows": 0}}}, {"head": {"dead": 0, "basket": {"rows": 5}}})
    [Change(of='head', field='dead', before=1, after=0), Change(of='head', field='basket.rows', before=0, after=5)]
    """
    found: list[Change] = []
    for of in dict.fromkeys([*before, *after]):
        old, new = _leaves(before.get(of, {})), _leaves(after.get(of, {}))
        for name in dict.fromkeys([*old, *new]):
            was, becomes = old.get(name), new.get(name)
            if was != becomes and not (was in NOTHING and becomes in NOTHING and (was is None or becomes is None)):
                found.append(Change(of, name, was, becomes))
    return found


def _plain(head: state.Head | None, releases: Mapping[str, Release]) -> dict[str, Any]:
    stored = json.loads(state.dumps(head)) if head is not None else {}
    found: dict[str, Any] = {"head": stored.get("head", stored)}
    return found | {name: json.loads(state.dumps(releases[name])) for name in sorted(releases)}


def _leaves(value: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    """Nested objects as dotted names; lists are compared as a whole."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if name in BOOKKEEPING:
            continue
        inside = _leaves(item, f"{under}{name}.") if isinstance(item, Mapping) else {f"{under}{name}": item}
        found |= inside
    return found
