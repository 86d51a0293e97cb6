"""Where drops come from: a file from a place or source that none came from before is a warning, by rule `origin`."""

from __future__ import annotations

import re

from shared.events import FileAccepted
from shared.turn import Turn

ORIGINS_KEPT = 20
ORIGIN_ROOM = 120
NEXT = "docs/data.md#origin"


def origin_of(blob: str, source: str) -> str:
    """Container and folder of a drop, digits alike, so that each day's folder is no new origin; with its named source.

    >>> origin_of("incoming/m/2026/03/01/a.csv", ""), origin_of("incoming/m/a.csv", "clinic-a")
    ('incoming/m/####/##/##', 'incoming/m from clinic-a')
    """
    folder = re.sub(r"\d", "#", blob.rpartition("/")[0])
    return f"{folder} from {source}"[:ORIGIN_ROOM] if source else folder[:ORIGIN_ROOM]


def noted(turn: Turn, event: FileAccepted) -> None:
    """Remember the origin; warn if it is a new one and others are known."""
    known, origin = turn.head.origins, origin_of(event.blob, event.source)
    if origin in known:
        return
    turn.set_head(origins=(*known, origin)[-ORIGINS_KEPT:])
    if known:
        why = f"{event.blob} comes from {origin}, the files before came from {', '.join(known[-3:])}"
        turn.note("origin changed", rule="origin", why=why, next=NEXT, level="warning")
