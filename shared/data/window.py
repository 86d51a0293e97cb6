"""What a dataset version holds: `all` files, those of the `last` days or rows, or only the `batch` that is new. Pure.

Whole files, by the moment in which they were accepted. A file that is new to the version is always in it, whatever the
window says: the window bounds what is carried over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.state import AcceptedFile

ALL, BATCH = "all", "batch"
LAST = re.compile(r"last: ?(?P<count>[1-9][0-9]{0,11}) ?(?P<unit>d|h|rows)")
WORDS = 'all, batch, "last: 90d", "last: 48h" or "last: 500000 rows"'


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment of a cut: `files` is the number of the last accepted file, those from `new_from` on are in no version yet.

    `before` are the hashes of the version before.
    """

    files: int
    new_from: int
    at: datetime
    before: frozenset[str] = frozenset()


def is_window(text: str) -> bool:
    """Whether a text names a window.

    >>> [is_window(text) for text in ("all", "batch", "last: 90d", "last: 500000 rows", "last: 0d", "most")]
    [True, True, True, True, False, False]
    """
    return text in (ALL, BATCH) or LAST.fullmatch(text) is not None


def held(window: str, files: Sequence[AcceptedFile], cut: Cut) -> tuple[AcceptedFile, ...]:
    """The files that a version cut now holds, by number. `files` are all accepted ones that are not forgotten."""
    known = sorted((file for file in files if file.number <= cut.files), key=lambda file: file.number)
    new = {file.number for file in known if file.number >= cut.new_from}
    carried = _carried(window, known, cut, has_new=bool(new))
    return tuple(file for file in known if file.number in new or carried(file))


def _carried(window: str, known: Sequence[AcceptedFile], cut: Cut, *, has_new: bool) -> Callable[[AcceptedFile], bool]:
    last = LAST.fullmatch(window)
    if window == BATCH:  # where nothing is new it is the version before once more
        return lambda file: not has_new and (not cut.before or file.sha256 in cut.before)
    if last is None:
        return lambda file: True
    count = int(last["count"])
    if last["unit"] == "rows":
        kept = _newest(known, count, cut.new_from)
        return lambda file: file.number in kept
    since = cut.at - timedelta(**{"days" if last["unit"] == "d" else "hours": count})
    return lambda file: file.at >= since


def _newest(known: Sequence[AcceptedFile], rows: int, new_from: int) -> frozenset[int]:
    """Numbers of the newest carried files that fit in `rows` beside the new ones: at the first that does not, it ends."""
    taken, kept = sum(file.rows for file in known if file.number >= new_from), set()
    for file in reversed([file for file in known if file.number < new_from]):
        taken += file.rows
        if taken > rows:
            break
        kept.add(file.number)
    return frozenset(kept)
