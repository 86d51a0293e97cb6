"""Forgetting: tombstones first, then the bytes, one blob after the other; a repeat after a crash goes on where it was."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.data.folders import content_hash
from shared.effects.parts import Parts
from shared.errors import Permanent
from shared.events import CommandDone, Outcome
from shared.files import closings
from shared.files.folder_names import folder_of
from shared.files.keeping import DATASETS, JSON, QUARANTINE, REPORTS, tombstone
from shared.names import digest
from shared.state import AcceptedFile, Command
from shared.storage.port import BlobMissing, BlobSeen

SCORED = "scored"
PLACE = 16  # characters of the bytes' hash in a place of quarantine


def forget(parts: Parts, model: str, command: Command) -> Outcome:
    """Erase what the command names: accepted files with their reports, drops in quarantine, collected requests and labels.

    A file's tombstone stands before its bytes go, so that whoever finds them missing knows why, and whoever stores them
    again meanwhile takes them away again (`shared/files/keeping.py`). The drop itself goes where it still has the same bytes.
    """
    what = command.payload
    files = [_file(parts, model, sha256) for sha256 in what.get("files", ())]
    for file in files:
        stone = {"v": 1, "sha256": file.sha256, "rows": file.rows, "bytes": file.size, "number": file.number}
        told = {**stone, "at": what["asked_at"], "by": what["by"], "why": what["why"], "command": command.number}
        parts.blobs.put(DATASETS, tombstone(model, file.sha256), json.dumps(told).encode(), content_type=JSON)
    # copies go before what they are found by, so that a repeat after a crash finds the rest
    erased = sum(_erase_refused(parts, model, place) for place in what.get("quarantine", ()))
    erased += sum(parts.blobs.remove(container, name) for container, name in _blobs(parts, model, command, files))
    erased += sum(_erase_drop(parts, drop, sha256) for file in files for drop, sha256 in _drops(parts, model, file))
    detail = f"{erased} blobs erased, {len(files)} tombstones"
    return CommandDone(**parts.stamp(model, command), name="forget", detail=detail)


def _file(parts: Parts, model: str, sha256: str) -> AcceptedFile:
    number = parts.book.file_number(model, sha256)
    found = parts.book.file(model, number) if number else None
    if found is None:
        raise Permanent(f"{model} never accepted a file {sha256[:80]}", next=f"`baton data show {model}` lists them")
    return found


def _blobs(parts: Parts, model: str, command: Command, files: list[AcceptedFile]) -> Iterator[tuple[str, str]]:
    """Every blob to be erased but the drops in their sources; a name outside the model's prefix is refused."""
    for file in files:
        yield DATASETS, file.stored
        dropped = (file.drop_sha256 or file.sha256)[:PLACE]
        yield from ((REPORTS, f"{model}/drops/{dropped}/report.{kind}") for kind in ("html", "json"))
        yield from ((QUARANTINE, name) for name in parts.blobs.names(QUARANTINE, f"{model}/{dropped}-"))
        if file.profile:
            yield DATASETS, file.profile
    for place in command.payload.get("quarantine", ()):
        _check_own(model, place)
        yield from ((QUARANTINE, name) for name in parts.blobs.names(QUARANTINE, f"{place}/"))
    for name in command.payload.get("scored", ()):
        _check_own(model, name)
        yield SCORED, name


def _drops(parts: Parts, model: str, file: AcceptedFile) -> Iterator[tuple[str, str]]:
    """Where the file's bytes came from, each place with the hash that they had there: the drop, or every part of a folder."""
    folder = folder_of(file.blob.partition("/")[2])
    made_of = closings.parts_of(parts.blobs, model, folder, file.sha256) if folder else {}
    if made_of:
        yield from ((f"{file.blob.rpartition('/')[0]}/{name}", sha256) for name, sha256 in made_of.items())
    else:
        yield file.blob, file.drop_sha256 or file.sha256


def _check_own(model: str, name: str) -> None:
    if not name.startswith(f"{model}/") or ".." in name.split("/"):
        raise Permanent(f"{name[:200]!r} is nothing of {model}", next="name blobs of the model only")


def _erase_refused(parts: Parts, model: str, place: str) -> int:
    """The drop that was refused, where it still lies in the default source: a place is named by its bytes and its name.

    Of a folder, every part that lies in quarantine goes, where the source has the same bytes under its name.
    """
    _check_own(model, place)
    sha256, _, named = place.rsplit("/", 1)[-1].partition("-")
    erased = 0
    for name in list(parts.blobs.names("incoming", f"{model}/")):
        if digest(f"incoming/{name}")[:8] == named:
            erased += _erase_parts(parts, place, folder_of(name)) if folder_of(name) else 0
            erased += _erase_drop(parts, f"incoming/{name}", sha256)
    return erased


def _erase_parts(parts: Parts, place: str, folder: str) -> int:
    refused = {name.removeprefix(f"{place}/drop-"): name for name in parts.blobs.names(QUARANTINE, f"{place}/drop-")}
    with tempfile.TemporaryDirectory(prefix="baton-forget-") as work:
        copy = Path(work) / "part"
        erased = 0
        for name, kept in refused.items():
            parts.blobs.fetch(QUARANTINE, kept, copy)
            erased += _erase_drop(parts, f"incoming/{folder}/{name}", content_hash(copy))
        return erased


def _erase_drop(parts: Parts, drop: str, sha256: str) -> int:
    """Erase a drop if its bytes' hash begins so; one that was written over since is somebody's new drop and stays.

    What storage keeps of the name beside that goes in any case: each of these states was a drop that was written over or taken away.
    """
    container, _, name = drop.partition("/")
    if not name:
        return 0
    seen = parts.blobs.look(container, name)
    if seen is not None and _begins_so(parts, container, seen, sha256):
        return int(parts.blobs.remove(container, name, etag=seen.etag))
    return parts.blobs.erase_earlier(container, name)


def _begins_so(parts: Parts, container: str, seen: BlobSeen, sha256: str) -> bool:
    """Whether the drop that was seen is still there and its bytes' hash begins like this one."""
    with tempfile.TemporaryDirectory(prefix="baton-forget-") as folder:
        copy = Path(folder) / "drop"
        try:
            parts.blobs.fetch(container, seen.name, copy, etag=seen.etag)
        except BlobMissing:
            return False
        with copy.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest().startswith(sha256[:PLACE])
