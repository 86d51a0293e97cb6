"""Drops: checked apart from this process, then kept under their content hash or put in quarantine with a report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from shared.data.checking import PROFILE, TooLarge
from shared.effects.drawing import drawn
from shared.effects.folders import check_folder, look_at_part
from shared.effects.large import check_by_run, is_with_a_run
from shared.effects.parts import Later, Parts
from shared.effects.references import fetch_beside
from shared.effects.verdicts import MODELS, Checked, checked_by_run, contract_blob, gone, tag_checking, told
from shared.events import CommandDone, Outcome
from shared.files.keeping import DATASETS, JSON, REPORTS, keep_bytes
from shared.state import Command
from shared.storage.port import BlobMissing, BlobSeen

__all__ = ["DATASETS", "JSON", "MODELS", "REPORTS", "check_file", "tag_drop"]


def check_file(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Check one drop against the contract of the folder that was published when it landed.

    Named by the drop's ETag: repeated after a crash, it writes the same content-addressed blobs again. A drop above
    `inline_limit`, or one that unpacks to more, is checked by a run on the platform. The file that closes a folder stands for
    all parts in it.
    """
    drop = command.payload
    if drop.get("closes"):
        return check_folder(parts, model, command)
    if drop.get("part_of"):
        return look_at_part(parts, model, command)
    container, blob, etag = drop["container"], drop["blob"], drop["etag"]
    seen = parts.blobs.look(container, blob)
    if seen is None or seen.etag != etag:
        return gone(parts, model, command, seen)
    tag_checking(parts, container, blob, etag)
    if seen.size <= parts.inline_limit and not is_with_a_run(parts, model, command):
        try:
            return _check_here(parts, model, command, seen)
        except TooLarge:
            pass  # it unpacks to more
    by_run = check_by_run(parts, model, command, drop=f"drop:{etag}:{container}/{blob}")
    if isinstance(by_run, Later):
        return by_run
    return told(parts, model, command, checked_by_run(parts, model, command, by_run, seen.size), seen.source)


def _check_here(parts: Parts, model: str, command: Command, seen: BlobSeen) -> Outcome:
    drop = command.payload
    container, blob = drop["container"], drop["blob"]
    with tempfile.TemporaryDirectory(prefix="baton-drop-") as folder:
        file, contract = Path(folder) / "drop", Path(folder) / "contract.yaml"
        try:
            parts.blobs.fetch(container, blob, file, etag=seen.etag)
        except BlobMissing:
            return gone(parts, model, command, parts.blobs.look(container, blob), "while it was read")
        parts.blobs.fetch(MODELS, contract_blob(parts, model, drop["folder"]), contract)
        fetch_beside(parts, model, command, file, contract)
        verdict = parts.check(file, contract)
        verdict, profile = keep_bytes(parts.blobs, model, verdict, file, f"{container}/{blob}")
        columns = file.with_name(PROFILE)
        charts = drawn(parts, model, columns.read_bytes() if columns.exists() else b"")
        found = Checked(verdict, file.stat().st_size, contract.read_bytes(), profile, charts)
        return told(parts, model, command, found, seen.source)


def tag_drop(parts: Parts, model: str, command: Command) -> Outcome:
    """Write the verdict on the drop as index tags. A drop that is gone or overwritten keeps what it has."""
    container, blob = command.payload["blob"].split("/", 1)
    tags = {"baton": command.payload["verdict"]}
    tags |= {name: command.payload[name] for name in ("version", "report") if command.payload.get(name)}
    done = parts.blobs.tag(container, blob, tags, etag=command.payload["etag"])
    detail = "" if done else f"{blob} is gone or overwritten, so it carries no verdict"
    return CommandDone(**parts.stamp(model, command), name="tag_drop", detail=detail)
