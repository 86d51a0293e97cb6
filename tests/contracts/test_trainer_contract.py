"""What every trainer must keep to. A later adapter subclasses `TrainerContract` and offers its own bench."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

import pytest

from local.daemon import wait_until
from shared.platforms.local import LocalTrainer
from shared.platforms.port import RunRequest, RunSeen, Trainer
from tests.contracts.dying_callers import request as local_request
from tests.contracts.interruption import interrupted, raise_interrupted
from tests.contracts.processes import command_lines
from tests.fakes import platform
from tests.fakes.platform import FakeTrainer, Outcome

Behaviour = Literal["succeeds", "fails", "lasts"]


class TrainerBench(Protocol):
    """A trainer, and what the suite must be able to see and do around it."""

    @property
    def trainer(self) -> Trainer: ...

    def request(self, run_id: str, behaviour: Behaviour) -> RunRequest:
        """A run that soon completes with the result {"v": 1, "answer": 42}, that fails for "no column Y", or that lasts."""
        ...

    def begun(self, run_id: str) -> int:
        """How often the run's own work began."""
        ...

    def processes(self, run_id: str) -> int:
        """How many runs are going under this id right now."""
        ...

    def killed_callers(self) -> list[str]:
        """Run ids whose caller died in `start`, each at another line, up to the last line."""
        ...

    def racing_callers(self) -> str:
        """The id of a lasting run that eight callers started at the same moment."""
        ...


class TrainerContract:
    @pytest.fixture
    def bench(self) -> Iterator[TrainerBench]:
        raise NotImplementedError

    def test_a_run_that_was_never_started_is_none(self, bench: TrainerBench) -> None:
        assert bench.trainer.look("pulse-0009-t-1") is None

    def test_a_started_run_completes_with_its_result(self, bench: TrainerBench) -> None:
        bench.trainer.start(bench.request("pulse-0001-t-1", "succeeds"))
        seen = ended(bench, "pulse-0001-t-1")
        assert (seen.run_id, seen.status) == ("pulse-0001-t-1", "completed")
        assert seen.result == {"v": 1, "answer": 42}

    def test_a_failed_run_says_why_and_has_no_result(self, bench: TrainerBench) -> None:
        bench.trainer.start(bench.request("pulse-0001-t-1", "fails"))
        seen = ended(bench, "pulse-0001-t-1")
        assert seen.status == "failed"
        assert "no column Y" in seen.reason
        assert seen.result == {}

    def test_a_second_start_starts_no_second_run(self, bench: TrainerBench) -> None:
        request = bench.request("pulse-0001-t-1", "succeeds")
        bench.trainer.start(request)
        bench.trainer.start(request)
        ended(bench, "pulse-0001-t-1")
        bench.trainer.start(request)
        assert ended(bench, "pulse-0001-t-1").status == "completed"
        assert bench.begun("pulse-0001-t-1") == 1

    def test_a_canceled_run_stops(self, bench: TrainerBench) -> None:
        bench.trainer.start(bench.request("pulse-0001-t-1", "lasts"))
        running(bench, "pulse-0001-t-1")
        bench.trainer.cancel("pulse-0001-t-1")
        assert ended(bench, "pulse-0001-t-1").status == "canceled"
        wait_until(lambda: bench.processes("pulse-0001-t-1") == 0, timeout_seconds=10, what="the run did not stop")

    def test_canceling_a_run_that_never_was_brings_none_about(self, bench: TrainerBench) -> None:
        bench.trainer.cancel("pulse-0001-t-1")
        assert bench.trainer.look("pulse-0001-t-1") is None

    def test_canceling_a_run_that_completed_leaves_it_completed(self, bench: TrainerBench) -> None:
        bench.trainer.start(bench.request("pulse-0001-t-1", "succeeds"))
        ended(bench, "pulse-0001-t-1")
        bench.trainer.cancel("pulse-0001-t-1")
        assert ended(bench, "pulse-0001-t-1").status == "completed"

    def test_eight_callers_at_once_start_one_run(self, bench: TrainerBench) -> None:
        run_id = bench.racing_callers()
        running(bench, run_id)
        assert bench.begun(run_id) == 1
        assert bench.processes(run_id) == 1

    def test_a_caller_killed_between_any_two_lines_of_start_leaves_one_run_after_a_repeat(
        self, bench: TrainerBench
    ) -> None:
        run_ids = bench.killed_callers()
        for run_id in run_ids:
            bench.trainer.start(bench.request(run_id, "succeeds"))
        assert {ended(bench, run_id).status for run_id in run_ids} == {"completed"}
        assert {run_id: bench.begun(run_id) for run_id in run_ids} == dict.fromkeys(run_ids, 1)
        assert {run_id: bench.processes(run_id) for run_id in run_ids} == dict.fromkeys(run_ids, 0)

    def test_the_run_of_a_killed_caller_is_seen_or_was_never_started(self, bench: TrainerBench) -> None:
        for run_id in bench.killed_callers():
            if bench.trainer.look(run_id) is not None:
                assert ended(bench, run_id).status == "completed"
                assert bench.begun(run_id) == 1


def ended(bench: TrainerBench, run_id: str) -> RunSeen:
    """Look until the run is over."""

    def over() -> bool:
        seen = bench.trainer.look(run_id)
        return seen is not None and seen.status not in ("queued", "running")

    wait_until(over, timeout_seconds=60, what=f"run {run_id} did not end")
    seen = bench.trainer.look(run_id)
    assert seen
    return seen


def running(bench: TrainerBench, run_id: str) -> None:
    """Look until the run's own work has begun."""
    wait_until(lambda: bench.trainer.look(run_id) is not None, timeout_seconds=60, what=f"run {run_id} did not appear")
    wait_until(lambda: bench.begun(run_id) > 0, timeout_seconds=60, what=f"run {run_id} did not begin")


OUTCOMES = {"succeeds": Outcome(result={"v": 1, "answer": 42}), "fails": Outcome("failed", "no column Y")}


class FakeBench:
    def __init__(self) -> None:
        self.trainer = FakeTrainer()

    def request(self, run_id: str, behaviour: Behaviour) -> RunRequest:
        if behaviour in OUTCOMES:
            self.trainer.script[run_id] = OUTCOMES[behaviour]
        return RunRequest(run_id, "pulse", "train", folder="")

    def begun(self, run_id: str) -> int:
        return sum(request.run_id == run_id for request in self.trainer.started)

    def processes(self, run_id: str) -> int:
        seen = self.trainer.look(run_id)
        return int(seen is not None and seen.status == "running")

    def killed_callers(self) -> list[str]:
        ids = []
        for line in count(1):
            request = self.request(f"pulse-0001-t-{line}", "succeeds")
            ids.append(request.run_id)
            start = partial(self.trainer.start, request)
            if not interrupted(start, at_line=line, files=[str(platform.__file__)], how=raise_interrupted):
                return ids
        raise AssertionError("unreachable")

    def racing_callers(self) -> str:
        request = self.request("pulse-0002-t-1", "lasts")
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(self.trainer.start, [request] * 8))
        return request.run_id


class TestFakeTrainer(TrainerContract):
    @pytest.fixture
    def bench(self) -> FakeBench:
        return FakeBench()


SCRIPT = """
import json, os, pathlib, sys, time
run = pathlib.Path(os.environ["BATON_RUN_DIR"])
with (pathlib.Path(__file__).parent / f"begun-{run.name}").open("a") as begun:
    begun.write("begun\\n")
behaviour = json.loads((run / "request.json").read_text())["parameters"]["behaviour"]
if behaviour == "lasts":
    time.sleep(300)
if behaviour == "fails":
    sys.exit("no column Y")
(run / "result.json").write_text('{"v": 1, "answer": 42}')
"""


class LocalBench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "step.py").write_text(SCRIPT)
        self.command = [sys.executable, str(folder / "step.py")]
        self.trainer = LocalTrainer(folder / "home", command=self.command)

    def request(self, run_id: str, behaviour: Behaviour) -> RunRequest:
        return local_request(run_id, behaviour)

    def begun(self, run_id: str) -> int:
        mark = self.folder / f"begun-{run_id}"
        return len(mark.read_text().splitlines()) if mark.exists() else 0

    def processes(self, run_id: str) -> int:
        run = str(self.trainer.runs / run_id)
        return sum({"local.supervisor", run} <= set(arguments) for arguments in command_lines())

    def killed_callers(self) -> list[str]:
        return self._callers("killed")

    def racing_callers(self) -> str:
        return self._callers("racing")[0]

    def _callers(self, mode: str) -> list[str]:
        arguments = [mode, str(self.folder / "home"), *self.command]
        done = subprocess.run(
            [sys.executable, "-m", "tests.contracts.dying_callers", *arguments], stdout=subprocess.PIPE, check=True
        )
        ids: list[str] = json.loads(done.stdout)
        return ids

    def close(self) -> None:
        """End what still lasts."""
        for path in self.trainer.runs.glob("[!.]*"):
            self.trainer.cancel(path.name)
        for path in self.trainer.runs.glob("[!.]*"):
            ended(self, path.name)


class TestLocalTrainer(TrainerContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[LocalBench]:
        bench = LocalBench(tmp_path)
        yield bench
        bench.close()
