"""Runs the local host as a process for the tests, and reads what its sample app journals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from local.daemon import wait_until

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "tests" / "apps" / "sample"
Line = dict[str, object]


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A host process: its URL, its queue's name, and where log and journal lie."""

    process: subprocess.Popen[str]
    url: str
    queue: str
    log_path: Path
    journal_path: Path

    def log(self) -> str:
        """All that the host has logged so far."""
        return self.log_path.read_text()

    def journal(self, function: str) -> list[Line]:
        """What a function of the sample app has journalled so far."""
        text = self.journal_path.read_text() if self.journal_path.exists() else ""
        lines: list[Line] = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if line["function"] == function]

    def wait_for(
        self, function: str, which: Callable[[Line], bool], *, count: int = 1, timeout_seconds: float = 15
    ) -> list[Line]:
        """Ask the journal until `count` matching lines are there; return them."""

        def found() -> list[Line]:
            return [line for line in self.journal(function) if which(line)]

        wait_until(
            lambda: len(found()) >= count, timeout_seconds=timeout_seconds, what=f"{function} did not journal {count}"
        )
        return found()

    def end(self) -> int:
        """Ask the host to end and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def post_event(self, body: object, *, function: str = "on_event", kind: str = "Notification") -> httpx.Response:
        """Deliver to the Event Grid webhook as Event Grid does; text is sent as it is."""
        content = body if isinstance(body, str) else json.dumps(body)
        return httpx.post(
            f"{self.url}/runtime/webhooks/EventGrid",
            params={"functionName": function},
            headers={"aeg-event-type": kind} if kind else {},
            content=content,
            timeout=20,
        )


@contextmanager
def running_host(
    folder: Path, connection: str, *, environment: Mapping[str, str] | None = None, state: Path | None = None
) -> Iterator[RunningHost]:
    """Serve the sample app while the block runs; every host has a queue of its own."""
    queue = f"sample-{uuid.uuid4().hex[:12]}"
    journal, log = folder / f"{queue}.jsonl", folder / f"{queue}.log"
    settings = {"SAMPLE_QUEUE": queue, "SAMPLE_STORAGE": connection, "SAMPLE_JOURNAL": str(journal)}
    settings |= {"SAMPLE_SCHEDULE": "0 0 0 1 1 *", **(environment or {})}
    with log.open("w") as stderr:
        process = start_host(SAMPLE, state or folder / queue, settings, stderr=stderr.fileno())
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline() or "{}")
            assert ready.get("ready"), log.read_text()
            yield RunningHost(process, ready["url"], queue, log, journal)
        finally:
            process.kill()
            process.communicate()


def start_host(app: Path, state: Path, settings: Mapping[str, str], *, stderr: int) -> subprocess.Popen[str]:
    """Start `python -m local.host` for an app folder."""
    words = [sys.executable, "-m", "local.host", "--app", str(app), "--port", "0", "--state", str(state)]
    return subprocess.Popen(
        words, cwd=PROJECT, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=stderr, text=True
    )
