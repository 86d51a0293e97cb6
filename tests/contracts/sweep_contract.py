"""What a search as a sweep of the platform's own must be, whichever SDK starts it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import RunFailed
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.port import Registry, RunRequest, RunSeen, Sweep, Trainer
from tests.wire.server import WireServer
from tests.wire.trials import Trials

RUN_ID = "pulse-0001-t-1"
SPACE = {"alpha": "0.01 to 100, log", "max-depth": "1 to 3", "kind": "ridge | lasso"}
ASKED = Sweep(SPACE, "random", 7, "minimize", trials=3, jobs=2, seconds=240.0)
RESULT = "outputs/result.json"


class SweepBench(ABC):
    trainer: Trainer
    registry: Registry
    sweeps: Trials
    wire: WireServer
    begun: list[str]

    def __init__(self) -> None:
        self.ahead = timedelta()

    @abstractmethod
    def status(self) -> str:
        """The service's own word for how far the sweep is."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def start(self, asked: Sweep = ASKED) -> None:
        parameters = {"alpha": "3", "max-depth": "2", "kind": "ridge", "rows": "all"}
        self.trainer.start(
            RunRequest(RUN_ID, "pulse", "train", "", {}, parameters, {"baton.model": "pulse"}, 300.0, sweep=asked)
        )

    def look(self) -> RunSeen:
        seen = self.trainer.look(RUN_ID)
        assert seen is not None
        return seen

    def searched(self) -> dict[str, Any]:
        """What a completed sweep tells of its search."""
        seen = self.look()
        assert seen.status == "completed", seen
        search = seen.result["search"]
        assert isinstance(search, dict)
        return search

    def three(self, asked: Sweep = ASKED) -> None:
        """Three trials, one of which failed."""
        self.start(asked)
        self.sweeps.tried(RUN_ID, 1, 20.0, alpha="1.5")
        self.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
        self.sweeps.failed(RUN_ID, 2, "train.py failed: exit code 1")


class SweepContract(ABC):
    @pytest.fixture
    @abstractmethod
    def bench(self) -> SweepBench: ...

    def test_a_search_becomes_one_sweep_under_the_runs_id_however_often_it_is_started(self, bench: SweepBench) -> None:
        bench.start()
        bench.start()
        assert bench.begun == [RUN_ID]

    def test_bayesian_sampling_has_no_logarithmic_range(self, bench: SweepBench) -> None:
        with pytest.raises(AzureMLRefused, match="knows no logarithmic range"):
            bench.start(replace(ASKED, sampler="bayesian"))
        assert bench.begun == []

    def test_the_best_trial_is_the_candidate_and_all_of_them_are_told(self, bench: SweepBench) -> None:
        bench.three()
        assert bench.look().status == "running"
        bench.sweeps.finish(RUN_ID, best=1)
        seen, search = bench.look(), bench.searched()
        assert (seen.seconds, seen.result["metrics"]) == (360.0, {"mse_train": 2890.0})
        assert search["best"] == {"number": 1, "value": 20.0, "parameters": {"alpha": "1.5"}}
        assert (search["trials"], search["failed"], search["run"]) == (3, 1, f"{RUN_ID}_1")
        assert search["ended"] == "all 3 trials were made"
        listed = seen.result["attachments"]["trials"]["trials"]  # type: ignore[index]
        assert [(one["number"], one["value"], one["error"]) for one in listed] == [
            (0, 30.0, ""),
            (1, 20.0, ""),
            (2, None, "train.py failed: exit code 1"),
        ]

    def test_a_version_is_registered_from_the_best_trial_under_the_sweeps_id(
        self, bench: SweepBench, tmp_path: Path
    ) -> None:
        bench.three()
        bench.sweeps.finish(RUN_ID, best=1)
        version = bench.registry.register("pulse", run_id=RUN_ID, tags={})
        assert bench.registry.register("pulse", run_id=RUN_ID, tags={}) == version
        found = bench.registry.version("pulse", version)
        assert found is not None
        assert found.run_id == RUN_ID
        bench.registry.fetch("pulse", version, tmp_path / "model")
        assert (tmp_path / "model/model.json").read_text() == "1"

    def test_a_sweep_that_its_time_ended_has_what_its_trials_found(self, bench: SweepBench) -> None:
        bench.start()
        bench.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
        bench.sweeps.trial(RUN_ID, 1, status="Canceled")
        bench.sweeps.finish(RUN_ID, status="Canceled", minutes=4)
        assert bench.look().status == "running"  # another trial may show yet
        bench.ahead = timedelta(minutes=2)
        search = bench.searched()
        assert (search["ended"], search["trials"]) == ("its 240 s were over", 2)

    def test_a_sweep_that_somebody_canceled_is_canceled(self, bench: SweepBench) -> None:
        bench.start()
        bench.sweeps.tried(RUN_ID, 0, 30.0, alpha="9.0")
        bench.trainer.cancel(RUN_ID)
        assert bench.status() == "Canceled"
        assert (bench.look().status, bench.look().reason) == ("canceled", "canceled on request")

    def test_trials_that_cannot_be_listed_are_an_error_and_not_none(self, bench: SweepBench) -> None:
        bench.three()
        bench.sweeps.finish(RUN_ID, best=1)
        bench.wire.fail("GET", "/children$", 403)
        with pytest.raises(AzureMLRefused, match="role on the workspace"):
            bench.look()


class SweepCorners(ABC):
    """What a service shows late, or never. The same code answers for both SDKs, so one of them is enough every time."""

    @pytest.fixture
    @abstractmethod
    def bench(self) -> SweepBench: ...

    @pytest.mark.parametrize(("goal", "best"), [("minimize", 1), ("maximize", 0)])
    def test_where_the_service_names_no_best_trial_the_values_do(self, bench: SweepBench, goal: str, best: int) -> None:
        bench.three(replace(ASKED, goal=goal))  # type: ignore[arg-type]
        bench.sweeps.finish(RUN_ID)
        assert bench.searched()["best"]["number"] == best

    def test_trials_that_show_late_are_waited_for(self, bench: SweepBench) -> None:
        bench.three()
        bench.sweeps.hidden.add(f"{RUN_ID}_1")
        bench.sweeps.finish(RUN_ID, best=1)
        assert bench.look().status == "running"
        bench.sweeps.hidden.clear()
        assert bench.look().status == "completed"

    def test_a_trial_without_a_result_is_waited_for_and_then_has_failed(self, bench: SweepBench) -> None:
        bench.three()
        bench.sweeps.lose(RUN_ID, 1, RESULT)
        bench.sweeps.finish(RUN_ID, best=1)
        assert bench.look().status == "running"
        bench.ahead = timedelta(minutes=11)
        search = bench.searched()
        assert (search["best"]["number"], search["failed"]) == (0, 2)

    def test_a_sweep_whose_trials_all_failed_is_no_candidate(self, bench: SweepBench) -> None:
        bench.start()
        for number in range(3):
            bench.sweeps.failed(RUN_ID, number, f"no luck {number}")
        bench.sweeps.finish(RUN_ID)
        seen = bench.look()
        assert (seen.status, seen.reason) == ("failed", "the search found no parameters: no luck 2")
        with pytest.raises(RunFailed, match="no trial of pulse-0001-t-1 came to its end"):
            bench.registry.register("pulse", run_id=RUN_ID, tags={})
