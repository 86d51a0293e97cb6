"""Where drops come from: a file from a place or source that none came from before is a warning, by rule `origin`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.events import FileAccepted
from shared.folding.turn import Turn

ORIGINS_KEPT = 20
ORIGIN_ROOM = 120
NEXT = "docs/data.md#origin"
ASK_THE_SENDER = "nothing if it was meant; otherwise ask its sender, and see docs/data.md#origin"


def origin_of(blob: str, source: str) -> str:
    """Container and folder of a drop, digits alike, so that each day's folder is no new origin; with its named source.

    >>> origin_of("incoming/m/2026/03/01/a.csv", ""), origin_of("incoming/m/a.csv", "clinic-a")
    ('incoming/m/####/##/##', 'incoming/m from clinic-a')
    """
    folder = re.sub(r"\d", "#", blob.rpartition("/")[0])
    return f"{folder} from {source}"[:ORIGIN_ROOM] if source else folder[:ORIGIN_ROOM]


def changed(known: Sequence[str], blob: str, source: str) -> str:
    """What to tell of a drop whose origin is none of those known; "" if it is one, or if none is known yet.

    >>> changed(["incoming/m"], "incoming/m/by-hand/c.csv", "")
    'incoming/m/by-hand/c.csv comes from incoming/m/by-hand, the files before came from incoming/m'
    """
    origin = origin_of(blob, source)
    if not known or origin in known:
        return ""
    return f"{blob} comes from {origin}, the files before came from {', '.join(known[-3:])}"


def noted(turn: Turn, event: FileAccepted) -> None:
    """Remember the origin; warn and tell the owner if it is a new one and others are known."""
    known, origin = turn.head.origins, origin_of(event.blob, event.source)
    if origin in known:
        return
    turn.set_head(origins=(*known, origin)[-ORIGINS_KEPT:])
    why = changed(known, event.blob, event.source)
    if why:
        turn.note("origin changed", rule="origin", why=why, next=NEXT, level="warning")
        to = event.owner or turn.spec.owner
        turn.send("tell", state="origin changed", why=why, next=ASK_THE_SENDER, to=to, report=event.report)
