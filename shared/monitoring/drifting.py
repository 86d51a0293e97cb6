"""How far a model's newer files have drifted from what its champion was trained on: from profiles, no row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.data.versions import Listed, forgotten_in, read_manifest
from shared.errors import Permanent
from shared.files.keeping import DATASETS, tombstones
from shared.ledger import Ledger
from shared.spec import Spec
from shared.state import AcceptedFile, Champion
from shared.storage.port import BlobMissing, Blobs

if TYPE_CHECKING:  # numpy and datasketches load where profiles are read
    from shared.data.comparing import Change
    from shared.data.profile import Profile


class NothingToCompare(Permanent):
    """The model has no champion, or no newer files, or a file has no profile."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: how many files, and their rows."""

    files: int
    rows: int


@dataclass(frozen=True, slots=True)
class Drifting:
    """Newer files against those of the champion's dataset version: each test of each column, the most drifted first."""

    model: str
    version: str
    release: str
    before: Side
    now: Side
    changes: tuple[Change, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that drifted, each once, the most drifted first."""
        return tuple(dict.fromkeys(change.column for change in self.changes if change.drifted))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sets of files, none of them forgotten: those of the champion's dataset version, and those that came after it.

    `folder` is the published one by whose rules the champion was trained.
    """

    version: str
    release: str
    folder: str
    known: tuple[Listed, ...]
    newer: tuple[AcceptedFile, ...]


def compared(book: Ledger, blobs: Blobs, model: str) -> Compared:
    """The files to compare; `NothingToCompare` says why there are none."""
    files, champion = _served(book, model)
    release = book.release(model, champion.release) if champion.release else None
    if release is None or not release.manifest:
        what = f"version {champion.version} of {model} was not trained by a release of Baton, so its data is not known"
        raise NothingToCompare(what, next=f'baton retrain {model} --why "..."')
    manifest = read_manifest(blobs.read(DATASETS, release.manifest), name=release.manifest)
    last = max((file.number for file in manifest.files), default=0)
    forgotten = forgotten_in(list(blobs.names(DATASETS, tombstones(model))))
    known = tuple(file for file in manifest.files if file.sha256 not in forgotten)
    others = forgotten | manifest.sha256s
    newer = tuple(file for file in book.files(model, files) if file.number > last and file.sha256 not in others)
    if not known:
        what = f"every file that version {champion.version} of {model} was trained on is forgotten"
        raise NothingToCompare(what, next=f'baton retrain {model} --why "..."')
    if not newer:
        what = f"{model} has no newer file than those that version {champion.version} was trained on"
        raise NothingToCompare(what, next=f"baton drop {model} FILE")
    return Compared(champion.version, release.id, release.folder, known, newer)


def drifting(book: Ledger, blobs: Blobs, rules: Callable[[str, str], Spec], model: str) -> Drifting:
    """Compare the files that are not in the champion's dataset version with those that are; `NothingToCompare` says why not."""
    from shared.data.comparing import compare

    pair = compared(book, blobs, model)
    before, now = (profile_of_files(blobs, files) for files in (pair.known, pair.newer))
    changes = compare(before, now, without=rules(model, pair.folder).data.key)
    sides = Side(len(pair.known), before.rows), Side(len(pair.newer), now.rows)
    return Drifting(model, pair.version, pair.release, *sides, changes)


def profile_of_accepted(book: Ledger, blobs: Blobs, model: str) -> Profile:
    """What all files of a model look like that were accepted so far and not forgotten; `NothingToCompare` without any."""
    head = book.head(model)
    forgotten = forgotten_in(list(blobs.names(DATASETS, tombstones(model))))
    files = book.files(model, head.next_file - 1) if head else []
    known = [file for file in files if file.sha256 not in forgotten]
    if not known:
        raise NothingToCompare(f"no file of {model} was accepted yet", next=f"baton drop {model} FILE")
    return profile_of_files(blobs, known)


def _served(book: Ledger, model: str) -> tuple[int, Champion]:
    """How many files were accepted, and the champion."""
    head = book.head(model)
    if head is None or head.champion is None:
        what = f"no version of {model} serves yet, so there is nothing to compare with"
        raise NothingToCompare(what, next=f"baton status {model}")
    return head.next_file - 1, head.champion


def profile_of_files(blobs: Blobs, files: Iterable[Listed | AcceptedFile]) -> Profile:
    """What these files look like together; `NothingToCompare` if one of them has no profile."""
    from shared.data.profile import merged, read_profile

    return merged(read_profile(_read(blobs, file)) for file in files)


def _read(blobs: Blobs, file: Listed | AcceptedFile) -> bytes:
    try:
        if file.profile:
            return blobs.read(DATASETS, file.profile)
    except BlobMissing:
        pass
    what = f"file {file.number} ({file.sha256[:16]}) has no profile: it was accepted before there were any"
    raise NothingToCompare(what, next="drop its rows again, which profiles them")
