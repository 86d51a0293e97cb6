"""Dataset versions as the API tells them, and what people ask of them: a pin, and to have bytes forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from shared import events
from shared.data.versions import Manifest, ManifestRefused, forgotten_in, read_manifest
from shared.files.keeping import DATASETS, tombstones
from shared.names import model_name
from shared.state import Head, Release
from shared.storage.port import BlobMissing
from shared.web import asking, reading
from shared.web.answers import NotAllowed, NotDone, NotFound
from shared.web.person import Person
from shared.wiring import App

VERSIONS_TOLD = 200
RELEASES_LOOKED_AT = 1000
BLOBS_AT_ONCE = 50
NAME_LIMIT = 200
ID = re.compile("[0-9a-f]{4,64}")
SHA256 = re.compile("[0-9a-f]{64}")
LATEST = "latest"
KINDS = ("files", "quarantine", "scored")
Json = dict[str, Any]


def log(app: App, model: str, file: str = "") -> list[Json]:
    """Versions from the newest to its first ancestor, then others that a release used; of `file`, only those with it.

    `file` is a SHA-256, its beginning, or the drop's container/path.
    """
    name = reading.known(app, model)
    used = _used(app, name)
    found = (_told(manifest, where, used) for where, manifest in _chain(app, name, used) if _has(manifest, file))
    return [one for one, _ in zip(found, range(VERSIONS_TOLD), strict=False)]


def _used(app: App, model: str) -> Mapping[str, list[Release]]:
    """Manifest to the releases that were trained on it or judged by it, oldest first."""
    every = [*app.book.ended(model, RELEASES_LOOKED_AT), *app.book.read(model).releases.values()]
    used: dict[str, list[Release]] = {}
    for release in sorted(every, key=lambda release: release.number):
        if release.manifest:
            used.setdefault(release.manifest, []).append(release)
    return used


def _chain(app: App, model: str, used: Mapping[str, list[Release]]) -> Iterator[tuple[str, Manifest]]:
    head = app.book.head(model)
    waiting = [head.dataset] if head and head.dataset else []
    waiting += sorted(used, key=lambda where: -used[where][-1].number)
    seen: set[str] = set()
    while waiting:
        where = waiting.pop(0)
        if where in seen:
            continue
        seen.add(where)
        manifest = _manifest(app, where)
        yield where, manifest
        if manifest.parent:
            waiting.insert(0, manifest.parent)


def _manifest(app: App, where: str) -> Manifest:
    try:
        return read_manifest(app.blobs.read(DATASETS, where), name=where)
    except BlobMissing as gone:
        raise NotFound(f"{DATASETS}/{where} is gone.", next="restore it from the container's soft delete") from gone
    except ManifestRefused as refused:
        raise NotDone(refused.what, next=refused.next) from refused


def _has(manifest: Manifest, file: str) -> bool:
    return not file or any(one.sha256.startswith(file) or one.drop == file for one in manifest.files)


def _told(manifest: Manifest, where: str, used: Mapping[str, list[Release]]) -> Json:
    new = [file for file in manifest.files if file.new]
    return {
        "id": where.rsplit("/", 1)[-1].removesuffix(".json"),
        "at": manifest.at,
        "files": len(manifest.files),
        "rows": manifest.rows,
        "new": len(new),
        "carried": len(manifest.files) - len(new),
        "dropped": len(manifest.dropped),
        "window": manifest.window,
        "contract": manifest.contract_version or manifest.contract[:12],
        "by": manifest.by,
        "because": manifest.because,
        "releases": [
            {"id": one.id, "state": one.state, "version": one.version, "certificate": one.certificate}
            for one in used.get(where, [])
        ],
    }


def show(app: App, model: str, version: str) -> Json:
    """One version: the whole manifest, which releases used it, and which of its files are forgotten or missing."""
    name = reading.known(app, model)
    where = _named(app, name, version)
    manifest = _manifest(app, where)
    gone = forgotten_in(list(app.blobs.names(DATASETS, tombstones(name))))
    there = set(app.blobs.names(DATASETS, f"{name}/files/"))
    files = [
        {
            **asdict(file),
            "bytes_are": "forgotten" if file.sha256 in gone else "there" if file.blob in there else "missing",
        }
        for file in manifest.files
    ]
    told = _told(manifest, where, _used(app, name))
    return {**told, "manifest": {**asdict(manifest), "files": files}}


def files(app: App, model: str) -> list[Json]:
    """Every accepted file, whether a version holds it or not; no value of a row is among it."""
    name = reading.known(app, model)
    head = app.book.head(name)
    return [asdict(file) for file in app.book.files(name, head.next_file - 1)] if head else []


def _named(app: App, model: str, version: str) -> str:
    """The manifest that a person means: by the beginning of its id, by a release, or the latest."""
    lists = f"baton data log {model} lists them"
    if version == LATEST:
        head = app.book.head(model)
        if head is None or not head.dataset:
            raise NotFound(f"{model} has no dataset version yet.", next="drop a file")
        return head.dataset
    if version.startswith(f"{model}-"):
        release = reading.one_release(app, version)
        if not release.manifest:
            raise NotFound(f"{release.id} has no dataset version.", next=lists)
        return release.manifest
    if not ID.fullmatch(version):
        raise NotFound(f"{version[:80]!r} names no version: 4 to 64 hex digits, a release, or latest.", next=lists)
    found = list(app.blobs.names(DATASETS, f"{model}/versions/{version}"))
    if len(found) != 1:
        raise NotFound(f"{len(found)} versions of {model} begin with {version}.", next=lists)
    return found[0]


# What people ask


def pin(app: App, model: str, version: object, by: asking.Asked) -> asking.Recorded:
    """Have the next retrain read this version, or the newest again ("none")."""
    name = reading.known(app, model)
    if version == "none":
        return asking.accept(app, name, events.VersionPinned(**by.stamp(app), manifest=""))
    if not isinstance(version, str):
        raise NotDone("`version` is no text.", next=f"baton data log {name} lists the versions")
    where = _named(app, name, version)
    last = max((file.number for file in _manifest(app, where).files), default=0)
    return asking.accept(app, name, events.VersionPinned(**by.stamp(app), manifest=where, files=last))


def forget(app: App, model: str, erase: Mapping[str, Any], by: asking.Asked) -> asking.Recorded:
    """Have bytes erased for ever. Only an approver of the model may ask; names and hashes are recorded, no value."""
    name = reading.known(app, model)
    _may_forget(app, name, app.book.head(name), by.person)
    wanted = {kind: _names(erase.get(kind, []), kind, name) for kind in KINDS}
    unknown = [sha256 for sha256 in wanted["files"] if not app.book.file_number(name, sha256)]
    if unknown or not any(wanted.values()):
        what = f"{name} never accepted {unknown[0]}." if unknown else "Nothing is named that could be forgotten."
        raise NotDone(what, next=f"baton data show {name} lists the files of a version")
    return asking.accept(app, name, events.ForgetRequested(**by.stamp(app), erase=wanted))


def _may_forget(app: App, model: str, head: Head | None, person: Person) -> None:
    approvers = app.parts.rules(model, head.folder).approval.approvers if head else ()
    if not person.as_one_of(approvers):
        raise NotAllowed(f"{person.name} may not have data of {model} forgotten.", next=f"ask {', '.join(approvers)}")


def _names(given: object, kind: str, model: str) -> list[str]:
    """A list of hashes, or of names within the model's prefix."""
    right = (
        SHA256
        if kind == "files"
        else re.compile(rf"{re.escape(model_name(model))}/[\w./-]{{1,{NAME_LIMIT}}}", re.ASCII)
    )
    names = given if isinstance(given, list) and len(given) <= BLOBS_AT_ONCE else [None]
    if not all(isinstance(one, str) and right.fullmatch(one) and ".." not in one for one in names):
        raise NotDone(
            f"`{kind}` is no list of at most {BLOBS_AT_ONCE} names.", next="name blobs of the model, or hashes"
        )
    return [str(one) for one in names]
