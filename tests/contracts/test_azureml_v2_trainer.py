"""azure-ai-ml itself, over TLS, against a server that speaks Azure ML's wire: the trainer's contract."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_service import Identity, Workspace
from tests.contracts.interruption import Interrupted
from tests.contracts.remote_trainer import RemoteTrainerBench
from tests.contracts.test_trainer_contract import TrainerContract
from tests.wire.azureml import SCOPE
from tests.wire.azureml_v2 import FakeAzureMLV2


class DyingAt(Identity):
    """Ends the caller where it asks for its `left`-th token: the SDK asks for one before every request."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        super().__init__(fake.fetch)
        self.left = 0
        self._caller = threading.current_thread()

    def get_token(self, *scopes: str, **options: object) -> object:
        if threading.current_thread() is self._caller:
            self.left -= 1
            if self.left == 0:
                raise Interrupted
        return super().get_token(*scopes, **options)


class AzureMLV2Bench(RemoteTrainerBench):
    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        self.fake = fake
        job = Job("cpu", lambda: source, packages=("pyarrow==21.0.0",))
        self.trainer = AzureMLV2Trainer(fake.service(), job, pause=lambda _seconds: None)
        self.identity = DyingAt(fake)

    def processes(self, run_id: str) -> int:
        return int(self.fake.jobs.get(run_id, {"properties": {}})["properties"].get("status") == "Running")

    @cached_property
    def _workspace(self) -> Workspace:
        return Workspace(SCOPE, self.identity)

    def dying_at(self, number: int) -> Workspace:
        self.identity.left = number
        return self._workspace


class TestAzureMLV2Trainer(TrainerContract):
    @pytest.fixture
    def bench(self, azureml_v2: FakeAzureMLV2, source: Path) -> AzureMLV2Bench:
        return AzureMLV2Bench(azureml_v2, source)

    def test_a_caller_killed_between_any_two_lines_of_start_leaves_one_run_after_a_repeat(
        self, bench: AzureMLV2Bench
    ) -> None:
        """Killed before each request, that is; and the run that a repeat finds has its tags."""
        super().test_a_caller_killed_between_any_two_lines_of_start_leaves_one_run_after_a_repeat(bench)
        tags = {run_id: job["properties"]["tags"] for run_id, job in bench.fake.jobs.items()}
        assert len(tags) > 5
        assert {run_id: found["baton.run_id"] for run_id, found in tags.items()} == {run_id: run_id for run_id in tags}
        assert {found["baton.model"] for found in tags.values()} == {"pulse"}
