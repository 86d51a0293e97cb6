"""Drift over time: each accepted file against what the version that served when it came was trained on.

What was compared once is kept in the process: neither a file's profile nor a dataset version ever changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from shared.data.versions import forgotten_in, read_manifest
from shared.files.keeping import DATASETS, tombstones
from shared.ledger import Ledger
from shared.monitoring.drifting import NothingToCompare, profile_of_files
from shared.spec import Spec
from shared.state import LIVE, AcceptedFile, Release
from shared.storage.port import Blobs

if TYPE_CHECKING:  # numpy and datasketches load where profiles are read
    from shared.data.comparing import Change
    from shared.data.profile import Profile

K = TypeVar("K")
V = TypeVar("V")
FILES_SHOWN = 24
FILES_OF_A_REFERENCE = 200  # as many blobs are read for it; a page waits for no more
RELEASES_LOOKED_AT = 50
COMPARED_KEPT, REFERENCES_KEPT = 500, 8


@dataclass(frozen=True, slots=True)
class Point:
    """One file against its reference: each column's worst test, the most drifted first."""

    file: int
    at: datetime
    rows: int
    version: str
    release: str
    changes: tuple[Change, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that drifted."""
        return tuple(change.column for change in self.changes if change.drifted)


@dataclass(frozen=True, slots=True)
class History:
    """A model's files over time, the oldest first. `unread` says of files that could not be compared why not."""

    model: str
    points: tuple[Point, ...]
    unread: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column: those that drifted last come first, then by their largest change."""
        worst: dict[str, tuple[int, float]] = {}
        for number, point in enumerate(self.points):
            for change in point.changes:
                last, size = worst.get(change.column, (-1, 0.0))
                worst[change.column] = (number if change.drifted else last, max(size, change.size / change.limit))
        return tuple(sorted(worst, key=lambda name: (-worst[name][0], -worst[name][1], name)))

    def of(self, column: str) -> tuple[Change | None, ...]:
        """A column's change in each file; None where the file's reference has no such column."""
        return tuple(next((one for one in point.changes if one.column == column), None) for point in self.points)


@dataclass(frozen=True, slots=True)
class Versions:
    """What two dataset versions look like, and each column's worst test, the most changed first."""

    before: Profile
    now: Profile
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """Reads histories, and keeps what it compared. `rules` gives the spec of a model's folder."""

    book: Ledger
    blobs: Blobs
    rules: Callable[[str, str], Spec]
    _compared: dict[tuple[str, str, frozenset[str]], tuple[Change, ...]] = field(default_factory=dict)
    _references: dict[tuple[str, frozenset[str]], Profile] = field(default_factory=dict)

    def of_model(self, model: str, *, most: int = FILES_SHOWN) -> History:
        """The last files; `NothingToCompare` if no version of Baton's served while any of them came."""
        served = _served(self._releases(model))
        if not served:
            what = f"no version of {model} that Baton trained has served yet"
            raise NothingToCompare(what, next=f"baton status {model}")
        head = self.book.head(model)
        last = head.next_file - 1 if head else 0
        files = self.book.files(model, last, max(1, last - most + 1))
        pairs = [(file, found) for file in files if (found := _reference(served, file)) is not None]
        if not pairs:
            what = f"no file of {model} came after a version began to serve"
            raise NothingToCompare(what, next=f"baton drop {model} FILE")
        return self._history(model, pairs)

    def of_release(self, release: Release, *, most: int = FILES_SHOWN) -> History:
        """The release's own new files against the version that it was to take over from."""
        known = {one.version: one for one in self._releases(release.model) if one.manifest and one.version}
        reference = known.get(release.against)
        if reference is None:
            what = "it was compared with no version that Baton trained"
            raise NothingToCompare(what, next=f"baton drift {release.model}")
        first = max(release.first_new_file, reference.files + 1, release.files - most + 1, 1)
        files = self.book.files(release.model, release.files, first) if release.files >= first else []
        if not files:
            what = f"it has no file that version {release.against} was not trained on"
            raise NothingToCompare(what, next=f"baton data show {release.model}")
        return self._history(release.model, [(file, reference) for file in files])

    def of_versions(self, release: Release) -> Versions:
        """The release's whole dataset version beside that of the version it was to take over from; `NothingToCompare` if
        one of them is not known.
        """
        from shared.data.comparing import compare

        known = {one.version: one for one in self._releases(release.model) if one.manifest and one.version}
        reference = known.get(release.against)
        if reference is None or not release.manifest:
            what = "it was compared with no version that Baton trained" if reference is None else "it has no data yet"
            raise NothingToCompare(what, next=f"baton data log {release.model}")
        forgotten = forgotten_in(list(self.blobs.names(DATASETS, tombstones(release.model))))
        before, now = (self._profile(one.manifest, forgotten) for one in (reference, release))
        without = self.rules(release.model, release.folder).data.key
        return Versions(before, now, worst(compare(before, now, without=without)))

    def _releases(self, model: str) -> list[Release]:
        return [*self.book.ended(model, RELEASES_LOOKED_AT), *self.book.read(model).releases.values()]

    def _history(self, model: str, pairs: Iterable[tuple[AcceptedFile, Release]]) -> History:
        forgotten = forgotten_in(list(self.blobs.names(DATASETS, tombstones(model))))
        points, unread = [], dict[str, None]()
        for file, reference in pairs:
            if file.sha256 in forgotten:
                continue
            try:
                changes = self._changes(model, file, reference, forgotten)
            except NothingToCompare as error:
                unread[error.what] = None
                continue
            points.append(Point(file.number, file.at, file.rows, reference.version, reference.id, changes))
        return History(model, tuple(points), tuple(unread))

    def _changes(
        self, model: str, file: AcceptedFile, reference: Release, forgotten: frozenset[str]
    ) -> tuple[Change, ...]:
        key = (reference.manifest, file.sha256, forgotten)
        known = self._compared.get(key)
        if known is None:
            from shared.data.comparing import compare

            before = self._profile(reference.manifest, forgotten)
            without = self.rules(model, reference.folder).data.key
            known = worst(compare(before, profile_of_files(self.blobs, [file]), without=without))
            _keep(self._compared, key, known, most=COMPARED_KEPT)
        return known

    def _profile(self, manifest: str, forgotten: frozenset[str]) -> Profile:
        key = (manifest, forgotten)
        known = self._references.get(key)
        if known is None:
            known = _read(self.blobs, manifest, forgotten)
            _keep(self._references, key, known, most=REFERENCES_KEPT)
        return known


def worst(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The first test of each column, as they come with the most drifted first."""
    first: dict[str, Change] = {}
    for change in changes:
        first.setdefault(change.column, change)
    return tuple(first.values())


def _served(releases: Iterable[Release]) -> list[tuple[datetime, Release]]:
    """When each release of Baton's went live, the latest first."""
    lives = [
        (datetime.fromisoformat(moment), release)
        for release in releases
        if release.manifest and release.version
        for state, moment in release.past
        if state == LIVE
    ]
    return sorted(lives, key=lambda pair: pair[0], reverse=True)


def _reference(served: list[tuple[datetime, Release]], file: AcceptedFile) -> Release | None:
    """The release that served when the file came, and did not train on it."""
    return next((release for at, release in served if at <= file.at and release.files < file.number), None)


def _keep(kept: dict[K, V], key: K, value: V, *, most: int) -> None:
    if len(kept) >= most:
        kept.pop(next(iter(kept)), None)
    kept[key] = value


def _read(blobs: Blobs, manifest: str, forgotten: frozenset[str]) -> Profile:
    found = read_manifest(blobs.read(DATASETS, manifest), name=manifest)
    known = [file for file in found.files if file.sha256 not in forgotten]
    if not known:
        what = f"every file of dataset version {manifest.rsplit('/', 1)[-1][:12]} is forgotten"
        raise NothingToCompare(what, next="wait for the next version")
    if len(known) > FILES_OF_A_REFERENCE:
        what = (
            f"the dataset version has {len(known)} files, more than the {FILES_OF_A_REFERENCE} that are read for this"
        )
        raise NothingToCompare(what, next="baton drift MODEL compares all newer files with it")
    return profile_of_files(blobs, known)
