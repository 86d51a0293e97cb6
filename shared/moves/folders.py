"""Folders of parts (`data.closed_by`): parts are heard and wait, the file that closes their folder has it checked.

The head knows the folders that were closed last, by hash, so that a part that comes afterwards is looked at. A folder that was
refused is open again: its sender mends it, and closes it once more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.events import DataLanded
from shared.files.folder_names import above_partitions, folder_of, is_beside, is_manifest
from shared.folding.turn import Turn
from shared.moves.checking import EMPTY_GRACE, check
from shared.moves.stale import Stale
from shared.names import digest
from shared.state import Head
from shared.table.room import cut

CLOSED_KEPT, OPEN_KEPT, NAME_ROOM = 100, 20, 160
OPEN_WITHIN = timedelta(hours=24)
KEY = 16
LATE_GRACE = timedelta(seconds=10)


def is_of_folder(turn: Turn, event: DataLanded) -> bool:
    """Whether what landed is a part of a folder, or closes one, and no drop by itself."""
    return bool(turn.spec.data.closed_by) and (bool(folder_of(event.blob)) or _is_special(turn, event.blob))


def _is_special(turn: Turn, blob: str) -> bool:
    name = blob.split("/", 1)[-1]
    return name == turn.spec.data.closed_by or is_beside(name)


def landed(turn: Turn, event: DataLanded) -> str:
    """A part is heard, or a folder is closed. What writers put beside the parts is not read."""
    folder, inside = folder_of(event.blob), event.blob.split("/", 1)[-1]
    closed_by = turn.spec.data.closed_by
    if event.blob.rsplit("/", 1)[-1] == closed_by:
        if not folder:
            raise Stale(f"{event.blob} closes no folder: write parts and {closed_by} into one below {turn.head.model}/")
        return _closed(turn, event, folder)
    if is_beside(inside):
        raise Stale(f"{event.blob} lies beside the parts and is not read")
    late_for = next((one for one in _above(folder) if _key(one) in turn.head.closed), "")
    if late_for:
        check(turn, event, after=LATE_GRACE, part_of=late_for)
        turn.note("part heard", why=f"{event.blob}, {event.size} bytes; its folder was closed before")
        return f"{event.blob} is looked at: its folder was closed before"
    _waits(turn, above_partitions(folder) or folder)
    turn.note("part heard", why=f"{event.blob}, {event.size} bytes, is a part of an open folder")
    return f"{event.blob} waits for {folder}/{closed_by}"


def _closed(turn: Turn, event: DataLanded, folder: str) -> str:
    _know(turn, folder)
    for one in {folder, above_partitions(folder)}:
        _forget(turn, one)
    after = EMPTY_GRACE if event.size == 0 and is_manifest(turn.spec.data.closed_by) else timedelta(0)
    check(turn, event, after=after, closes=folder)
    turn.note("folder closed", why=f"{event.blob}")
    return f"{folder} is to be checked"


def _waits(turn: Turn, folder: str) -> None:
    """From now on the folder may stay open so long; the head has room for so many, and the oldest gives way to a new one."""
    _forget(turn, folder)
    waiting = turn.head.open
    if len(waiting) >= OPEN_KEPT:
        why = f"{waiting[0][1]} is open since {waiting[0][2].isoformat(timespec='minutes')}, and others came after it"
        turn.note("open folder no longer watched", why=why, next=_todo(turn), level="warning")
    turn.set_head(open=(*waiting[-OPEN_KEPT + 1 :], (_key(folder), cut(folder, NAME_ROOM), turn.now)))


def _forget(turn: Turn, folder: str) -> None:
    turn.set_head(open=tuple(one for one in turn.head.open if one[0] != _key(folder)))


def close_by(head: Head) -> datetime | None:
    """When the first open folder is to be told of; None if none is open."""
    return min(at for _, _, at in head.open) + OPEN_WITHIN if head.open else None


def left_open(turn: Turn) -> str:
    """Parts came and nothing closed their folder: nobody reads them, so the owner is told, once."""
    over = [one for one in turn.head.open if one[2] + OPEN_WITHIN <= turn.now]
    turn.set_head(open=tuple(one for one in turn.head.open if one not in over))
    for _, folder, at in over:
        why = (
            f"{folder} has parts, the last of {at.isoformat(timespec='minutes')}, and was not closed: nobody reads them"
        )
        turn.note("folder left open", rule="data.closed_by", why=why, next=_todo(turn), level="warning")
        turn.send("tell", state="folder left open", why=why, next=_todo(turn))
    return ", ".join(folder for _, folder, _ in over) or "no folder is open any more"


def _todo(turn: Turn) -> str:
    closer = turn.spec.data.closed_by or "its marker"
    return f"look at the job that writes it; write {closer} into it, again if it is there (its event was lost), or remove the parts"


def postponed(turn: Turn, slept: timedelta) -> None:
    """After a pause: what could not be heard is not missed yet."""
    turn.set_head(open=tuple((key, name, at + slept) for key, name, at in turn.head.open))


def accepted(turn: Turn, where: str) -> None:
    """A drop was accepted; if it is a folder, no part may come any more."""
    folder = _closing(turn, where)
    if folder:
        _know(turn, folder)


def not_accepted(turn: Turn, where: str) -> None:
    """A drop was refused or is gone; if it is a folder, it is open again."""
    folder = _closing(turn, where)
    if folder:
        turn.set_head(closed=tuple(key for key in turn.head.closed if key != _key(folder)))


def _closing(turn: Turn, where: str) -> str:
    """The folder that the blob `where` (with its container) closes; "" if it closes none."""
    blob = where.split("/", 1)[-1]
    return folder_of(blob) if blob.rsplit("/", 1)[-1] == turn.spec.data.closed_by else ""


def _know(turn: Turn, folder: str) -> None:
    others = tuple(key for key in turn.head.closed if key != _key(folder))
    turn.set_head(closed=(*others, _key(folder))[-CLOSED_KEPT:])


def _key(folder: str) -> str:
    return digest(folder)[:KEY]


def _above(folder: str) -> list[str]:
    """The folder and those that it lies in, below the model's prefix.

    >>> _above("m/run/day=1")
    ['m/run/day=1', 'm/run']
    """
    steps = folder.split("/")
    return ["/".join(steps[:length]) for length in range(len(steps), 1, -1)]
