"""Collection, the router's side: each scored request goes to a bounded queue, from there to the collector's process.

Scoring only appends to the queue. The collector (`collector.py`) has a process of its own, because it would keep the
interpreter from requests for half a millisecond now and then. It gets batches as frames: the length of a JSON list,
the list (all but the bodies, with their lengths), the bodies.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from shared import log

BODY_BYTES = 256 * 1024
QUEUE_RECORDS = 10_000
QUEUE_BYTES = 32 * 1024 * 1024
BATCH_BYTES = 1024 * 1024
BATCH_SECONDS = 0.5
AGAIN_SECONDS = 1.0
END_SECONDS = 4.0
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Scored:
    """One request and its answer; `time` in seconds since 1970, `pinned` if it named its deployment, as probes do."""

    time: float
    request_id: str
    model: str
    deployment: str
    version: str
    status: int
    seconds: float
    pinned: bool
    request: bytes
    answer: bytes

    @property
    def size(self) -> int:
        return len(self.request) + len(self.answer)

    def to_line(self) -> bytes:
        """What is kept: {"v": 1, "time", "request_id", "model", "deployment", "version", "status", "seconds", "pinned",
        "rows", "predictions"}. `rows` and `predictions` are null where a body is no JSON or over `BODY_BYTES`, `predictions` also
        where the answer is an error; "bytes": [request, answer] stands beside them then.
        """
        known: dict[str, object] = {
            "v": 1,
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(),
            "request_id": self.request_id,
            "model": self.model,
            "deployment": self.deployment,
            "version": self.version,
            "status": self.status,
            "seconds": round(self.seconds, 6),
            "pinned": self.pinned,
            "rows": _part(self.request, "data"),
            "predictions": _part(self.answer, "predictions") if self.status < 400 else None,
        }
        if known["rows"] is None or known["predictions"] is None:
            known["bytes"] = [len(self.request), len(self.answer)]
        return json.dumps(known, separators=(",", ":")).encode() + b"\n"


_ABOUT = [field.name for field in fields(Scored) if field.name not in ("request", "answer")]


def to_frame(batch: list[Scored]) -> bytes:
    """A batch as it goes to the collector."""
    about = [(*(getattr(s, name) for name in _ABOUT), len(s.request), len(s.answer)) for s in batch]
    head = json.dumps(about).encode()
    return b"".join((_LENGTH.pack(len(head)), head, *(body for s in batch for body in (s.request, s.answer))))


def read_frame(stream: BinaryIO) -> list[Scored] | None:
    """The next batch; None at the end of the stream, also in the middle of a frame."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    head = stream.read(_LENGTH.unpack(length)[0])
    try:
        about = json.loads(head)
    except ValueError:
        return None
    return [_scored(known, stream) for known in about]


def _scored(known: list[Any], stream: BinaryIO) -> Scored:
    *told, request, answer = known
    return Scored(**dict(zip(_ABOUT, told, strict=True)), request=stream.read(request), answer=stream.read(answer))


class Collection:
    """The queue, and the collector's process, which is started again when it ends."""

    def __init__(self, folder: Path, *, segment_seconds: float) -> None:
        words = ("--folder", str(folder), "--segment-seconds", str(segment_seconds))
        self._command = (sys.executable, "-m", "local.serving.collector", *words)
        self._queue: list[Scored] = []
        self._bytes = 0
        self._offered = self._dropped = 0
        self._told: dict[str, object] = {}
        self._closing = False

    def offer(self, scored: Scored) -> None:
        """Take a request if there is room. Never waits."""
        self._offered += 1
        if len(self._queue) >= QUEUE_RECORDS or self._bytes + scored.size > QUEUE_BYTES:
            self._dropped += 1
            return
        self._bytes += scored.size
        self._queue.append(scored)

    def counts(self) -> dict[str, object]:
        """What became of what was offered, and what the collector told since it began (see `collector.py`)."""
        return {"offered": self._offered, "queued": len(self._queue), "dropped_queue": self._dropped, **self._told}

    def close(self) -> None:
        """Let `run` send what is queued, and end."""
        self._closing = True

    async def run(self) -> None:
        """Keep a collector fed until `close`."""
        while not self._closing:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            listening = asyncio.ensure_future(self._listen(process))
            with suppress(ConnectionError):
                await self._feed(process)
            await self._end(process)
            await listening
            if not self._closing:
                log.warning("the collector ended and is started again", code=process.returncode)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _feed(self, process: asyncio.subprocess.Process) -> None:
        """Send batches; an empty one is a tick, which closes segments that are old enough."""
        assert process.stdin
        last = False
        while not last:
            last = self._closing
            while batch := self._take():
                await _send(to_frame(batch), process.stdin)
            await _send(to_frame([]), process.stdin)
            await asyncio.sleep(0 if last else BATCH_SECONDS)

    def _take(self) -> list[Scored]:
        """The oldest queued requests, up to `BATCH_BYTES`."""
        size = count = 0
        while count < len(self._queue) and size < BATCH_BYTES:
            size += self._queue[count].size
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        self._bytes -= size
        return batch

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        async for line in process.stdout:
            self._told = json.loads(line)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """At the end of its input the collector closes its segments and ends."""
        assert process.stdin
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _send(frame: bytes, pipe: asyncio.StreamWriter) -> None:
    if pipe.is_closing():
        raise ConnectionResetError("the collector does not read any more")
    pipe.write(frame)
    await pipe.drain()


def _part(body: bytes, name: str) -> object:
    """The named member of a JSON object, the whole document if it has none; None if there is no (small) document."""
    if len(body) > BODY_BYTES:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get(name, document) if isinstance(document, dict) else document
