"""Drops: checked apart from this process, then kept under their content hash or put in quarantine with a report."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath

from shared.data.report import to_html, to_json
from shared.data.verdict import Verdict
from shared.effects.parts import Parts
from shared.events import CommandDone, FileAccepted, FileGone, FileRefused, Outcome
from shared.names import digest
from shared.state import Command
from shared.storage.port import BlobMissing

DATASETS, QUARANTINE, REPORTS, MODELS = "datasets", "quarantine", "reports", "models"
ENDING = re.compile(r"\.[a-z][a-z0-9]{0,7}")
NAME_KEPT = 200
HTML, JSON, BYTES = "text/html; charset=utf-8", "application/json", "application/octet-stream"


def check_file(parts: Parts, model: str, command: Command) -> Outcome:
    """Check one drop against the contract of the folder that was published when it landed.

    Named by the drop's ETag: repeated after a crash, it writes the same content-addressed blobs again.
    """
    drop = command.payload
    container, blob, etag = drop["container"], drop["blob"], drop["etag"]
    where = f"{container}/{blob}"
    seen = parts.blobs.look(container, blob)
    if seen is None or seen.etag != etag:
        reason = "removed before it was read" if seen is None else "overwritten before it was read"
        return FileGone(**parts.stamp(model, command), blob=where, reason=reason)
    if seen.size > parts.inline_limit:
        summary = f"{seen.size} bytes, at most {parts.inline_limit} are checked in one file: split it"
        return FileRefused(**parts.stamp(model, command), blob=where, etag=etag, summary=summary, report="")
    with tempfile.TemporaryDirectory(prefix="baton-drop-") as folder:
        file, contract = Path(folder) / "drop", Path(folder) / "contract.yaml"
        try:
            parts.blobs.fetch(container, blob, file, etag=etag)
        except BlobMissing:
            how = "overwritten" if parts.blobs.look(container, blob) else "removed"
            return FileGone(**parts.stamp(model, command), blob=where, reason=f"{how} while it was read")
        spec = parts.rules(model, drop["folder"])
        parts.blobs.fetch(MODELS, f"{model}/{drop['folder']}/{spec.data.contract}", contract)
        verdict = parts.check(file, contract)
        return _keep(parts, model, command, verdict, file, where)


def _keep(parts: Parts, model: str, command: Command, verdict: Verdict, file: Path, where: str) -> Outcome:
    etag = command.payload["etag"]
    if not verdict.accepted:
        report = _quarantine(parts, model, verdict, file, where)
        summary = verdict.summary
        return FileRefused(**parts.stamp(model, command), blob=where, etag=etag, summary=summary, report=report)
    stored = f"{model}/files/{verdict.sha256}{_ending(where)}"
    parts.blobs.put(DATASETS, stored, file, content_type=BYTES)
    report = _report(parts, REPORTS, f"{model}/drops/{verdict.sha256[:16]}", verdict, where)
    return FileAccepted(
        **parts.stamp(model, command),
        blob=where,
        etag=etag,
        sha256=verdict.sha256,
        rows=verdict.rows,
        size=file.stat().st_size,
        stored=stored,
        report=report,
        warnings=len(verdict.problems),
    )


def _quarantine(parts: Parts, model: str, verdict: Verdict, file: Path, where: str) -> str:
    """The refused bytes and their report side by side, under the bytes' hash and the drop's name.

    `drop-` keeps a drop that is called report.html apart from its report.
    """
    place = f"{model}/{verdict.sha256[:16]}-{digest(where)[:8]}"
    name = PurePosixPath(where).name[-NAME_KEPT:]
    parts.blobs.put(QUARANTINE, f"{place}/drop-{name}", file, content_type=BYTES)
    return _report(parts, QUARANTINE, place, verdict, where)


def _report(parts: Parts, container: str, place: str, verdict: Verdict, where: str) -> str:
    parts.blobs.put(container, f"{place}/report.json", to_json(verdict).encode(), content_type=JSON)
    page = to_html(verdict, title=where).encode()
    parts.blobs.put(container, f"{place}/report.html", page, content_type=HTML)
    return f"{container}/{place}/report.html"


def _ending(name: str) -> str:
    """The file's endings as they say how it is to be read: .csv, .csv.gz, .jsonl, .parquet; others are left out."""
    return "".join(ending for ending in PurePosixPath(name.lower()).suffixes[-2:] if ENDING.fullmatch(ending))


def tag_drop(parts: Parts, model: str, command: Command) -> Outcome:
    """Write the verdict on the drop as index tags. A drop that is gone or overwritten keeps what it has."""
    container, blob = command.payload["blob"].split("/", 1)
    tags = {"baton": command.payload["verdict"]}
    tags |= {name: command.payload[name] for name in ("version", "report") if command.payload.get(name)}
    done = parts.blobs.tag(container, blob, tags, etag=command.payload["etag"])
    detail = "" if done else f"{blob} is gone or overwritten, so it carries no verdict"
    return CommandDone(**parts.stamp(model, command), name="tag_drop", detail=detail)
