"""Cutting dataset versions: which files are new in the one that a release reads, and which version came before.

A version is cut where its release is opened, in the fold, so each accepted file is new in exactly one: numbers up to
`head.versioned` are in a version already. A cut whose run was never started, since storage or platform did not answer,
or in time, is given back where its release ends (`Turn.end`), and the next version has those files as new ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.events import DataLanded, FileAccepted, ForgetRequested, RunStarted, VersionPinned
from shared.folding.turn import Turn
from shared.moves.stale import Stale
from shared.state import AcceptedFile, Cause, Release
from shared.table.room import cut

BECAUSE_ROOM = 300


def cut_version(turn: Turn, release: Release) -> None:
    """The files that no version has are new in this release's. One release is built at a time, so the last cut is its own."""
    before = turn.head.versioned
    turn.set_head(new_from=before + 1, versioned=max(before, release.files))


def inputs(turn: Turn, release: Release) -> dict[str, Any]:
    """What the manifest is written from."""
    because = "; ".join(f"{cause.kind} ({cause.detail})" for cause in release.causes)
    pinned = {"pinned": release.pinned} if release.pinned else {}
    return {
        **pinned,
        "files": release.files,
        "first_new_file": release.files + 1 if release.pinned else turn.head.new_from,
        "parent": turn.head.dataset,
        "cut_at": release.opened_at.isoformat(),
        "because": cut(because, BECAUSE_ROOM),
        "cut_by": cut(", ".join(dict.fromkeys(_by(cause, release) for cause in release.causes)), BECAUSE_ROOM),
    }


def _by(cause: Cause, release: Release) -> str:
    """Who or what gave a cause: a person, a monitor, or the rule of model.yaml that asked.

    Details begin with the person or the monitor, as `basket.py` writes them.
    """
    match cause.kind:
        case "data":
            return "data.batch"
        case "schedule":
            return "schedule.retrain"
        case "code":
            return release.author
        case "request":
            return cause.detail.partition(": ")[0]
        case "drift" | "performance":
            return cause.detail.partition(", ")[0]
    return f"{cause.kind} {cause.detail}"


def named(turn: Turn, event: RunStarted, release: Release | None) -> None:
    """The run reads this version: from now on it is the last one, unless a person went back to it, or nobody waits for it."""
    if event.manifest and release is not None and not release.pinned:
        turn.set_head(dataset=event.manifest)


def pinned(turn: Turn, event: VersionPinned) -> str:
    """A person says which version the next retrain reads, or that it reads the newest again."""
    if event.manifest == turn.head.pinned:
        raise Stale("the pin stands so already" if event.manifest else "no version is pinned")
    turn.set_head(pinned=event.manifest, pinned_files=event.files)
    what = f"the next retrain reads {event.manifest}" if event.manifest else "the next retrain reads the newest version"
    turn.note("dataset version pinned" if event.manifest else "pin taken off", why=f"{what}; {event.by}: {event.why}")
    return what


def take_pin(turn: Turn) -> tuple[str, int]:
    """The pin, which is used up by this, and the number of its version's last file."""
    pin, files = turn.head.pinned, turn.head.pinned_files
    turn.set_head(pinned="", pinned_files=0)
    return pin, files


def forget(turn: Turn, event: ForgetRequested) -> str:
    """A person has bytes erased. The journal gets hashes and names, with who and why."""
    counted = {name: len(event.erase.get(name, ())) for name in ("files", "quarantine", "scored")}
    if not any(counted.values()):
        raise Stale("nothing was named that could be forgotten")
    turn.send("forget", by=event.by, why=event.why, asked_at=event.at.isoformat(), **event.erase)
    told = ", ".join(f"{count} of {name}" for name, count in counted.items() if count)
    turn.note("data is to be forgotten", why=f"{told}; {event.by}: {event.why}", numbers=counted, level="warning")
    return told


def closed(turn: Turn, event: DataLanded) -> str:
    """A marker closes the batch; it is no data."""
    known = turn.head.appointments.checking
    if turn.head.next_file == turn.head.basket.first_file and not known:
        raise Stale(f"{event.blob} closes nothing: no new file is there")
    turn.set_head(basket=replace(turn.head.basket, closed_by=cut(event.blob, BECAUSE_ROOM), closed_at=turn.now))
    turn.note("batch closed", why=f"{event.blob}; {known} drops are being checked")
    return f"{event.blob} closes the batch"


def numbered(number: int, event: FileAccepted, now: datetime) -> AcceptedFile:
    """The accepted file as the model's data has it."""
    return AcceptedFile(
        number,
        event.sha256,
        event.rows,
        event.size,
        event.stored,
        event.blob,
        now,
        event.contract,
        event.contract_version,
        event.source,
        event.profile,
        event.drop_sha256,
    )
