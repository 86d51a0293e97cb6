"""The account after a run with real parts: each drop, release, run, version and deployment is asked for, one by one.

Everything is read past the fault proxy, from storage, MLflow and the router themselves; the ledger's word
alone counts for nothing that they can say.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from shared import events, wiring
from shared.journaling import journal, rebuild
from shared.ledger import Ledger
from shared.platforms.port import Endpoints, Registry
from shared.state import ENDS, LIVE, Release
from shared.storage.port import Blobs
from shared.table.rows import Snapshot
from tests.chaos.drops import Drop


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A drop that the blob service took, and its ETag there."""

    drop: Drop
    etag: str

    @property
    def blob(self) -> str:
        return f"{self.drop.model}/{self.drop.name}"


@dataclass(frozen=True, slots=True)
class Books:
    """Where the account is read: the ledger, blobs, runs on disk, registry and endpoints."""

    book: Ledger
    blobs: Blobs
    home: Path
    registry: Registry
    endpoints: Endpoints


@dataclass(frozen=True, slots=True)
class Told:
    """One model's journal: its exact lines, and their events with the answers."""

    lines: list[str]
    events: list[tuple[events.Event, str]]

    def of(self, kind: type) -> list[events.Event]:
        """Events of a kind, whatever was answered."""
        return [event for event, _ in self.events if isinstance(event, kind)]


def told(book: Ledger, model: str) -> Told:
    """The whole journal of a model."""
    lines = book.journal(model, limit=100_000)
    read = [json.loads(line) for line in lines]
    return Told(lines, [(events.load(line["event"]), line["answer"]) for line in read])


def faults(books: Books, model: str, uploaded: list[Uploaded]) -> Iterator[str]:
    """What is wrong with a model's account; nothing if all is well."""
    story = told(books.book, model)
    snapshot = books.book.read(model)
    yield from of_journal(books, model, story, snapshot)
    yield from of_drops(books, model, story, uploaded)
    yield from of_dataset(books, model, story)
    yield from of_releases(books, model, snapshot)
    yield from of_runs(books, model, story)
    yield from of_versions(books, model, story)
    yield from of_deployments(books, model, snapshot)
    for key, letter in books.book.dead(model):
        yield f"{model}: dead letter {key}: {json.dumps(letter)[:300]}"


def of_journal(books: Books, model: str, story: Told, snapshot: Snapshot) -> Iterator[str]:
    """The chain holds, and folding it again gives the stored rows."""
    if (line := journal.first_break(story.lines)) is not None:
        yield f"{model}: journal breaks at line {line}"
    head, opened, _ = rebuild.rebuild(model, story.lines, wiring.published_rules(books.blobs))
    stored = snapshot.head
    if stored is None or head is None or replace(head, wake_at=None) != replace(stored, wake_at=None):
        yield f"{model}: the journal does not rebuild head: {head} against {stored}"
    if opened != dict(snapshot.releases):
        yield f"{model}: the journal does not rebuild the open releases"
    if snapshot.inbox:
        yield f"{model}: {len(snapshot.inbox)} events wait undecided"


def of_drops(books: Books, model: str, story: Told, uploaded: list[Uploaded]) -> Iterator[str]:
    """Each upload stands in the journal once, and has its verdict or was overwritten; what stands there is kept or refused."""
    landed = Counter(event.etag for event in story.of(events.DataLanded) if isinstance(event, events.DataLanded))
    accepted = {e.etag: e for e in story.of(events.FileAccepted) if isinstance(e, events.FileAccepted)}
    refused = {e.etag: e for e in story.of(events.FileRefused) if isinstance(e, events.FileRefused)}
    gone = {e.blob for e in story.of(events.FileGone) if isinstance(e, events.FileGone)}
    last = {one.blob: one for one in uploaded}
    for one in uploaded:
        if landed[one.etag] != 1:
            yield f"{one.blob} ({one.drop.kind}, {one.etag}) stands {landed[one.etag]} times in the journal"
        elif one.etag in accepted and one.drop.kind != "bad":
            sha256 = hashlib.sha256(one.drop.content).hexdigest()
            if accepted[one.etag].sha256 != sha256:
                yield f"{one.blob} was accepted as other bytes than were dropped"
            elif books.blobs.read("datasets", accepted[one.etag].stored) != one.drop.content:
                yield f"{one.blob}: its bytes in the dataset are not its own"
        elif one.etag in refused and one.drop.kind == "bad":
            yield from _of_quarantine(books, one, refused[one.etag].report)
        elif one is last[one.blob] or f"incoming/{one.blob}" not in gone:
            yield f"{one.blob} ({one.drop.kind}, {one.etag}) has no verdict, or the wrong one"


def _of_quarantine(books: Books, one: Uploaded, report: str) -> Iterator[str]:
    container, _, name = report.partition("/")
    if not report or books.blobs.look(container, name) is None:
        yield f"{one.blob} was refused without a report ({report!r})"
        return
    beside = f"{name.rsplit('/', 1)[0]}/drop-{one.drop.name}"
    if books.blobs.read(container, beside) != one.drop.content:
        yield f"{one.blob} is not in quarantine as it was dropped"


def of_dataset(books: Books, model: str, story: Told) -> Iterator[str]:
    """Each accepted content is new in exactly one dataset version, and the last version has all of them."""
    started = [e for e in story.of(events.RunStarted) if isinstance(e, events.RunStarted) and e.manifest]
    manifests = {e.manifest: json.loads(books.blobs.read("datasets", e.manifest)) for e in started}
    contents = {e.sha256 for e in story.of(events.FileAccepted) if isinstance(e, events.FileAccepted)}
    listed = [Counter(file["sha256"] for file in manifest["files"]) for manifest in manifests.values()]
    complete = max(listed, key=len, default=Counter())
    if set(complete) != contents or any(count > 1 for count in complete.values()):
        yield f"{model}: {len(contents)} contents were accepted, the last dataset version has {sum(complete.values())}"


def of_releases(books: Books, model: str, snapshot: Snapshot) -> Iterator[str]:
    """Each release ended with its reason, or serves, or waits with a deadline and an owner."""
    ended = {release.id: release for release in books.book.ended(model, limit=500)}
    every: dict[str, Release] = {**ended, **snapshot.releases}
    head = snapshot.head
    count = head.next_release - 1 if head else 0
    if len(every) != count:
        yield f"{model}: {count} releases were opened, {len(every)} are there"
    for release in every.values():
        if release.state in ENDS and not release.why:
            yield f"{release.id} is {release.state} without a reason"
        if release.state not in (*ENDS, LIVE) and not (release.deadline and release.owner):
            yield f"{release.id} is {release.state} without deadline or owner"


def of_runs(books: Books, model: str, story: Told) -> Iterator[str]:
    """Each run on the platform was asked for by one command, its command was started once, and MLflow tracks it once."""
    asked = Counter(e.run_id for e in story.of(events.RunStarted) if isinstance(e, events.RunStarted))
    folders = [f for f in (books.home / "runs").iterdir() if f.name.startswith(f"{model}-")]
    for run, count in asked.items():
        if count != 1:
            yield f"run {run} was started by {count} commands"
    for folder in folders:
        state = json.loads((folder / "state.json").read_text()) if (folder / "state.json").exists() else {}
        running = [change for change in state.get("history", ()) if change["status"] == "running"]
        if folder.name not in asked:
            yield f"run {folder.name} is on the platform, and no command started it"
        if len(running) > 1:
            yield f"run {folder.name} was running {len(running)} times"
    for run, count in _tracked(books.home, model).items():
        if count != 1:
            yield f"run {run} is tracked {count} times"


def _tracked(home: Path, model: str) -> Counter[str]:
    """How often MLflow has each run of the model, from its own database."""
    file = next(iter(home.rglob("mlflow.db")), None)
    if file is None:
        return Counter()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        rows = database.execute("select value from tags where key = 'baton.run_id'").fetchall()
    return Counter(run for (run,) in rows if run.startswith(f"{model}-"))


def of_versions(books: Books, model: str, story: Told) -> Iterator[str]:
    """Each version in the registry was registered by one command, from a run of its own."""
    ours = Counter(e.version for e in story.of(events.VersionRegistered) if isinstance(e, events.VersionRegistered))
    seen = books.registry.versions(model)
    if ours != Counter(version.version for version in seen):
        yield f"{model}: registered {dict(ours)}, the registry has {[version.version for version in seen]}"
    for run, count in Counter(version.run_id for version in seen).items():
        if count != 1:
            yield f"{model}: run {run or '(none)'} is registered {count} times"


def of_deployments(books: Books, model: str, snapshot: Snapshot) -> Iterator[str]:
    """Each deployment belongs to a release that needs it, and the champion is what serves."""
    found = books.endpoints.look(model)
    head = snapshot.head
    names = [deployment.name for deployment in found.deployments] if found else []
    if len(set(names)) != len(names):
        yield f"{model}: deployments twice: {names}"
    for name in names:
        if not re.fullmatch(rf"{model}-\d{{4,}}", name):
            yield f"{model}: deployment {name} is no release's"
    champion = head.champion if head else None
    serving = {found.deployments[names.index(name)].version for name in found.split} if found else set()
    if champion and snapshot.releases.get(head.shipping if head else "") is None and serving != {champion.version}:
        yield f"{model}: champion is version {champion.version}, {sorted(serving)} serves"
