"""A search as a HyperDrive run of SDK v1: the contract of sweeps through azureml-train-core itself, what is sent, its traps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import PlatformBusy
from shared.platforms.azureml import AzureMLTrainer
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_registry import AzureMLRegistry
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_service import Service
from tests.contracts.sweep_contract import ASKED, RUN_ID, SweepBench, SweepContract, SweepCorners
from tests.wire.azureml import PATIENCE, FakeAzureML

CREATE = f"/hdruns/{RUN_ID}$"


class Bench(SweepBench):
    def __init__(self, fake: FakeAzureML, source: Path) -> None:
        super().__init__()
        self.fake, self.sweeps, self.wire, self.begun = fake, fake.hyperdrive, fake.wire, fake.begun
        service = Service(fake.connect, seconds=PATIENCE)
        job = Job("cpu", lambda: source, packages=("pyarrow==21.0.0",), settings={"MARK": "here"})
        self.trainer = AzureMLTrainer(service, job, clock=self.now, pause=lambda _seconds: None)
        self.registry = AzureMLRegistry(service, pause=lambda _seconds: None)

    def status(self) -> str:
        return str(self.fake.runs[RUN_ID]["status"])


@pytest.fixture
def fake() -> Iterator[FakeAzureML]:
    with FakeAzureML().running() as fake:
        yield fake


@pytest.fixture
def bench(fake: FakeAzureML, source: Path) -> Bench:
    return Bench(fake, source)


class TestHyperDrive(SweepContract):
    @pytest.fixture
    def bench(self, fake: FakeAzureML, source: Path) -> Bench:
        return Bench(fake, source)


class TestCornersOfHyperDrive(SweepCorners):
    @pytest.fixture
    def bench(self, fake: FakeAzureML, source: Path) -> Bench:
        return Bench(fake, source)


def test_a_hyperdrive_run_is_the_search_with_its_caps(bench: Bench) -> None:
    bench.start(replace(ASKED, seconds=270.0))
    sent = bench.fake.hyperdrive.asked[RUN_ID]
    assert sent["generator_config"] == {
        "name": "RANDOM",
        "parameter_space": {
            "--alpha": ["loguniform", [pytest.approx(-4.60517), pytest.approx(4.60517)]],
            "--max-depth": ["choice", [[1, 2, 3]]],
            "--kind": ["choice", [["ridge", "lasso"]]],
        },
    }
    assert sent["primary_metric_config"] == {"name": "baton_validation", "goal": "minimize"}
    caps = [sent[name] for name in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")]
    assert caps == [3, 2, 4]  # whole minutes, and not more than were asked for
    tags = bench.fake.runs[RUN_ID]["tags"]
    assert (tags["baton.model"], json.loads(tags["baton.sweep"])["seconds"]) == ("pulse", 240)


def test_a_trial_is_the_training_run_with_what_hyperdrive_chose(bench: Bench) -> None:
    bench.start()
    trial = bench.fake.configurations[RUN_ID]
    assert (trial["script"], trial["arguments"], trial["target"]) == ("start.py", [], "cpu")
    assert trial["maxRunDurationSeconds"] == 240
    assert trial["environmentVariables"]["BATON_TRIAL_OF"] == RUN_ID
    assert trial["environmentVariables"]["MARK"] == "here"
    assert trial["environmentVariables"]["BATON_IMAGE"] == trial["environment"]["docker"]["baseImage"]
    assert bench.fake.requests[RUN_ID]["parameters"]["rows"] == "all"


def test_whole_numbers_under_bayesian_sampling_are_steps_of_one(bench: Bench) -> None:
    bench.start(replace(ASKED, space={"depth": "1 to 9", "rate": "0.1 to 0.5"}, sampler="bayesian"))
    sent = bench.fake.hyperdrive.asked[RUN_ID]["generator_config"]
    assert (sent["name"], sent["parameter_space"]) == (
        "BayesianOptimization",
        {"--depth": ["quniform", [1, 9, 1]], "--rate": ["uniform", [0.1, 0.5]]},
    )


@pytest.mark.parametrize("after", [False, True], ids=["lost on its way", "answered into the void"])
def test_a_start_that_the_service_answers_with_an_error_is_looked_for(bench: Bench, after: bool) -> None:
    bench.wire.fail("POST", CREATE, 409 if after else 400, after=after)
    if after:
        bench.start()
    else:
        with pytest.raises(AzureMLRefused, match=f"could not start run {RUN_ID}: 400"):
            bench.start()
        bench.start()
    assert bench.begun == [RUN_ID]
    assert bench.fake.runs[RUN_ID]["tags"]["baton.run_id"] == RUN_ID


def test_a_hyperdrive_run_that_does_not_show_yet_is_started_once(bench: Bench) -> None:
    bench.fake.lag = 2
    bench.start()
    bench.start()
    assert bench.begun == [RUN_ID]


def test_a_hyperdrive_run_whose_own_tags_are_not_written_yet_is_asked_again(bench: Bench) -> None:
    """azureml-train-core cannot read one without them: it fails with a TypeError of json.loads."""
    bench.start()
    tags = bench.fake.runs[RUN_ID]["tags"]
    written = dict(tags)
    tags.clear()
    with pytest.raises(PlatformBusy, match="could not read run pulse-0001-t-1: TypeError"):
        bench.look()
    tags.update(written)
    assert bench.look().status == "running"
