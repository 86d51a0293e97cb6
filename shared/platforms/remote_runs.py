"""A trainer on a service elsewhere, whichever it is: what is the same of starting, looking and stopping."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from shared.errors import Permanent
from shared.platforms.azureml_run import (
    ERROR,
    READ_AGAIN_SECONDS,
    READS,
    RESULT,
    Job,
    Turns,
    without_result,
)
from shared.platforms.azureml_service import Service
from shared.platforms.port import RunRequest, RunSeen, RunStatus


@dataclass(frozen=True, slots=True)
class About:
    """A run that began: its seconds, when it ended, and what the service says of a failure; or all that there is to see of it."""

    seconds: float
    ended: datetime | None
    said: Callable[[], str]
    seen: RunSeen | None = None


class RemoteRuns(ABC):
    """Runs under ids of ours. Submits of one process take turns, and every call ends by the service's deadline.

    A run that completed but does not show its result yet is told as still running, for up to `SETTLED_AFTER` after its
    end: lists lag. After that it is told as failed, and never as completed with nothing.
    """

    refused: ClassVar[type[Permanent]]
    """The error of what the service holds and nobody can use,"""
    shown_in: ClassVar[str]
    """and where a person looks at it."""

    def __init__(
        self,
        service: Service,
        job: Job,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._job = job
        self._clock = clock
        self._pause = pause
        self._turns = Turns()

    def start(self, request: RunRequest) -> None:
        with self._turns.take(request.run_id):
            self._service.ask(f"start run {request.run_id}", partial(self._start, request))

    def look(self, run_id: str) -> RunSeen | None:
        return self._service.ask(f"look at run {run_id}", partial(self._look, run_id))

    def cancel(self, run_id: str) -> None:
        self._service.ask(f"cancel run {run_id}", partial(self._cancel, run_id))

    @abstractmethod
    def _start(self, request: RunRequest, workspace: Any) -> None:
        """Submit the run unless it is there. After any error it is looked for: the submit may have worked."""

    @abstractmethod
    def _get(self, workspace: Any, run_id: str) -> Any | None:
        """The SDK's run of this id; None only where the service itself says that there is none."""

    @abstractmethod
    def _stands(self, run: Any, run_id: str) -> RunStatus:
        """How far the run is; `PlatformBusy` for a word that nobody knows."""

    @abstractmethod
    def _about(self, workspace: Any, run: Any, run_id: str, status: RunStatus) -> About:
        """What else the service says of a run that is not queued any more."""

    @abstractmethod
    def _file(self, workspace: Any, run: Any, run_id: str, name: str) -> bytes | None:
        """A file that the run left; None if it is not there."""

    @abstractmethod
    def _metrics(self, workspace: Any, run: Any, run_id: str) -> Mapping[str, float]:
        """The last number of each metric that the run logged. What cannot be read is raised, and is not "none"."""

    @abstractmethod
    def _stop(self, workspace: Any, run: Any, run_id: str) -> None:
        """Have the service stop the run."""

    def _find(self, workspace: Any, run_id: str, *, reads: int) -> Any | None:
        """The run, or None once it was not there `reads` times: what was written just now may show a moment later."""
        for read in range(reads):
            if read:
                self._pause(READ_AGAIN_SECONDS)
            if run := self._get(workspace, run_id):
                return run
        return None

    def _look(self, run_id: str, workspace: Any) -> RunSeen | None:
        run = self._find(workspace, run_id, reads=READS)
        if run is None:
            return None
        status = self._stands(run, run_id)
        if status == "queued":  # it may have no details yet, and no times
            return RunSeen(run_id, status)
        about = self._about(workspace, run, run_id, status)
        if about.seen is not None:
            return about.seen
        if status == "completed":
            return self._completed(workspace, run, run_id, about)
        reason = self._reason(workspace, run, run_id, about) if status == "failed" else ""
        canceled = "canceled on request" if status == "canceled" else ""
        return RunSeen(run_id, status, reason or canceled, {}, about.seconds)

    def _completed(self, workspace: Any, run: Any, run_id: str, about: About) -> RunSeen:
        """A completed run with its result; where there is none yet, the run as one that still goes."""
        for read in range(READS):
            if read:
                self._pause(READ_AGAIN_SECONDS)
            if result := self._result(workspace, run, run_id):
                return RunSeen(run_id, "completed", "", result, about.seconds)
        return without_result(run_id, about.ended, about.seconds, self._clock())

    def _cancel(self, run_id: str, workspace: Any) -> None:
        run = self._find(workspace, run_id, reads=READS)
        if run is not None and self._stands(run, run_id) in ("queued", "running"):
            self._stop(workspace, run, run_id)

    def _result(self, workspace: Any, run: Any, run_id: str) -> Mapping[str, object]:
        """The run's result document, else the metrics that it logged; empty if neither shows."""
        if document := self._document(workspace, run, run_id, RESULT):
            return document
        metrics = self._metrics(workspace, run, run_id)
        return {"v": 1, "metrics": metrics} if metrics else {}

    def _reason(self, workspace: Any, run: Any, run_id: str, about: About) -> str:
        """Why a run failed: its own error document, else what the service says."""
        if told := self._document(workspace, run, run_id, ERROR):
            return f"{told.get('what', '')} Next: {told.get('next', '')}"
        return about.said() or f"the service gives no reason; its logs are in {self.shown_in}"

    def _document(self, workspace: Any, run: Any, run_id: str, name: str) -> Mapping[str, Any]:
        """A JSON document among the run's files; empty if there is none."""
        content = self._file(workspace, run, run_id, name)
        if content is None:
            return {}
        try:
            document = json.loads(content)
        except ValueError as error:
            raise self.refused(
                f"{name} of run {run_id} is not JSON: {error}.",
                next=f"look at it in {self.shown_in}; retry the release",
            ) from error
        return document if isinstance(document, dict) else {}
