"""Cutting dataset versions: which files are new in the one that a release reads, and which version came before.

A version is cut where its release is opened, in the fold, so each accepted file is new in exactly one: numbers up to
`head.versioned` are in a version already. A cut whose run was never started, since storage or platform did not answer,
is given back, and the next version has those files as new ones.
"""

from __future__ import annotations

from typing import Any

from shared.events import CommandFailed, RunStarted
from shared.room import cut
from shared.state import Release
from shared.turn import Turn

BECAUSE_ROOM = 300


def cut_version(turn: Turn, release: Release) -> None:
    """The files that no version has are new in this release's. One release is built at a time, so the last cut is its own."""
    before = turn.head.versioned
    turn.set_head(new_from=before + 1, versioned=max(before, release.files))


def inputs(turn: Turn, release: Release) -> dict[str, Any]:
    """What the manifest is written from."""
    because = "; ".join(f"{cause.kind} ({cause.detail})" for cause in release.causes)
    return {
        "files": release.files,
        "first_new_file": turn.head.new_from,
        "parent": turn.head.dataset,
        "cut_at": release.opened_at.isoformat(),
        "because": cut(because, BECAUSE_ROOM),
    }


def named(turn: Turn, event: RunStarted) -> None:
    """The run reads this version: from now on it is the last one."""
    if event.manifest:
        turn.set_head(dataset=event.manifest)


def give_back(turn: Turn, event: CommandFailed, release: Release | None) -> None:
    """No run reads the version of a release whose start was given up: its files are new in the next one."""
    if event.name != "start_run" or release is None or release.manifest or turn.head.versioned != release.files:
        return
    turn.set_head(versioned=turn.head.new_from - 1)
