"""What the laptop's trainer promises beyond the port: limits, reasons, a clean end after a crash, and events."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.daemon import wait_until
from local.topic import WorkspaceTopic
from local.workspace import Caretaker
from shared.errors import CapacityRefused
from shared.platforms.local import LocalTrainer
from shared.platforms.local_run import RunFolder, find_run, make_run
from shared.platforms.port import RunRequest, RunSeen
from tests.integration.recording import Peer, Request, peer

RUN = "pulse-0001-t-1"
SECRETS = {"BATON_APPROVAL_KEY": "sign-with-this", "BATON_TOPIC_KEY": "publish-with-this", "BATON_ROUTER_KEY": "deploy"}
ENVIRONMENT = {"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "BATON_DATA": "data"}
COMPLETES = "(run / 'result.json').write_text('{\"v\": 1}')"

Trains = Callable[..., LocalTrainer]


@pytest.fixture
def trains(tmp_path: Path) -> Iterator[Trains]:
    """A trainer whose step is a Python text that finds its run's folder in `run`; what still goes is canceled."""
    trainers: list[LocalTrainer] = []

    def make(step: str, *, runs_at_once: int = 9, **environment: str) -> LocalTrainer:
        (tmp_path / "step.py").write_text(
            f"import os, pathlib\nrun = pathlib.Path(os.environ['BATON_RUN_DIR'])\n{step}\n"
        )
        command = [sys.executable, str(tmp_path / "step.py")]
        told = {**ENVIRONMENT, **environment}
        trainers.append(LocalTrainer(tmp_path / "home", command=command, environment=told, runs_at_once=runs_at_once))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.cancel(RUN)
        if trainer.look(RUN):
            until_over(trainer)


def request(*, max_seconds: float = 60, max_memory_mb: int = 500) -> RunRequest:
    tags = {"baton.release": "pulse-0001"}
    return RunRequest(RUN, "pulse", "train", folder="", tags=tags, max_seconds=max_seconds, max_memory_mb=max_memory_mb)


def until_over(trainer: LocalTrainer) -> RunSeen:
    def over() -> bool:
        seen = trainer.look(RUN)
        return seen is not None and seen.status not in ("queued", "running")

    wait_until(over, timeout_seconds=30, what="the run did not end")
    seen = trainer.look(RUN)
    assert seen
    return seen


def folder_of(trainer: LocalTrainer) -> RunFolder:
    folder = find_run(trainer.runs, RUN)
    assert folder
    return folder


def test_a_run_over_its_time_is_ended_and_says_how_to_get_more(trains: Trains) -> None:
    trainer = trains("import time; time.sleep(60)")
    trainer.start(request(max_seconds=0.3))
    seen = until_over(trainer)
    assert seen.status == "failed"
    assert "its limit. Next: raise train.max_minutes in model.yaml" in seen.reason


def test_a_machine_without_room_refuses_new_runs_only_and_takes_them_when_one_has_ended(trains: Trains) -> None:
    trainer = trains("import time; time.sleep(60)", runs_at_once=1)
    trainer.start(request())
    other = replace(request(), run_id="pulse-0002-t-1", max_seconds=0.1)

    with pytest.raises(CapacityRefused, match="1 runs go on this machine, which has room for 1"):
        trainer.start(other)
    trainer.start(request())
    assert trainer.look(other.run_id) is None

    trainer.cancel(RUN)
    until_over(trainer)
    trainer.start(other)
    wait_until(lambda: _is_over(trainer, other.run_id), timeout_seconds=30, what="the second run did not end")


def _is_over(trainer: LocalTrainer, run_id: str) -> bool:
    seen = trainer.look(run_id)
    return seen is not None and seen.status not in ("queued", "running")


def test_a_run_over_its_memory_is_ended_and_says_how_much_it_used(trains: Trains) -> None:
    trainer = trains("import time; held = bytearray(200 * 2**20); time.sleep(60)")
    trainer.start(request(max_memory_mb=150))
    seen = until_over(trainer)
    assert seen.status == "failed"
    assert "its limit is 150 MB" in seen.reason
    assert "train.max_memory_mb" in seen.reason


def test_memory_of_the_processes_that_a_run_starts_counts_too(trains: Trains) -> None:
    child = "import time; held = bytearray(200 * 2**20); time.sleep(60)"
    trainer = trains(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])")
    trainer.start(request(max_memory_mb=150))
    assert "its limit is 150 MB" in until_over(trainer).reason


def test_what_a_run_leaves_behind_is_ended_with_it(trains: Trains) -> None:
    leaves = "import subprocess; p = subprocess.Popen(['sleep', '300']); (run / 'left').write_text(str(p.pid))"
    trainer = trains(f"{leaves}\n{COMPLETES}")
    trainer.start(request())
    assert until_over(trainer).status == "completed"
    left = int((folder_of(trainer).path / "left").read_text())
    wait_until(lambda: not alive(left), timeout_seconds=10, what="the process stayed")


def test_a_run_that_refuses_to_stop_is_killed(trains: Trains) -> None:
    trainer = trains("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    trainer.start(request(max_seconds=0.3))
    assert until_over(trainer).status == "failed"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            "raise ValueError('alpha must be above 0')",
            "exit code 1; its last words: .*ValueError: alpha must be above 0",
        ),
        ("os.kill(os.getpid(), 9)", "signal 9; its last words: none"),
        ("print('done')", "exit code 0 but wrote no result.json"),
        ("(run / 'result.json').write_text('{\"v\": 1, ')", "wrote no result.json"),
        (
            '(run / \'error.json\').write_text(\'{"what": "no metric mse.", "next": "log it"}\'); os._exit(1)',
            "^no metric mse. Next: log it.$",
        ),
    ],
)
def test_a_failed_run_gives_the_best_reason_there_is(trains: Trains, step: str, reason: str) -> None:
    trainer = trains(step)
    trainer.start(request())
    seen = until_over(trainer)
    assert seen.status == "failed"
    assert re.search(reason, seen.reason), seen.reason


def test_a_runs_code_sees_none_of_batons_secrets(trains: Trains) -> None:
    trainer = trains(
        f"import json; (run / 'env.json').write_text(json.dumps(dict(os.environ)))\n{COMPLETES}", **SECRETS
    )
    trainer.start(request())
    until_over(trainer)
    seen = json.loads((folder_of(trainer).path / "env.json").read_text())
    assert not SECRETS.keys() & seen.keys()
    assert seen["BATON_PYTHONS"] == "{}"
    assert seen["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:9"


def test_a_run_whose_supervisor_is_killed_fails_and_its_command_does_not_go_on(trains: Trains) -> None:
    trainer = trains("import time; (run / 'begun').touch(); time.sleep(300)")
    trainer.start(request())
    folder = folder_of(trainer)
    wait_until((folder.path / "begun").exists, timeout_seconds=20, what="the command did not begin")
    command = int((folder.path / "command.lock").read_text())
    os.kill(int((folder.path / "supervisor.lock").read_text()), signal.SIGKILL)
    seen = until_over(trainer)
    assert seen.status == "failed"
    assert "its supervisor ended before it did" in seen.reason
    assert not alive(command)


def test_a_run_that_was_asked_for_but_never_supervised_goes_when_somebody_looks(trains: Trains) -> None:
    trainer = trains(COMPLETES)
    make_run(trainer.runs, request())
    assert trainer.look(RUN) is not None
    assert until_over(trainer).status == "completed"


def test_a_missing_input_fails_the_run_with_what_to_do(trains: Trains) -> None:
    trainer = trains(COMPLETES, BATON_DATA="")
    trainer.start(RunRequest(RUN, "pulse", "train", folder="0" * 16))
    seen = until_over(trainer)
    assert seen.status == "failed"
    assert seen.reason == "BATON_DATA is not set where the run was started. Next: start with `baton up`, which sets it."


def test_each_status_is_told_to_event_grid_once_and_in_order(trains: Trains) -> None:
    with peer(lambda _: (200, {})) as grid:
        trainer = trains(COMPLETES, **topic_settings(grid))
        trainer.start(request())
        running, completed = grid.next(), grid.next()
        assert until_over(trainer).status == "completed"
    assert grid.arrived.empty()
    assert kinds([running, completed]) == ["RunStatusChanged", "RunCompleted"]
    event = running.body[0]
    assert event["subject"] == f"experiments/{event['data']['experimentId']}/runs/{RUN}"
    assert event["data"]["runStatus"] == "Running"
    assert event["data"]["runTags"] == {"baton.release": "pulse-0001"}
    assert completed.body[0]["data"]["runId"] == RUN
    assert "runStatus" not in completed.body[0]["data"]


def test_a_failed_run_is_told_as_a_changed_status(trains: Trains) -> None:
    with peer(lambda _: (200, {})) as grid:
        trainer = trains("raise SystemExit(3)", **topic_settings(grid))
        trainer.start(request())
        assert [grid.next().body[0]["data"]["runStatus"] for _ in range(2)] == ["Running", "Failed"]


def test_an_event_that_was_not_taken_comes_again_with_the_same_id_and_time(trains: Trains) -> None:
    statuses = iter([503, 503])
    with peer(lambda _: (next(statuses, 200), {})) as grid:
        trainer = trains(COMPLETES, **topic_settings(grid))
        trainer.start(request())
        told = [grid.next() for _ in range(4)]
    assert kinds(told) == ["RunStatusChanged"] * 3 + ["RunCompleted"]
    assert len({(request.body[0]["id"], request.body[0]["eventTime"]) for request in told[:3]}) == 1


def test_what_a_dead_supervisor_left_untold_is_told_by_the_workspace(trains: Trains) -> None:
    with peer(lambda _: (503, {})) as deaf:
        trainer = trains(COMPLETES, **topic_settings(deaf))
        trainer.start(request())
        until_over(trainer)
        os.kill(int((folder_of(trainer).path / "supervisor.lock").read_text()), signal.SIGKILL)
    with peer(lambda _: (200, {})) as grid:
        caretaker = Caretaker(trainer, WorkspaceTopic(f"{grid.url}/api/events", "key"))

        def both_told() -> bool:
            caretaker.beat()
            return grid.arrived.qsize() == 2

        wait_until(both_told, timeout_seconds=20, what="nobody told")
        caretaker.beat()
        assert kinds([grid.next(), grid.next()]) == ["RunStatusChanged", "RunCompleted"]
        assert grid.arrived.empty()


def topic_settings(grid: Peer) -> dict[str, str]:
    return {"BATON_WORKSPACE_TOPIC": f"{grid.url}/topics/workspace/api/events", "BATON_TOPIC_KEY": "key"}


def kinds(told: list[Request]) -> list[str]:
    return [request.body[0]["eventType"].removeprefix("Microsoft.MachineLearningServices.") for request in told]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # who was killed here may wait for a parent that reaps it
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
