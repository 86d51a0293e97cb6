"""azureml-core itself, against a server that speaks Azure ML's wire: the trainer's contract, and the SDK's known traps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.platforms.azureml import AzureMLTrainer
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_service import Service
from tests.contracts.interruption import Interrupted
from tests.contracts.remote_trainer import RemoteTrainerBench
from tests.contracts.test_trainer_contract import TrainerContract
from tests.wire.azureml import PATIENCE, FakeAzureML


class DyingAt:
    """Gives tokens, and ends the caller where it asks for its `number`-th."""

    def __init__(self, number: int, token: Callable[[str], str]) -> None:
        self.left = number
        self._token = token
        self._caller = threading.current_thread()

    def __call__(self, audience: str) -> str:
        if threading.current_thread() is self._caller:
            self.left -= 1
            if self.left == 0:
                raise Interrupted
        return self._token(audience)


class AzureMLBench(RemoteTrainerBench):
    def __init__(self, fake: FakeAzureML, source: Path) -> None:
        self.fake = fake
        self.trainer = AzureMLTrainer(
            Service(fake.connect, seconds=PATIENCE), Job("cpu", lambda: source), pause=lambda _seconds: None
        )

    def processes(self, run_id: str) -> int:
        return int(self.fake.runs.get(run_id, {}).get("status") == "Running")

    def dying_at(self, number: int) -> Any:
        return self.fake.connect(DyingAt(number, self.fake.token))


@pytest.fixture
def fake() -> Iterator[FakeAzureML]:
    with FakeAzureML().running() as fake:
        yield fake


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/step.py").write_text("print(1)\n")
    return tmp_path / "source"


class TestAzureMLTrainer(TrainerContract):
    @pytest.fixture
    def bench(self, fake: FakeAzureML, source: Path) -> AzureMLBench:
        return AzureMLBench(fake, source)

    def test_callers_die_before_every_request_of_a_start(self, bench: AzureMLBench) -> None:
        assert len(bench.killed_callers()) > 5

    def test_a_repeat_gives_the_run_of_a_killed_caller_its_tags(self, bench: AzureMLBench) -> None:
        run_ids = bench.killed_callers()
        for run_id in run_ids:
            bench.trainer.start(bench.request(run_id, "succeeds"))
        assert {bench.fake.runs[run_id]["tags"].get("baton.run_id") for run_id in run_ids} == set(run_ids)
        assert {bench.fake.runs[run_id]["tags"].get("baton.model") for run_id in run_ids} == {"pulse"}
