"""The spans of one fold, after its commit: each decision, the releases that were opened, the states that ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby, pairwise

from shared.folding.draft import Draft, Heard
from shared.state import ENDS, LIVE, Release
from shared.table.rows import Snapshot
from shared.traces import context
from shared.traces.port import Span, Value

WITHOUT_EVENT = ("data", "schedule")  # causes that name no event which came in


def spans(before: Snapshot, draft: Draft, began: datetime, ended: datetime) -> Iterator[Span]:
    """What a fold that was committed decided; events that carry no trace are left out."""
    for heard in draft.heard:
        if heard.event.trace:
            yield from _decided(before, draft, heard, began, ended)
    for release in [*draft.releases.values(), *draft.ended]:
        if release.trace:
            yield from _moved(before, draft, release)


def _decided(before: Snapshot, draft: Draft, heard: Heard, began: datetime, ended: datetime) -> Iterator[Span]:
    event, kind, model = heard.event, type(heard.event).__name__, draft.head.model
    if event.family == "time" and event.trace == context.root(model, event.id):  # nobody received it
        yield Span(f"due {kind}", event.trace, "", event.at, event.at, about={"baton.model": model})
    named = dict.fromkeys([heard.of, *(note.release for note in heard.decision.notes)])
    about: dict[str, Value] = {
        "baton.model": model,
        "baton.event": event.id,
        "baton.kind": kind,
        "baton.release": ", ".join(name for name in named if name),
        "baton.answer": heard.answer,
        "baton.why": heard.decision.why,
        "baton.told": "; ".join(note.what for note in heard.decision.notes),
        "baton.waited_seconds": round((began - event.at).total_seconds(), 3),
    }
    own = context.decision(event.trace, event.id)
    links = {
        known[name].trace for known in (before.releases, heard.decision.releases) for name in named if name in known
    }
    links.add(heard.decision.head.basket.trace)
    yield Span(
        f"decide {kind}",
        own,
        event.trace,
        began,
        ended,
        about={name: value for name, value in about.items() if value != ""},
        links=tuple(sorted(link for link in links if link and not context.is_same(link, own))),
        failed=heard.decision.why if heard.answer in ("dead", "refused") else "",
    )


def _moved(before: Snapshot, draft: Draft, release: Release) -> Iterator[Span]:
    """The release's beginning, each state that is over, and the whole once it is live or has ended."""
    known = before.releases.get(release.id)
    about: Mapping[str, Value] = {
        "baton.model": release.model,
        "baton.release": release.id,
        "baton.state": release.state,
    }
    whole = context.child(release.trace, "release")
    if known is None:
        at, links = release.opened_at, tuple(_causes(release))
        yield Span("release opened", release.trace, _parent(before, draft, release), at, at, about=about, links=links)
    past = known.past if known is not None else ()
    states = [entry for entry, _ in groupby(release.past)]
    for (state, since), (then, until) in pairwise(states):
        if (then, until) in past:
            continue
        began, ended = datetime.fromisoformat(since), datetime.fromisoformat(until)
        own = context.child(release.trace, f"{state} {since}")
        yield Span(state, own, whole, began, ended, about=about)
        if then == LIVE or (then in ENDS and state != LIVE):
            failed = release.why if then == "failed" else ""
            yield Span("release", whole, release.trace, release.opened_at, ended, about=about, failed=failed)


def _causes(release: Release) -> Iterator[str]:
    """The traces of the events that it was opened for, other than its own."""
    for cause in release.causes:
        found = context.root(release.model, cause.event)
        if cause.kind not in WITHOUT_EVENT and not context.is_same(found, release.trace):
            yield found


def _parent(before: Snapshot, draft: Draft, release: Release) -> str:
    """What the release's context is a child of: what began its basket, or the event of its cause."""
    found = [before.head.basket.trace] if before.head is not None else []
    found += [context.decision(heard.event.trace, heard.event.id) for heard in draft.heard if heard.event.trace]
    found += [context.root(release.model, cause.event) for cause in release.causes]
    return next((one for one in found if one and context.child(one, release.id) == release.trace), "")
