"""What a check of a drop found, told: the report is written, and the outcome says what became of the drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.data.glance import contract_version, owner_of
from shared.data.report import Extras
from shared.data.shown import shown
from shared.data.verdict import Problem, Verdict
from shared.effects.drawing import drawn
from shared.effects.parts import Parts
from shared.events import FileAccepted, FileGone, FileRefused, Outcome
from shared.files.keeping import DATASETS, keep_report, profile_blob, stored
from shared.moves import origin
from shared.names import digest
from shared.state import Command
from shared.storage.port import BlobSeen

MODELS = "models"
SAID = ("checking", "accepted", "refused")


@dataclass(frozen=True, slots=True)
class Checked:
    """A verdict whose bytes are kept already, with the drop's size, the contract's text, the profile's blob ("" without one),
    the report's charts, and what it says besides.
    """

    verdict: Verdict
    size: int
    contract: bytes
    profile: str = ""
    charts: str = ""
    said: str = ""


def tag_checking(parts: Parts, container: str, blob: str, etag: str) -> None:
    """Say on the drop that it is looked at; a worker that comes late takes no verdict away."""
    if parts.blobs.tags_of(container, blob).get("baton") not in SAID:
        parts.blobs.tag(container, blob, {"baton": "checking"}, etag=etag, unless=SAID)


def contract_blob(parts: Parts, model: str, folder: str) -> str:
    """The contract of a published folder, in container `models`."""
    return f"{model}/{folder}/{parts.rules(model, folder).data.contract}"


def gone(
    parts: Parts, model: str, command: Command, seen: BlobSeen | None, when: str = "before it was read"
) -> Outcome:
    """The drop is not what its event was about any more: removed, or written over, as what is `seen` now tells."""
    reason = f"{'removed' if seen is None else 'overwritten'} {when}"
    where = f"{command.payload['container']}/{command.payload['blob']}"
    return FileGone(**parts.stamp(model, command), blob=where, reason=reason)


def checked_by_run(parts: Parts, model: str, command: Command, verdict: Verdict, size: int) -> Checked:
    """What a run found, with the contract that it went by and the profile that it left."""
    contract = parts.blobs.read(MODELS, contract_blob(parts, model, command.payload["folder"]))
    profile = profile_blob(model, verdict.file_sha256)
    profile = profile if parts.blobs.look(DATASETS, profile) else ""
    charts = drawn(parts, model, parts.blobs.read(DATASETS, profile) if profile else b"")
    return Checked(verdict, size, contract, profile, charts)


def told(parts: Parts, model: str, command: Command, checked: Checked, source: str) -> Outcome:
    """Write the report, and say what became of the drop, which came from `source` as its sender says."""
    verdict, owner = checked.verdict, owner_of(checked.contract)
    where, etag = f"{command.payload['container']}/{command.payload['blob']}", command.payload["etag"]
    known = command.payload.get("origins", ())
    elsewhere = tuple(_from_elsewhere(known, where, source)) if verdict.accepted else ()
    extras = Extras(elsewhere, checked.charts, checked.said)
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
        size=verdict.kept.size if verdict.kept else checked.size,
        drop_sha256=verdict.sha256 if verdict.kept else "",
        refused_rows=verdict.refused_rows,
        owner=owner,
        stored=stored(model, verdict, where),
        report=report,
        warnings=len(verdict.problems),
        contract=digest(checked.contract),
        contract_version=contract_version(checked.contract),
        source=source,
        profile=checked.profile,
    )


def _from_elsewhere(known: Sequence[str], where: str, source: str) -> Iterator[Problem]:
    """The warning that no file came from there before; who tells the owner is the fold (`shared/moves/origin.py`)."""
    why = origin.changed(known, where, source)
    if why:
        yield Problem("origin", "", 0, (), (), shown(why, 400), origin.ASK_THE_SENDER, "warning")
