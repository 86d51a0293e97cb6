"""azure-ai-ml itself, over TLS, against a server that speaks Azure ML's wire: the trainer's contract."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_service import Identity, Workspace
from shared.platforms.port import RunRequest
from tests.contracts.interruption import Interrupted
from tests.contracts.test_trainer_contract import Behaviour, TrainerContract
from tests.wire.azureml import SCOPE
from tests.wire.azureml_v2 import FakeAzureMLV2


class DyingAt(Identity):
    """Ends the caller where it asks for its `number`-th token: the SDK asks for one before every request."""

    def __init__(self, number: int, fake: FakeAzureMLV2) -> None:
        super().__init__(fake.fetch)
        self.left = number
        self._caller = threading.current_thread()

    def get_token(self, *scopes: str, **options: object) -> object:
        if threading.current_thread() is self._caller:
            self.left -= 1
            if self.left == 0:
                raise Interrupted
        return super().get_token(*scopes, **options)


class AzureMLV2Bench:
    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        self.fake = fake
        job = Job("cpu", lambda: source, packages=("pyarrow==21.0.0",))
        self.trainer = AzureMLV2Trainer(fake.service(), job, pause=lambda _seconds: None)

    def request(self, run_id: str, behaviour: Behaviour) -> RunRequest:
        parameters, tags = {"behaviour": behaviour}, {"baton.model": "pulse"}
        return RunRequest(run_id, "pulse", "train", folder="", parameters=parameters, tags=tags)

    def begun(self, run_id: str) -> int:
        return self.fake.begun.count(run_id)

    def processes(self, run_id: str) -> int:
        return int(self.fake.jobs.get(run_id, {"properties": {}})["properties"].get("status") == "Running")

    def killed_callers(self) -> list[str]:
        ids = []
        for request_number in count(1):
            request = self.request(f"pulse-0001-t-{request_number}", "succeeds")
            ids.append(request.run_id)
            try:
                self.trainer._start(request, Workspace(SCOPE, DyingAt(request_number, self.fake)))
            except Interrupted:
                continue
            return ids
        raise AssertionError("unreachable")

    def racing_callers(self) -> str:
        request = self.request("pulse-0002-t-1", "lasts")
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(self.trainer.start, [request] * 8))
        return request.run_id


class TestAzureMLV2Trainer(TrainerContract):
    @pytest.fixture
    def bench(self, azureml_v2: FakeAzureMLV2, source: Path) -> AzureMLV2Bench:
        return AzureMLV2Bench(azureml_v2, source)

    def test_a_repeat_leaves_the_run_of_a_killed_caller_with_its_tags(self, bench: AzureMLV2Bench) -> None:
        run_ids = bench.killed_callers()
        assert len(run_ids) > 5, "callers died before each request of a start"
        for run_id in run_ids:
            bench.trainer.start(bench.request(run_id, "succeeds"))
        tags = [bench.fake.jobs[run_id]["properties"]["tags"] for run_id in run_ids]
        assert [found["baton.run_id"] for found in tags] == run_ids
        assert {found["baton.model"] for found in tags} == {"pulse"}
