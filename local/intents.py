"""What the blob front is about to do, on disk before it does it: an append-only log of JSON lines.

A write goes through `begin` (on disk when it returns), `happened` (its event is known) and `done` (the topic took the
event, or there is none). What is not done when the front starts again was cut off, and is looked up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.blobwrites import Write
from local.daemon import DaemonFailed
from local.wire import Event

LARGEST_IDLE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Intent:
    """A write under way. `number` is its place in the order of all writes, across restarts; `event` once it is known."""

    number: int
    write: Write
    at_ns: int
    event: Event | None = None


class IntentLog:
    """The log. Lines asked for at the same time are written and synced together, in a thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._alone = _lock(path.with_suffix(".lock"))
        self._last, self._open = _read(path)
        _rewrite(path, self._last, self._open.values())
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def unfinished(self) -> tuple[Intent, ...]:
        """Writes that are not done, in their order."""
        return tuple(self._open.values())

    async def begin(self, write: Write) -> Intent:
        """Give the write its number and keep it; it is on disk when this returns, or it raises OSError."""
        now_ns = time.time_ns()
        self._last = max(self._last + 1, now_ns)
        intent = Intent(self._last, write, now_ns)
        self._open[intent.number] = intent
        try:
            await self._append(_begun(intent))
        except OSError:
            del self._open[intent.number]
            raise
        return intent

    def happened(self, intent: Intent, event: Event) -> None:
        """Keep the event, so that a restart publishes just this one. Need not be on disk before the client is answered."""
        self._open[intent.number] = dataclasses.replace(intent, event=event)
        self._append({"happened": intent.number, "event": event})

    def done(self, intent: Intent) -> None:
        """Nothing is left to do; losing this line in a crash repeats an event, no more."""
        self._open.pop(intent.number, None)
        self._append({"done": intent.number})

    async def close(self) -> None:
        """Write what is waiting and let go of the file."""
        if self._writer:
            await self._writer
        os.close(self._file)
        self._alone.close()

    def _append(self, record: Mapping[str, object]) -> asyncio.Future[None]:
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((json.dumps(record) + "\n", written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        return written

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            idle = f'{{"done": {self._last}}}\n' if not self._open else ""
            try:
                await asyncio.to_thread(self._write, "".join(line for line, _ in batch), idle)
            except OSError as error:
                _fail(batch, error)
            else:
                _succeed(batch)

    def _write(self, lines: str, idle: str) -> None:
        """Append and sync. `idle`, if anything, is all that needs to stay once the log has grown large."""
        if idle and os.fstat(self._file).st_size > LARGEST_IDLE_BYTES:
            os.ftruncate(self._file, 0)
            lines = idle + lines
        content = lines.encode()
        if os.write(self._file, content) != len(content):
            raise OSError("the intent log could not be written whole; is the disk full?")
        os.fdatasync(self._file)


def _lock(path: Path) -> IO[str]:
    """Hold the log for this process alone, until it ends in whatever way."""
    held = path.open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        remedy = "end the other blob front, or give this one a log of its own with --intents"
        raise DaemonFailed(f"another process writes {path.with_suffix('.jsonl').name}.", next=remedy) from error
    return held


def _fail(batch: Iterable[tuple[str, asyncio.Future[None]]], error: OSError) -> None:
    for _, written in batch:
        if not written.cancelled():
            written.set_exception(error)
            written.exception()  # whoever does not wait for the line has nothing to retrieve


def _succeed(batch: Iterable[tuple[str, asyncio.Future[None]]]) -> None:
    for _, written in batch:
        if not written.cancelled():
            written.set_result(None)


def _begun(intent: Intent) -> dict[str, object]:
    return {"begun": intent.number, "at_ns": intent.at_ns, "write": dataclasses.asdict(intent.write)}


def _read(path: Path) -> tuple[int, dict[int, Intent]]:
    """The highest number ever given and the open intents; a last line that was cut off was never acted on."""
    last, unfinished = 0, dict[int, Intent]()
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        number = int(record.get("begun") or record.get("happened") or record["done"])
        last = max(last, number)
        _apply(record, number, unfinished)
    return last, unfinished


def _apply(record: Mapping[str, Any], number: int, unfinished: dict[int, Intent]) -> None:
    if "begun" in record:
        unfinished[number] = Intent(number, Write(**record["write"]), record["at_ns"])
    elif "happened" in record and number in unfinished:
        unfinished[number] = dataclasses.replace(unfinished[number], event=record["event"])
    elif "done" in record:
        unfinished.pop(number, None)


def _rewrite(path: Path, last: int, unfinished: Iterable[Intent]) -> None:
    """Begin the run with a log of open intents only."""
    records: list[Mapping[str, object]] = [{"done": last}]
    for intent in unfinished:
        records.append(_begun(intent))
        records += [{"happened": intent.number, "event": intent.event}] if intent.event else []
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
