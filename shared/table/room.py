"""How much text a row has room for, counted in its stored form: JSON in ASCII, where a sign beyond ASCII takes 6 or 12.

A table row holds 30,000 characters. A journal line holds one event and what was said of it, so both are bounded:
events are refused or kept as a blob where they begin, sentences are cut where they are written.
"""

from __future__ import annotations

import json

EVENT_ROOM = 16 * 1024
LINE_ROOM = 28 * 1024
TEXT_ROOM = 700
CUT = "\u2026"


def stored_size(value: object) -> int:
    """Characters that a JSON value takes in a row.

    >>> stored_size("aä")
    9
    """
    return len(json.dumps(value, separators=(",", ":")))


def cut(text: str, room: int = TEXT_ROOM) -> str:
    """The text, or as much of its beginning as has room, with a sign that it goes on.

    >>> cut("a" * 30, room=12)
    'aaaaaa…'
    """
    if stored_size(text) - 2 <= room:
        return text
    low, high = 0, room
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if stored_size(text[:middle]) + 4 <= room else (low, middle - 1)
    return text[:low] + CUT
