"""Having what landed checked: one command for a drop, for a folder that was closed, and for a part that came late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.events import DataLanded
from shared.folding.turn import Turn
from shared.moves import appointments

EMPTY_GRACE = timedelta(seconds=5)
"""So long an empty file has to be completed before it is looked at."""


def check(turn: Turn, event: DataLanded, *, after: timedelta = timedelta(0), **of: str) -> None:
    """Ask for the check of what landed; `of` says what else it is: the folder that it closes, or that it came late to.

    A drop of a model that serves is held against what it answered.
    """
    answers: Mapping[str, Any] = {"answers": True} if turn.head.champion is not None else {}
    turn.send(
        "check_file",
        after=after,
        container=event.container,
        blob=event.blob,
        etag=event.etag,
        size=event.size,
        folder=turn.head.folder,
        origins=list(turn.head.origins),
        **answers,
        **of,
    )
    appointments.checking(turn, 1)
