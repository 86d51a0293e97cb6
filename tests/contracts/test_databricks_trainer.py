"""databricks-sdk itself against a server that speaks Databricks' wire: the trainer's contract."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.azureml_service import Tokens
from shared.platforms.databricks import DatabricksTrainer
from shared.platforms.databricks_service import Workspace
from tests.contracts.interruption import Interrupted
from tests.contracts.remote_trainer import RemoteTrainerBench
from tests.contracts.test_trainer_contract import TrainerContract
from tests.wire.databricks import SCHEMA, FakeDatabricks


class DyingAt(Tokens):
    """Ends the caller where it asks for its `left`-th token: the SDK asks for one before every request."""

    def __init__(self, fake: FakeDatabricks) -> None:
        super().__init__(fake.fetch)
        self.left = 0
        self._caller = threading.current_thread()

    def __call__(self, audience: str) -> str:
        if threading.current_thread() is self._caller:
            self.left -= 1
            if self.left == 0:
                raise Interrupted
        return super().__call__(audience)


class DatabricksBench(RemoteTrainerBench):
    def __init__(self, fake: FakeDatabricks, source: Path) -> None:
        self.fake = fake
        self.job = Job("", lambda: source, packages=("pyarrow==21.0.0",))
        self.trainer = DatabricksTrainer(fake.service(), self.job, pause=lambda _seconds: None)
        self.tokens = DyingAt(fake)

    def processes(self, run_id: str) -> int:
        going = [run for run in self.fake.runs.values() if run["state"]["life_cycle_state"] == "RUNNING"]
        return sum(run["run_name"] == run_id for run in going)

    def caller(self) -> DatabricksTrainer:
        """A new one, which has not uploaded its source yet."""
        return DatabricksTrainer(self.fake.service(), self.job)

    @cached_property
    def _workspace(self) -> Workspace:
        return Workspace(self.fake.wire.url, SCHEMA, self.tokens)

    def dying_at(self, number: int) -> Workspace:
        self.tokens.left = number
        return self._workspace


class TestDatabricksTrainer(TrainerContract):
    @pytest.fixture
    def bench(self, databricks: FakeDatabricks, source: Path) -> DatabricksBench:
        return DatabricksBench(databricks, source)

    def test_the_run_of_a_killed_caller_is_seen_or_was_never_started(self, bench: DatabricksBench) -> None:  # type: ignore[override]
        """Also where its number was never written down: it is found in the list."""
        for run_id in bench.killed_callers():
            assert (bench.trainer.look(run_id) is not None) == (bench.begun(run_id) == 1)
