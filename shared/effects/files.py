"""Drops: checked apart from this process, then kept under their content hash or put in quarantine with a report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.data.checking import PROFILE
from shared.data.glance import contract_version, owner_of
from shared.data.report import Extras
from shared.data.shown import shown
from shared.data.verdict import Problem, Verdict
from shared.effects.drawing import drawn
from shared.effects.large import check_by_run
from shared.effects.parts import Later, Parts
from shared.effects.references import FOLDER, fetch_references
from shared.events import CommandDone, FileAccepted, FileGone, FileRefused, Outcome
from shared.keeping import DATASETS, JSON, REPORTS, keep_bytes, keep_report, profile_blob, stored
from shared.moves import origin
from shared.names import digest
from shared.state import Command
from shared.storage.port import BlobMissing, BlobSeen

__all__ = ["DATASETS", "JSON", "MODELS", "REPORTS", "check_file", "tag_drop"]
MODELS = "models"
SAID = ("checking", "accepted", "refused")


def check_file(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Check one drop against the contract of the folder that was published when it landed.

    Named by the drop's ETag: repeated after a crash, it writes the same content-addressed blobs again. A drop above
    `inline_limit` is checked by a run on the platform.
    """
    drop = command.payload
    container, blob, etag = drop["container"], drop["blob"], drop["etag"]
    where = f"{container}/{blob}"
    seen = parts.blobs.look(container, blob)
    if seen is None or seen.etag != etag:
        reason = "removed before it was read" if seen is None else "overwritten before it was read"
        return FileGone(**parts.stamp(model, command), blob=where, reason=reason)
    _tag_checking(parts, container, blob, etag)
    if seen.size > parts.inline_limit:
        found = check_by_run(parts, model, command)
        if isinstance(found, Later):
            return found
        text = parts.blobs.read(MODELS, _contract(parts, model, drop["folder"]))
        profile = profile_blob(model, found.file_sha256)
        profile = profile if parts.blobs.look(DATASETS, profile) else ""
        charts = drawn(parts, model, parts.blobs.read(DATASETS, profile) if profile else b"")
        return _told(parts, model, command, found, seen.size, _under(text, seen, profile), owner_of(text), charts)
    with tempfile.TemporaryDirectory(prefix="baton-drop-") as folder:
        file, contract = Path(folder) / "drop", Path(folder) / "contract.yaml"
        try:
            parts.blobs.fetch(container, blob, file, etag=etag)
        except BlobMissing:
            how = "overwritten" if parts.blobs.look(container, blob) else "removed"
            return FileGone(**parts.stamp(model, command), blob=where, reason=f"{how} while it was read")
        parts.blobs.fetch(MODELS, _contract(parts, model, drop["folder"]), contract)
        fetch_references(parts, contract, file.with_name(FOLDER))
        verdict = parts.check(file, contract)
        verdict, profile = keep_bytes(parts.blobs, model, verdict, file, where)
        text = contract.read_bytes()
        under = _under(text, seen, profile)
        columns = file.with_name(PROFILE)
        charts = drawn(parts, model, columns.read_bytes() if columns.exists() else b"")
        return _told(parts, model, command, verdict, file.stat().st_size, under, owner_of(text), charts)


def _tag_checking(parts: Parts, container: str, blob: str, etag: str) -> None:
    """Say on the drop that it is looked at; a worker that comes late takes no verdict away."""
    if parts.blobs.tags_of(container, blob).get("baton") not in SAID:
        parts.blobs.tag(container, blob, {"baton": "checking"}, etag=etag, unless=SAID)


def _contract(parts: Parts, model: str, folder: str) -> str:
    return f"{model}/{folder}/{parts.rules(model, folder).data.contract}"


def _under(contract: bytes, seen: BlobSeen, profile: str) -> Mapping[str, Any]:
    """Under which contract a drop was accepted, where it says that it comes from, and where its profile is."""
    version = contract_version(contract)
    return {"contract": digest(contract), "contract_version": version, "source": seen.source, "profile": profile}


def _told(
    parts: Parts,
    model: str,
    command: Command,
    verdict: Verdict,
    size: int,
    under: Mapping[str, Any],
    owner: str,
    charts: str,
) -> Outcome:
    """The report is written, and what became of the drop is told; its bytes are kept already."""
    where, etag = f"{command.payload['container']}/{command.payload['blob']}", command.payload["etag"]
    known = command.payload.get("origins", ())
    elsewhere = tuple(_from_elsewhere(known, where, str(under["source"]))) if verdict.accepted else ()
    extras = Extras(elsewhere, charts)
    report = keep_report(parts.blobs, model, verdict, where, extras)
    stamp = parts.stamp(model, command)
    if not verdict.accepted:
        return FileRefused(**stamp, blob=where, etag=etag, summary=verdict.summary, report=report, owner=owner)
    return FileAccepted(
        **stamp,
        blob=where,
        etag=etag,
        sha256=verdict.file_sha256,
        rows=verdict.file_rows,
        size=verdict.kept.size if verdict.kept else size,
        drop_sha256=verdict.sha256 if verdict.kept else "",
        refused_rows=verdict.refused_rows,
        owner=owner,
        stored=stored(model, verdict, where),
        report=report,
        warnings=len(verdict.problems),
        **under,
    )


def _from_elsewhere(known: Sequence[str], where: str, source: str) -> Iterator[Problem]:
    """The warning that no file came from there before; who tells the owner is the fold (`shared/moves/origin.py`)."""
    why = origin.changed(known, where, source)
    if why:
        yield Problem("origin", "", 0, (), (), shown(why, 400), origin.ASK_THE_SENDER, "warning")


def tag_drop(parts: Parts, model: str, command: Command) -> Outcome:
    """Write the verdict on the drop as index tags. A drop that is gone or overwritten keeps what it has."""
    container, blob = command.payload["blob"].split("/", 1)
    tags = {"baton": command.payload["verdict"]}
    tags |= {name: command.payload[name] for name in ("version", "report") if command.payload.get(name)}
    done = parts.blobs.tag(container, blob, tags, etag=command.payload["etag"])
    detail = "" if done else f"{blob} is gone or overwritten, so it carries no verdict"
    return CommandDone(**parts.stamp(model, command), name="tag_drop", detail=detail)
