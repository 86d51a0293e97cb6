"""What a trainer on a service elsewhere must not be fooled by, whichever service it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from shared.errors import Permanent
from shared.platforms.azureml_run import Job
from shared.platforms.port import RunRequest, RunSeen, Trainer
from tests.wire.azureml import PATIENCE

RUN_ID = "pulse-0001-t-1"


class RemoteBench(ABC):
    """A trainer over a fake whose clock the test moves and whose pauses it counts."""

    refused: ClassVar[type[Permanent]]
    compute = "cpu"
    trainer: Trainer

    def __init__(self, source: Path) -> None:
        self.source = source
        self.ahead = timedelta()
        self.pauses = 0

    @abstractmethod
    def trainer_with(self, *, seconds: float = PATIENCE) -> Trainer:
        """A trainer whose calls may take so long."""

    @abstractmethod
    def finish(self, **files: bytes) -> None:
        """The run comes to its end by somebody's own script, which left these files in `outputs`."""

    @property
    def job(self) -> Job:
        return Job(self.compute, lambda: self.source, packages=("pyarrow==21.0.0",), settings={"MARK": "here"})

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pause(self, _seconds: float) -> None:
        self.pauses += 1

    def request(self, **parameters: str) -> RunRequest:
        return RunRequest(RUN_ID, "pulse", "train", "", parameters=parameters, tags={"baton.model": "pulse"})

    def start(self) -> None:
        self.trainer.start(self.request())

    def completed(self, **files: bytes) -> None:
        """A run that was started and came to its end."""
        self.start()
        self.finish(**files)

    def seen(self) -> RunSeen:
        seen = self.trainer.look(RUN_ID)
        assert seen is not None
        return seen


class RemoteTraps:
    """A module's `bench` fixture is what these go through."""

    def test_a_completed_run_that_shows_no_result_yet_is_told_as_going(self, bench: RemoteBench) -> None:
        bench.completed()
        seen = bench.seen()
        assert (seen.status, seen.reason) == ("running", "it completed; its result does not show yet")
        assert bench.pauses == 2

    def test_a_completed_run_that_never_shows_a_result_has_failed(self, bench: RemoteBench) -> None:
        bench.completed()
        bench.ahead = timedelta(minutes=11)
        seen = bench.seen()
        assert seen.status == "failed"
        assert "left neither outputs/result.json nor a metric" in seen.reason

    def test_a_result_that_is_no_json_is_refused(self, bench: RemoteBench) -> None:
        bench.completed(result_json=b"{")
        with pytest.raises(bench.refused, match="is not JSON"):
            bench.trainer.look(RUN_ID)
