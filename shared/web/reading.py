"""Reading what the pages show: rows, journal and documents, for names that may be anything. Nothing is written here."""

from __future__ import annotations

import bisect
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import names
from shared.errors import NameRefused, NewerForm, RowDamaged
from shared.gating.verdict import Document, at
from shared.journaling import journal
from shared.state import ENDS, Release
from shared.storage.port import BlobMissing
from shared.web import whynot
from shared.web.answers import NotFound, TooLarge
from shared.web.steps import Papers
from shared.web.story import Line, of_model, story
from shared.web.trials import trials
from shared.web.views import ModelView, last_change, model_view, unread_model
from shared.web.whynot import WhyNot
from shared.wiring import App

RELEASES_SHOWN = 20
RELEASES_LOOKED_AT = 100
DEAD_SHOWN = 100
LINES_A_PAGE = 500
LINES_OF_A_RELEASE = 5000
CLOCK_SKEW = timedelta(minutes=1)
DOCUMENT_LIMIT = 64 * 1024
REPORT_LIMIT = 5 * 1024 * 1024
REPORT_CONTAINERS = ("reports", "quarantine")
REPORT_NAME = re.compile(r"[a-z0-9-]{1,20}/([\w-][\w.-]*/){0,4}[\w-][\w.-]*\.(html|json)", re.ASCII)


@dataclass(frozen=True, slots=True)
class OneModel:
    """A model with its releases: the open ones and the last that ended, newest first."""

    view: ModelView
    releases: tuple[Release, ...]


def every_model(app: App) -> list[OneModel]:
    """All models on the list, by name."""
    return [_or_damaged(app, name) for name in sorted(app.book.models())]


def _or_damaged(app: App, name: str) -> OneModel:
    """A model, or what keeps it from being read: the others are shown all the same."""
    try:
        return _one(app, name)
    except (RowDamaged, NewerForm) as error:
        return OneModel(unread_model(name, error.what, is_damaged=isinstance(error, RowDamaged)), ())


def known(app: App, name: str) -> str:
    """The name of a model that there is; `NotFound` names what comes closest."""
    try:
        names.model_name(name)
    except NameRefused as refused:
        raise NotFound(refused.what, next=refused.next) from refused
    if not app.book.has_head(name):
        every = app.book.models()
        if name not in every:
            raise NotFound(f"There is no model {name!r}.", next=_closest(name, every))
    return name


def one_model(app: App, name: str) -> OneModel:
    """A model by name; `NotFound` as of `known`."""
    return _one(app, known(app, name))


def _one(app: App, name: str) -> OneModel:
    seen = app.book.read(name)
    ended = app.book.ended(name, RELEASES_SHOWN)
    dead = len(app.book.dead(name, DEAD_SHOWN))
    by_number = sorted([*seen.releases.values(), *ended], key=lambda release: release.number, reverse=True)
    last = ended[0] if ended else None
    return OneModel(model_view(name, seen.head, seen.releases, last=last, dead=dead), tuple(by_number))


def _closest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"models are: {', '.join(known[:20])}" if known else "publish one: baton publish models/NAME"


def one_release(app: App, name: str) -> Release:
    """A release by id, open or ended; `NotFound` says what is wrong with the id."""
    match = names.RELEASE_ID.fullmatch(name)
    if match is None or len(match["model"]) > names.MODEL_NAME_MAX or len(match["number"]) > 12:
        raise NotFound(
            f"{name[:100]!r} is no release.", next="a release is a model and a number, such as diabetes-0012"
        )
    found = app.book.release(match["model"], name)
    if found is None:
        raise NotFound(
            f"There is no release {name}.", next=f"/models/{match['model']} lists the releases that there are"
        )
    return found


def papers(app: App, release: Release) -> Papers:
    """The pinned rules, the small documents and the story of a release."""
    training = document(app, release.trained)
    listed = at(training or {}, "attachments", "trials", "blob")
    return Papers(
        spec=app.parts.rules(release.model, release.folder),
        evidence=document(app, release.evidence),
        certificate=document(app, release.certificate),
        story=story(lines_of(app, release), release.id),
        trials=trials(training, document(app, listed) if isinstance(listed, str) else None),
    )


def document(app: App, where: str) -> Document | None:
    """A small JSON document by container and path; None if there is none, or it is too large to show inside another."""
    container, _, path = where.partition("/")
    seen = app.blobs.look(container, path) if path else None
    if seen is None or seen.size > DOCUMENT_LIMIT:
        return None
    try:
        found = json.loads(app.blobs.read(container, path))
    except (ValueError, BlobMissing):
        return None
    return found if isinstance(found, dict) else None


def report(app: App, container: str, path: str) -> bytes:
    """A report's bytes, from the two containers that hold reports; drops themselves are not served."""
    if container not in REPORT_CONTAINERS or not REPORT_NAME.fullmatch(path):
        raise NotFound("There is no such report.", next="follow a link of a release, or of the verdict on a drop")
    if container == "quarantine" and path.rsplit("/", 1)[1] not in ("report.html", "report.json"):
        raise NotFound("Refused files are not served, only their reports.", next="open the report.html beside it")
    seen = app.blobs.look(container, path)
    if seen is None:
        raise NotFound(f"There is no report {path}.", next="follow a link of a release, or of the verdict on a drop")
    if seen.size > REPORT_LIMIT:
        raise TooLarge(f"{path} has {seen.size} bytes.", next=f"download {container}/{path} from storage")
    try:
        return app.blobs.read(container, path)
    except BlobMissing as gone:
        raise NotFound(gone.what, next=gone.next) from gone


def journal_page(app: App, model: str, first: int, limit: int = LINES_A_PAGE) -> list[Line]:
    """Parsed journal lines of a model from number `first` on."""
    return [journal.read(line) for line in app.book.journal(model, first, limit)]


def last_lines(app: App, model: str, limit: int) -> list[Line]:
    """The last journal lines of a model, oldest first."""
    head = app.book.head(model)
    return journal_page(app, model, max(1, head.next_line - limit), limit) if head else []


def lines_of(app: App, release: Release) -> list[Line]:
    """The journal lines of a release's life: found by its first moment, read until its end."""
    head = app.book.head(release.model)
    if head is None:
        return []
    first = _line_at(app, release.model, head.next_line, release.opened_at - CLOCK_SKEW)
    end = _ended_at(release)
    found: list[Line] = []
    while len(found) < LINES_OF_A_RELEASE:
        page = journal_page(app, release.model, first + len(found))
        found += page
        if len(page) < LINES_A_PAGE or (end is not None and _at(page[-1]) > end):
            break
    return [line for line in found if end is None or _at(line) <= end]


def lines_since(app: App, model: str, moment: datetime) -> Iterator[Line]:
    """The journal lines of a model since a moment, page by page, at most `LINES_OF_A_RELEASE`."""
    head = app.book.head(model)
    first = _line_at(app, model, head.next_line, moment - CLOCK_SKEW) if head else 1
    for start in range(first, first + LINES_OF_A_RELEASE, LINES_A_PAGE):
        page = journal_page(app, model, start)
        yield from page
        if len(page) < LINES_A_PAGE:
            return


def why_not(app: App, name: str) -> WhyNot:
    """What stopped every attempt since the version that serves went live; the last `LINES_OF_A_RELEASE` lines are read."""
    view = one_model(app, name).view
    seen = app.book.read(view.name)
    if seen.head is None:
        raise NotFound(f"{name} has no head yet: its first publish waits.", next=f"baton status {name}")
    ended = app.book.ended(name, RELEASES_LOOKED_AT)
    known = sorted([*seen.releases.values(), *ended], key=lambda release: release.number)
    head = seen.head
    first = max(1, head.next_line - LINES_OF_A_RELEASE)
    if head.champion is not None:
        first = max(first, _line_at(app, name, head.next_line, head.champion.since - CLOCK_SKEW))
    lines: list[Line] = []
    while page := journal_page(app, name, first + len(lines)):
        lines += page
    return whynot.why_not(head, known, of_model(lines), app.clock())


def _line_at(app: App, model: str, next_line: int, moment: datetime) -> int:
    """The number of the first line at or after a moment."""
    if next_line <= LINES_A_PAGE:
        return 1
    numbers = range(1, next_line)
    return 1 + bisect.bisect_left(numbers, moment, key=lambda n: _at(journal_page(app, model, n, 1)[0]))


def _ended_at(release: Release) -> datetime | None:
    return last_change(release) + CLOCK_SKEW if release.state in ENDS else None


def _at(line: Line) -> datetime:
    return datetime.fromisoformat(line["at"])


def ignored(app: App) -> list[Mapping[str, Any]]:
    """Events that concerned no model, the latest first, with the reason."""
    return app.book.unrouted()
