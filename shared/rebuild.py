"""The journal rebuilds the ledger: folding its lines again gives head and open releases, without any row of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from shared import events, journal, names, release
from shared.spec import Spec
from shared.state import Head, Release

SET_ASIDE = ("refused", "dead")


def rebuild(
    model: str, lines: Iterable[str], rules: Callable[[str, str], Spec]
) -> tuple[Head | None, dict[str, Release], dict[str, Release]]:
    """Head, open releases and ended ones as the journal tells them. `wake_at` is left out: it follows from the rest."""
    head: Head | None = None
    opened: dict[str, Release] = {}
    ended: dict[str, Release] = {}
    early: set[str] = set()
    for line in lines:
        found = journal.read(line)
        event = events.load(found["event"])
        if head is None:
            assert isinstance(event, events.ModelPublished), "a journal begins with a publish"
            head = Head(model, event.folder, event.by)
        if found["answer"] in SET_ASIDE:
            head = replace(head, dead=head.dead + (found["answer"] == "dead"))
        else:
            known = {folder: rules(model, folder) for folder in _folders(head, opened, event)}
            at = datetime.fromisoformat(found["at"])
            decision = release.decide(known, head, opened, event, at, release=found["release"])
            head, opened = decision.head, dict(decision.releases)
            ended |= {done.id: done for done in decision.ended}
        head = _count_early(head, event.id, found["answer"], early)
        head = replace(head, next_line=found["n"] + 1, line_hash=names.digest(line))
    return head, opened, ended


def _folders(head: Head, opened: dict[str, Release], event: events.Event) -> set[str]:
    named = {head.folder, *(one.folder for one in opened.values())}
    return named | {event.folder} if isinstance(event, events.ModelPublished) else named


def _count_early(head: Head, event: str, answer: str, early: set[str]) -> Head:
    if answer == "early":
        early.add(event)
        return replace(head, early=head.early + 1)
    if event in early:
        early.remove(event)
        return replace(head, early=head.early - 1)
    return head
