"""A search as a sweep job of SDK v2: the contract of sweeps, and what is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_registry import AzureMLV2Registry
from tests.contracts.sweep_contract import RUN_ID, SweepBench, SweepContract, SweepCorners
from tests.wire.azureml_v2 import FakeAzureMLV2


class Bench(SweepBench):
    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        super().__init__()
        self.fake, self.sweeps, self.wire, self.begun = fake, fake.sweeps, fake.wire, fake.begun
        job = Job("cpu", lambda: source, packages=("pyarrow==21.0.0",), settings={"MARK": "here"})
        self.trainer = AzureMLV2Trainer(fake.service(), job, clock=self.now, pause=lambda _seconds: None)
        self.registry = AzureMLV2Registry(fake.service(), pause=lambda _seconds: None)

    def status(self) -> str:
        return str(self.fake.jobs[RUN_ID]["properties"]["status"])


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2, source: Path) -> Bench:
    return Bench(azureml_v2, source)


class TestSweepJobs(SweepContract):
    @pytest.fixture
    def bench(self, azureml_v2: FakeAzureMLV2, source: Path) -> Bench:
        return Bench(azureml_v2, source)


@pytest.mark.long
class TestCornersOfSweepJobs(SweepCorners):
    @pytest.fixture
    def bench(self, azureml_v2: FakeAzureMLV2, source: Path) -> Bench:
        return Bench(azureml_v2, source)


def test_a_sweep_job_is_the_search_with_its_caps(bench: Bench) -> None:
    bench.start()
    sent = bench.fake.jobs[RUN_ID]["properties"]
    assert sent["jobType"] == "Sweep"
    assert sent["searchSpace"] == {
        "alpha": ["loguniform", [pytest.approx(-4.60517), pytest.approx(4.60517)]],
        "max_depth": ["choice", [[1, 2, 3]]],
        "kind": ["choice", [["ridge", "lasso"]]],
    }
    assert sent["samplingAlgorithm"] == {"samplingAlgorithmType": "Random", "rule": "random", "seed": 7}
    assert (sent["experimentName"], sent["computeId"].rpartition("/")[2]) == ("pulse", "cpu")
    assert sent["identity"] == {"identityType": "Managed"}
    assert sent["tags"]["baton.model"] == "pulse"
    assert sent["limits"] == {
        "jobLimitsType": "Sweep",
        "maxConcurrentTrials": 2,
        "maxTotalTrials": 3,
        "timeout": "PT4M",
        "trialTimeout": "PT4M",
    }


def test_a_trial_is_the_training_run_with_what_the_sweep_chose(bench: Bench) -> None:
    bench.start()
    trial = bench.fake.jobs[RUN_ID]["properties"]["trial"]
    assert trial["command"] == (
        "python -m shared.runs.on_azureml --alpha ${{search_space.alpha}} "
        "--max-depth ${{search_space.max_depth}} --kind ${{search_space.kind}}"
    )
    assert trial["environmentVariables"]["BATON_TRIAL_OF"] == RUN_ID
    assert trial["environmentVariables"]["MARK"] == "here"
    assert trial["environmentVariables"]["BATON_IMAGE"].startswith("mcr.microsoft.com/")
    request = json.loads(trial["environmentVariables"]["BATON_REQUEST"])
    assert (request["run_id"], request["parameters"]["rows"]) == (RUN_ID, "all")
