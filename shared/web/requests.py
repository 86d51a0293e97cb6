"""What became of what somebody asked for: from the event's id to its decision and, where it opened one, its release.

For callers that start something and wait for it, such as Azure Data Factory. Its Web activity follows `Location` by GET
while the answer is 202, and fails by the status alone ("Web activity", learn.microsoft.com/azure/data-factory).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.state import ENDS, LIVE, Release
from shared.web import reading
from shared.web.answers import NotDone, NotFound
from shared.web.story import Line
from shared.web.views import outcome
from shared.wiring import App

AGAIN_SECONDS = 30
REQUEST_ID = re.compile("[0-9a-f]{8,64}")
OPENS = ("RetrainRequested", "RetryRequested")
ENOUGH: Mapping[str, tuple[str, ...]] = {
    "approval": ("awaiting approval", "rolling out", LIVE, *ENDS),
    "end": (LIVE, *ENDS),
}
NOT_GOOD = ("failed", "expired")


@dataclass(frozen=True, slots=True)
class Became:
    """What a request came to so far. `state` is "recorded", "waits", "decided", "not taken", "not retrained", or its
    release's; `done` says that it will not change within what was waited for; `failed` that this is no good end.

    A rule's or a person's no (held, rejected, superseded, rolled back) is an answer and no failure.
    """

    event: str
    state: str
    done: bool
    what: str
    why: str = ""
    next: str = ""
    release: str = ""
    version: str = ""
    failed: bool = False

    @property
    def status(self) -> int:
        """As HTTP says it: 202 while it goes on, 200 for an answer, 409 for what failed."""
        return 409 if self.failed else 200 if self.done else 202


def place(app: App, model: str, event: str) -> str:
    """The URL where the outcome of a request is read."""
    return f"{app.settings.url.rstrip('/')}/api/models/{model}/requests/{event}"


def became(app: App, name: str, event: str, until: str) -> Became:
    """What the model's journal says about this event so far. `until`: "approval" waits until a person is asked, "end" for them too.

    At most the last `LINES_OF_A_RELEASE` lines after the request are read.
    """
    model = reading.known(app, name)
    if until not in ENOUGH:
        raise NotDone(f"`until` is {until[:40]!r}.", next="use approval, or end to wait for the person too")
    at = app.book.seen_at(model, event) if REQUEST_ID.fullmatch(event) else None
    if at is None:
        todo = f"POST /api/models/{model}/retrain answers with the URL to ask at"
        raise NotFound(f"{model} knows no request {event[:70]!r}.", next=todo)
    lines = _from(reading.lines_since(app, model, at), event)
    line = next(lines, None)
    if line is None:
        return Became(event, "recorded", done=False, what=f"{model} has not decided on it yet")
    if line["answer"] != "taken":
        todo = f"baton explain {model}"
        return Became(event, "not taken", done=True, what=f"{line['answer']}", why=line["why"], next=todo, failed=True)
    if line["event"]["kind"] not in OPENS:
        return Became(event, "decided", done=True, what="taken", why=line["why"])
    return _of_retrain(app, model, event, until, _notes(line, lines))


def _from(lines: Iterable[Line], event: str) -> Iterator[Line]:
    """The lines from the one that decided on this event."""
    found = False
    for line in lines:
        found = found or line["event"].get("id") == event
        if found:
            yield line


def _notes(first: Line, rest: Iterable[Line]) -> Iterator[Mapping[str, Any]]:
    yield from first.get("notes", ())
    for line in rest:
        yield from line.get("notes", ())


def _of_retrain(app: App, model: str, event: str, until: str, notes: Iterable[Mapping[str, Any]]) -> Became:
    """The first release that was opened by a request since took this one with it, unless the causes were let go before."""
    for note in notes:
        if note["what"] == "not retrained":
            why, todo = note.get("why", ""), note.get("next", "") or f"baton why-not {model}"
            return Became(event, "not retrained", done=True, what="not retrained", why=why, next=todo, failed=True)
        if note["what"] == "release opened":
            release = reading.one_release(app, note["release"])
            if any(cause.kind == "request" for cause in release.causes):
                return _of_release(event, release, until)
    head = app.book.head(model)
    why = head.basket.refused_why if head else ""
    return Became(event, "waits", done=False, what=f"{model} waits with it", why=why)


def _of_release(event: str, release: Release, until: str) -> Became:
    return Became(
        event,
        release.state,
        done=release.state in ENOUGH[until],
        what=f"{release.id} is {release.state}",
        why=outcome(release),
        next=release.next or f"baton explain {release.id}",
        release=release.id,
        version=release.version,
        failed=release.state in NOT_GOOD,
    )
