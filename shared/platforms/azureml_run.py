"""What a run on Azure ML is, whichever SDK starts it: what is sent along, its words for how far it is, its files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.errors import PlatformBusy
from shared.platforms.azureml_service import DeadlinePassed
from shared.platforms.port import RunRequest, RunSeen, RunStatus
from shared.runs.provenance import IMAGE_SETTING

RUN_TAG = "baton.run_id"
RESULT, ERROR, MODEL_PATH = "outputs/result.json", "outputs/error.json", "outputs/model"
READS = 3
READ_AGAIN_SECONDS = 2.0
SETTLED_AFTER = timedelta(minutes=10)
TURN_SECONDS = 45.0
STATUSES: Mapping[str, RunStatus] = {
    **dict.fromkeys(
        ("NotStarted", "Unapproved", "Queued", "Provisioning", "Preparing", "Starting", "Paused"), "queued"
    ),
    **dict.fromkeys(("Running", "Finalizing", "NotResponding", "CancelRequested"), "running"),
    "Completed": "completed",
    "Failed": "failed",
    "Canceled": "canceled",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What every run has in common: the compute's name, the folder that is sent along, and what starts in it.

    `script` starts the same where a sweep takes no command.
    `packages` are pip requirements of the run's own Python 3.11, `settings` its environment variables.
    """

    compute: str
    source: Callable[[], Path]
    command: tuple[str, ...] = ("python", "-m", "shared.runs.on_azureml")
    script: str = "start.py"
    packages: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


class Turns:
    """Lets one submit at a time through. One that hangs keeps its lock, and the next ones get another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def take(self, run_id: str) -> Iterator[None]:
        """This submit's turn; `PlatformBusy` if it does not come within `TURN_SECONDS`."""
        lock = self._lock
        if not lock.acquire(timeout=TURN_SECONDS):
            raise PlatformBusy(f"run {run_id} waits for another to be submitted.", next="nothing: it is tried again")
        hangs = False
        try:
            yield
        except DeadlinePassed:
            hangs, self._lock = True, threading.Lock()
            raise
        finally:
            if not hangs:
                lock.release()


def given(job: Job, request: RunRequest, *, image: str) -> dict[str, str]:
    """A run's environment variables. `image` is what its environment is built on, so that the run can say so."""
    own = {IMAGE_SETTING: image, "BATON_REQUEST": request_document(request)}
    return {**job.settings, **request.environment(), **own}


def request_document(request: RunRequest) -> str:
    """The request as JSON, as BATON_REQUEST carries it into the run."""
    return json.dumps(request.document())


def run_status(run_id: str, said: str) -> RunStatus:
    """The port's word for Azure ML's; `PlatformBusy` for one that nobody knows."""
    if said not in STATUSES:
        raise PlatformBusy(
            f"Azure ML says that run {run_id} is {said!r}, which is none of {', '.join(STATUSES)}.",
            next="look at the run in the studio; it is asked again",
        )
    return STATUSES[said]


def without_result(run_id: str, ended: datetime | None, seconds: float, now: datetime) -> RunSeen:
    """A completed run whose result does not show: still going for `SETTLED_AFTER` after its end, then failed."""
    if ended is not None and now - ended > SETTLED_AFTER:
        reason = f"it completed, but left neither {RESULT} nor a metric in {SETTLED_AFTER.seconds // 60} minutes"
        return RunSeen(run_id, "failed", reason, {}, seconds)
    return RunSeen(run_id, "running", "it completed; its result does not show yet", {}, seconds)


def run_seconds(details: Mapping[str, object], now: datetime) -> float:
    """How long the run went, or has gone, by the times of its details; 0 before it began."""
    began, ended = run_time(details.get("startTimeUtc")), run_time(details.get("endTimeUtc"))
    return max(0.0, ((ended or now) - began).total_seconds()) if began else 0.0


def run_time(said: object) -> datetime | None:
    """A time as the details have it, aware.

    >>> run_time("2026-11-26T07:30:00.1234567Z").isoformat(), run_time(None)
    ('2026-11-26T07:30:00.123456+00:00', None)
    """
    if not said:
        return None
    at = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
