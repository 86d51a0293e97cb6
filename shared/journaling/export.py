"""What an auditor gets: every decision with its evidence, and who read what. It can be checked with SHA-256 and nothing else.

The first record says what the file is and how to check it; then one record for each journal line, one for each document
that the lines name, and one for each read that was logged. `text` is the line exactly as it was written: its SHA-256 is
`hash`, and the next line's text names it as `prev`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from shared import events, names
from shared.journaling.audit import Entry
from shared.journaling.inspection import Inspected
from shared.storage.port import BlobMissing, Blobs

ACCESS = "access"
EVIDENCE_FIELDS = ("report", "stored", "manifest")
CONTAINERS = ("reports", "quarantine", "datasets", "models")
ACTORS = {"world": "an event", "outcome": "Baton", "time": "the clock", "ledger": "Baton"}
HOW = (
    "sha256(text) of each line is its hash; the text of the next line names it as prev; the first line's prev is empty. "
    "A document's sha256 is that of the blob's bytes at the time of this export."
)
Record = dict[str, Any]


def records(inspected: Inspected, blobs: Blobs, *, by: str, at: datetime) -> list[Record]:
    """All records, the one about the file first."""
    told = [_line(entry) for entry in inspected.texts]
    named = dict.fromkeys(where for line in told for where in line["evidence"])
    documents = [_document(blobs, where) for where in named]
    known = {document["where"]: document["sha256"] for document in documents}
    for line in told:
        line["evidence"] = [{"where": where, "sha256": known[where]} for where in line["evidence"]]
    reads = list(_reads(blobs, inspected.model))
    about: Record = {
        "record": "about",
        "model": inspected.model,
        "exported_at": at.isoformat(),
        "exported_by": by,
        "lines": inspected.lines,
        "hash": inspected.hash,
        "segments": list(inspected.segments),
        "documents": len(documents),
        "reads": len(reads),
        "holds": inspected.fault is None,
        "fault": str(inspected.fault) if inspected.fault else "",
        "how_to_check": HOW,
    }
    return [about, *told, *documents, *reads]


def _line(entry: Entry) -> Record:
    try:
        found: Mapping[str, Any] = json.loads(entry.text)
        event: Mapping[str, Any] = found["event"]
        notes = found.get("notes", [])
    except (ValueError, KeyError, TypeError):
        return {"record": "line", "where": entry.place, "unreadable": True, "evidence": [], **_exact(entry)}
    kind = events.KINDS.get(str(event.get("kind", "")))
    return {
        "record": "line",
        "n": found.get("n"),
        "when": found.get("at"),
        "who": event.get("by") or ACTORS.get(kind.family if kind else "", "Baton"),
        "what": event.get("kind"),
        "answer": found.get("answer"),
        "why": found.get("why"),
        "asked_why": event.get("why", ""),
        "release": found.get("release") or event.get("release", ""),
        "states": found.get("states", {}),
        "decided": notes,
        "evidence": list(_evidence(event)),
        "where": entry.place,
        **_exact(entry),
    }


def _exact(entry: Entry) -> Record:
    return {"hash": names.digest(entry.text), "text": entry.text}


def _evidence(event: Mapping[str, Any]) -> Iterator[str]:
    """The blobs that an event names: reports, stored files, manifests, the folder that was published."""
    for name in (*EVIDENCE_FIELDS, "evidence", "certificate", "blob"):
        where = event.get(name)
        if isinstance(where, str) and where:
            full = where if where.split("/", 1)[0] in (*CONTAINERS, "journal", "incoming") else f"datasets/{where}"
            yield full


def _document(blobs: Blobs, where: str) -> Record:
    container, _, name = where.partition("/")
    try:
        content = blobs.read(container, name)
    except BlobMissing:
        return {"record": "document", "where": where, "sha256": "", "bytes": 0, "gone": True}
    return {"record": "document", "where": where, "sha256": names.digest(content), "bytes": len(content), "gone": False}


def _reads(blobs: Blobs, model: str) -> Iterator[Record]:
    """The logged reads of this model's pages; reads of all models' lists name none and are not among them."""
    for name in sorted(blobs.names(ACCESS, "")):
        for text in blobs.read(ACCESS, name).decode(errors="replace").splitlines():
            try:
                found: Mapping[str, Any] = json.loads(text)
            except ValueError:
                continue
            if found.get("model") == model:
                yield {"record": "read", **found}


def lines(found: Iterable[Record]) -> str:
    """JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in found)


def readable(found: Iterable[Record]) -> str:
    """The same for reading: one sentence a record."""
    return "".join(_sentence(record) + "\n" for record in found)


def _sentence(record: Record) -> str:
    kind = record["record"]
    if kind == "about":
        holds = "the journal holds" if record["holds"] else f"THE JOURNAL DOES NOT HOLD: {record['fault']}"
        return (
            f"{record['model']}, exported {record['exported_at']} by {record['exported_by']}: "
            f"{record['lines']} lines to hash {record['hash']}; {holds}"
        )
    if kind == "document":
        return f"document {record['where']}  sha256 {record['sha256'] or 'gone'}  {record['bytes']} bytes"
    if kind == "read":
        return f"{record['at']}  {record['by'] or 'nobody signed in'} read {record['path']}"
    if record.get("unreadable"):
        return f"unreadable line in {record['where']}  hash {record['hash']}"
    told = "; ".join(f"{note['what']}: {note.get('why', '')}" for note in record["decided"]) or record["why"]
    grounds = ", ".join(f"{one['where']} (sha256 {one['sha256'][:16] or 'gone'})" for one in record["evidence"])
    about = f" {record['release']}" if record["release"] else ""
    ends = f"  evidence: {grounds}" if grounds else ""
    asked = f' ("{record["asked_why"]}")' if record["asked_why"] else ""
    return f"{record['n']:>6}  {record['when']}  {record['who']}{asked}: {record['what']}{about} {record['answer']}: {told}{ends}"
