"""Folders of parts that were closed: listed once, read as one drop, kept as one file of a dataset version.

What lies in storage then is the truth, whatever events came or did not: the first look writes the listing down, create-only,
under the ETag of the file that closed the folder, and whoever repeats the check after a crash reads the same parts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from shared.data.checking import PROFILE, TooLarge
from shared.data.folders import (
    Contents,
    changed_part,
    checked,
    contents,
    late_part,
    part_hashes,
    place_for,
    read_before,
    refused,
)
from shared.data.verdict import Problem, Verdict
from shared.effects.drawing import drawn
from shared.effects.large import check_by_run, is_with_a_run
from shared.effects.parts import Later, Parts
from shared.effects.references import fetch_beside
from shared.effects.verdicts import MODELS, Checked, checked_by_run, contract_blob, gone, tag_checking, told
from shared.events import FileGone, Outcome
from shared.files import closings
from shared.files.closings import Listing
from shared.files.keeping import DATASETS, JSON, keep_bytes, tombstone
from shared.state import Command
from shared.storage.port import BlobMissing

LOOK_AGAIN = timedelta(seconds=5)
PARTS_WITHIN = timedelta(seconds=60)
"""So long a folder without a part, or without one that its manifest lists, is looked at again before it is refused."""
CLOSING_WITHIN = timedelta(hours=1)
INLINE_PARTS = 200


@dataclass(frozen=True, slots=True)
class Closing:
    """A folder that was closed, as it was listed: where the file lies that closed it, and what is read of it."""

    container: str
    folder: str
    closed_by: str
    etag: str
    source: str
    listing: Listing
    found: Contents

    @property
    def where(self) -> str:
        """Container and name of the file that closed it: under this the folder is told of as a drop."""
        return f"{self.container}/{self.folder}/{self.closed_by}"

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        sizes = self.listing.sizes
        return sum(sizes[name] for name in self.found.parts if name in sizes)


def check_folder(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Check a closed folder as one drop. `Later` while parts are not there yet that its manifest lists, or none at all.

    Named by the ETag of the file that closed it: repeated after a crash, it reads the parts that were listed the first
    time, and writes the same content-addressed blobs again.
    """
    drop = command.payload
    container, blob, etag = drop["container"], drop["blob"], drop["etag"]
    seen = parts.blobs.look(container, blob)
    if seen is None or seen.etag != etag:
        return gone(parts, model, command, seen)
    tag_checking(parts, container, blob, etag)
    with tempfile.TemporaryDirectory(prefix="baton-folder-") as place:
        closer = Path(place) / "closer"
        try:
            parts.blobs.fetch(container, blob, closer, etag=etag)
        except BlobMissing:
            return gone(parts, model, command, parts.blobs.look(container, blob), "while it was read")
        closing = _listed(parts, model, command, closer.read_bytes(), seen.source)
        if closing is None:
            return Later(LOOK_AGAIN)
        is_large = len(closing.found.parts) > INLINE_PARTS or closing.size > parts.inline_limit
        if closing.found.refuses or not (is_large or is_with_a_run(parts, model, command)):
            try:
                return _here(parts, model, command, closing, closer)
            except TooLarge:
                pass  # the parts unpack to more
        return _by_run(parts, model, command, closing)


def _listed(parts: Parts, model: str, command: Command, closer: bytes, source: str) -> Closing | None:
    """What lies in the folder, written down the first time; None while its parts are waited for."""
    container, folder, etag = (command.payload[name] for name in ("container", "closes", "etag"))
    closed_by = str(command.payload["blob"]).rsplit("/", 1)[-1]
    record = closings.listing_blob(model, folder, etag)
    if parts.blobs.look(DATASETS, record) is None:
        seen = {one.name.removeprefix(f"{folder}/"): one for one in parts.blobs.listed(container, f"{folder}/")}
        now = Listing({name: (one.etag, one.size) for name, one in seen.items()})
        if contents(now.sizes, closed_by, closer).may_come and not _waited(parts, command):
            return None
        parts.blobs.put(DATASETS, record, now.to_json(folder), content_type=JSON)
    listing = closings.read_listing(parts.blobs, record)
    found = contents(listing.sizes, closed_by, closer)
    return Closing(container, folder, closed_by, etag, source, listing, found)


def _waited(parts: Parts, command: Command) -> bool:
    return command.asked_since is not None and parts.clock() - command.asked_since >= PARTS_WITHIN


def _here(parts: Parts, model: str, command: Command, closing: Closing, closer: Path) -> Outcome:
    """Check and keep the folder in this process; its age is that of the file that closed it."""
    stage, contract = closer.with_name("drop"), closer.with_name("contract.yaml")
    stage.mkdir()
    parts.blobs.fetch(MODELS, contract_blob(parts, model, command.payload["folder"]), contract)
    wrong = [*closing.found.problems]
    if not closing.found.refuses:
        wrong += _fetch(parts, closing, stage)
    os.utime(stage, (closer.stat().st_mtime, closer.stat().st_mtime))
    if any(problem.severity == "error" for problem in wrong):
        verdict = refused(closing.listing.sizes, wrong)
    else:
        fetch_beside(parts, model, command, stage, contract)
        sizes = closing.listing.sizes
        verdict = checked(stage, closing.found, sizes, closing.closed_by, lambda folder: parts.check(folder, contract))
    hashes = part_hashes(stage)
    verdict = _unless_read_before(parts, model, closing, verdict, hashes)
    verdict, profile = keep_bytes(parts.blobs, model, verdict, stage, closing.where)
    if verdict.accepted:
        closings.keep_parts(parts.blobs, model, closing.folder, verdict.file_sha256, hashes)
    columns = stage.with_name(PROFILE)
    charts = drawn(parts, model, columns.read_bytes() if columns.exists() else b"")
    said = closing.found.said(closing.closed_by)
    found = Checked(verdict, closing.size, contract.read_bytes(), profile, charts, said)
    return told(parts, model, command, found, closing.source)


def _fetch(parts: Parts, closing: Closing, stage: Path) -> Iterator[Problem]:
    """Fetch the parts as they were listed; each that is no longer so is a problem."""
    for name in closing.found.parts:
        blob, (etag, _) = f"{closing.folder}/{name}", closing.listing.files[name]
        try:
            parts.blobs.fetch(closing.container, blob, place_for(stage, name), etag=etag)
        except BlobMissing:
            how = "overwritten" if parts.blobs.look(closing.container, blob) else "removed"
            yield changed_part(name, how)


def _by_run(parts: Parts, model: str, command: Command, closing: Closing) -> Outcome | Later:
    """Have a run check and keep a folder that is too large, or has too many parts, for this process."""
    record = closings.listing_blob(model, closing.folder, closing.etag)
    verdict = check_by_run(parts, model, command, drop=f"closed:{record}:{closing.etag}:{closing.where}")
    if isinstance(verdict, Later):
        return verdict
    hashes = closings.parts_of(parts.blobs, model, closing.folder, verdict.file_sha256)
    verdict = _unless_read_before(parts, model, closing, verdict, hashes)
    found = checked_by_run(parts, model, command, verdict, closing.size)
    return told(parts, model, command, replace(found, said=closing.found.said(closing.closed_by)), closing.source)


def _unless_read_before(
    parts: Parts, model: str, closing: Closing, verdict: Verdict, hashes: Mapping[str, str]
) -> Verdict:
    """The verdict, or a refusal where an accepted file has some of these parts already: it was closed again, with more."""
    if not verdict.accepted:
        return verdict
    for sha256 in closings.files_of(parts.blobs, model, closing.folder):
        number = parts.book.file_number(model, sha256)
        if sha256 == verdict.file_sha256 or not number or parts.blobs.look(DATASETS, tombstone(model, sha256)):
            continue
        again = read_before(hashes, closings.parts_of(parts.blobs, model, closing.folder, sha256), number)
        if again is not None:
            return replace(verdict, accepted=False, kept=None, problems=(again, *verdict.problems))
    return verdict


def look_at_part(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Whether a part of a closed folder was read with it; one that was not came too late, and is refused."""
    drop = command.payload
    container, blob, etag, folder = drop["container"], drop["blob"], drop["etag"], drop["part_of"]
    where, name = f"{container}/{blob}", blob.removeprefix(f"{folder}/")
    seen = parts.blobs.look(container, blob)
    if seen is None or seen.etag != etag:
        return gone(parts, model, command, seen)
    stamp = parts.stamp(model, command)
    closer = parts.blobs.look(container, f"{folder}/{parts.rules(model, drop['folder']).data.closed_by}")
    known = closings.listings(parts.blobs, model, folder)
    if any(listing.files.get(name, ("", 0))[0] == etag for listing in known):
        return FileGone(**stamp, blob=where, reason="was there when its folder was closed", folder=folder)
    if closer is None:
        return FileGone(**stamp, blob=where, reason="is a part of a folder that is open again", folder=folder)
    if _is_to_be_listed(parts, model, command, closer.etag):
        return Later(LOOK_AGAIN)
    verdict = late_part(where, etag, f"{container}/{folder}")
    contract = parts.blobs.read(MODELS, contract_blob(parts, model, drop["folder"]))
    return told(parts, model, command, Checked(verdict, seen.size, contract), seen.source)


def _is_to_be_listed(parts: Parts, model: str, command: Command, closed: str) -> bool:
    """Whether the closing with the ETag `closed` was not looked at yet, which may read this part with its folder."""
    asked = command.asked_since
    if parts.blobs.look(DATASETS, closings.listing_blob(model, command.payload["part_of"], closed)) is not None:
        return False
    return asked is None or parts.clock() - asked < CLOSING_WITHIN
