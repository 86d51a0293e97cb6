"""A search as a sweep job of SDK v2: one under the run's id, inside its caps; its best trial is the candidate."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.errors import RunFailed
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_registry import AzureMLV2Registry
from shared.platforms.port import RunRequest, RunSeen, Sweep
from tests.wire.azureml_v2 import FakeAzureMLV2

RUN_ID = "pulse-0001-t-1"
SPACE = {"alpha": "0.01 to 100, log", "max-depth": "1 to 3", "kind": "ridge | lasso"}
ASKED = Sweep(SPACE, "random", 7, "minimize", trials=3, jobs=2, seconds=240.0)


class Bench:
    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        self.fake, self.sweeps = fake, fake.sweeps
        self.ahead = timedelta()
        job = Job("cpu", lambda: source, packages=("pyarrow==21.0.0",), settings={"MARK": "here"})
        clock = lambda: datetime.now(UTC) + self.ahead  # noqa: E731
        self.trainer = AzureMLV2Trainer(fake.service(), job, clock=clock, pause=lambda _seconds: None)

    def start(self, asked: Sweep = ASKED) -> None:
        parameters = {"alpha": "3", "max-depth": "2", "kind": "ridge", "rows": "all"}
        self.trainer.start(
            RunRequest(RUN_ID, "pulse", "train", "", {}, parameters, {"baton.model": "pulse"}, 300.0, sweep=asked)
        )

    def look(self) -> RunSeen:
        seen = self.trainer.look(RUN_ID)
        assert seen is not None
        return seen

    def three(self) -> None:
        """Three trials, one of which failed."""
        self.start()
        self.sweeps.tried(RUN_ID, 1, 20.0, alpha="1.5")
        self.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
        self.sweeps.failed(RUN_ID, 2, "train.py failed: exit code 1")


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2, source: Path) -> Bench:
    return Bench(azureml_v2, source)


def test_a_search_becomes_one_sweep_under_the_runs_id_however_often_it_is_started(bench: Bench) -> None:
    bench.start()
    bench.start()
    assert bench.fake.begun == [RUN_ID]
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


def test_the_caps_of_a_search_are_those_of_the_sweep(bench: Bench) -> None:
    bench.start()
    assert bench.fake.jobs[RUN_ID]["properties"]["limits"] == {
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
    request = json.loads(trial["environmentVariables"]["BATON_REQUEST"])
    assert (request["run_id"], request["parameters"]["rows"]) == (RUN_ID, "all")


def test_bayesian_sampling_has_no_logarithmic_range(bench: Bench) -> None:
    with pytest.raises(AzureMLRefused, match="knows no logarithmic range"):
        bench.start(Sweep(SPACE, "bayesian", 0, "minimize", 3, 2, 240.0))
    assert bench.fake.begun == []


def test_the_best_trial_is_the_candidate_and_all_of_them_are_told(bench: Bench) -> None:
    bench.three()
    assert bench.look().status == "running"
    bench.sweeps.finish(RUN_ID, best=1)
    seen = bench.look()
    assert (seen.status, seen.seconds) == ("completed", 360.0)
    assert seen.result["metrics"] == {"mse_train": 2890.0}
    search = seen.result["search"]
    assert isinstance(search, dict)
    assert search["best"] == {"number": 1, "value": 20.0, "parameters": {"alpha": "1.5"}}
    assert (search["trials"], search["failed"], search["ended"], search["run"]) == (
        3,
        1,
        "all 3 trials were made",
        f"{RUN_ID}_1",
    )
    listed = seen.result["attachments"]["trials"]["trials"]  # type: ignore[index]
    assert [(one["number"], one["value"], one["error"]) for one in listed] == [
        (0, 30.0, ""),
        (1, 20.0, ""),
        (2, None, "train.py failed: exit code 1"),
    ]


def test_a_version_is_registered_from_the_best_trial_under_the_sweeps_id(bench: Bench, tmp_path: Path) -> None:
    bench.three()
    bench.sweeps.finish(RUN_ID, best=1)
    registry = AzureMLV2Registry(bench.fake.service(), pause=lambda _seconds: None)
    version = registry.register("pulse", run_id=RUN_ID, tags={})
    assert registry.register("pulse", run_id=RUN_ID, tags={}) == version
    found = registry.version("pulse", version)
    assert found is not None
    assert found.run_id == RUN_ID
    registry.fetch("pulse", version, tmp_path / "model")
    assert (tmp_path / "model/model.json").read_text() == "1"


@pytest.mark.parametrize(("goal", "best"), [("minimize", 1), ("maximize", 0)])
def test_where_the_service_names_no_best_trial_the_values_do(bench: Bench, goal: str, best: int) -> None:
    bench.three()
    bench.fake.jobs[RUN_ID]["properties"]["tags"]["baton.sweep"] = json.dumps(
        {"trials": 3, "seconds": 240, "goal": goal}
    )
    bench.sweeps.finish(RUN_ID)
    search = bench.look().result["search"]
    assert isinstance(search, dict)
    assert search["best"]["number"] == best


def test_a_sweep_that_its_time_ended_has_what_its_trials_found(bench: Bench) -> None:
    bench.start()
    bench.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
    bench.sweeps.trial(RUN_ID, 1, status="Canceled")
    bench.sweeps.finish(RUN_ID, status="Canceled", minutes=4)
    assert bench.look().status == "running"  # another trial may show yet
    bench.ahead = timedelta(minutes=2)
    seen = bench.look()
    search = seen.result["search"]
    assert isinstance(search, dict)
    assert (seen.status, search["ended"], search["trials"]) == ("completed", "its 240 s were over", 2)


def test_a_sweep_that_somebody_canceled_is_canceled(bench: Bench) -> None:
    bench.start()
    bench.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
    bench.trainer.cancel(RUN_ID)
    assert bench.fake.jobs[RUN_ID]["properties"]["status"] == "Canceled"
    assert (bench.look().status, bench.look().reason) == ("canceled", "canceled on request")


def test_trials_that_show_late_are_waited_for(bench: Bench) -> None:
    bench.three()
    bench.sweeps.hidden.add(f"{RUN_ID}_1")
    bench.sweeps.finish(RUN_ID, best=1)
    assert bench.look().status == "running"
    bench.sweeps.hidden.clear()
    assert bench.look().status == "completed"


def test_a_trial_without_a_result_is_waited_for_and_then_has_failed(bench: Bench) -> None:
    bench.three()
    del bench.fake.blobs.files["azureml", f"ExperimentRun/dcid.{RUN_ID}_1/outputs/result.json"]
    bench.sweeps.finish(RUN_ID, best=1)
    assert bench.look().status == "running"
    bench.ahead = timedelta(minutes=11)
    seen = bench.look()
    search = seen.result["search"]
    assert isinstance(search, dict)
    assert (seen.status, search["best"]["number"], search["failed"]) == ("completed", 0, 2)


def test_a_sweep_whose_trials_all_failed_is_no_candidate(bench: Bench) -> None:
    bench.start()
    for number in range(3):
        bench.sweeps.failed(RUN_ID, number, f"no luck {number}")
    bench.sweeps.finish(RUN_ID)
    seen = bench.look()
    assert (seen.status, seen.reason) == ("failed", "the search found no parameters: no luck 2")
    registry = AzureMLV2Registry(bench.fake.service(), pause=lambda _seconds: None)
    with pytest.raises(RunFailed, match="no trial of pulse-0001-t-1 came to its end"):
        registry.register("pulse", run_id=RUN_ID, tags={})


def test_trials_that_cannot_be_listed_are_an_error_and_not_none(bench: Bench) -> None:
    bench.three()
    bench.sweeps.finish(RUN_ID, best=1)
    bench.fake.wire.fail("GET", "/children$", 403)
    with pytest.raises(AzureMLRefused, match="role on the workspace"):
        bench.look()
