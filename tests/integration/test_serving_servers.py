"""The servers' lives: starts that fail, servers and routers that are killed, ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.daemon import DaemonFailed
from shared.errors import PlatformBusy
from shared.platforms.port import DeployRequest
from tests.integration.serving import FIRST, KEY, MODEL, SECOND, Bench, bench, until


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Bench]:
    """Version 1 has all traffic."""
    with bench(tmp_path / "home") as started:
        started.serve()
        yield started


def test_a_score_py_that_raises_at_init_fails_with_what_it_raised(serving: Bench) -> None:
    failed = serving.deploy(SECOND, "2", "raises")
    assert failed.state == "failed"
    assert "RuntimeError: no coefficients in the model folder" in failed.reason
    assert 'score.py", line 2, in init' in failed.reason


def test_a_score_py_that_hangs_at_init_fails_in_time_and_leaves_the_others_alone(serving: Bench) -> None:
    serving.kill()
    serving.options = ("--start-seconds", "2")
    serving.start()
    serving.endpoints.deploy(DeployRequest(MODEL, SECOND, "2", "hangs"))
    assert serving.look(SECOND).state == "starting"
    assert serving.score().status == 200
    serving.settled(SECOND)
    assert serving.look(SECOND).reason.startswith("no answer within 2 s")
    until(lambda: not serving.server_pids(SECOND), "the hanging server was not ended")


def test_a_deployment_that_starts_or_failed_gets_no_traffic(serving: Bench) -> None:
    serving.endpoints.deploy(DeployRequest(MODEL, SECOND, "2", "hangs"))
    with pytest.raises(PlatformBusy, match="is starting"):
        serving.endpoints.set_traffic(MODEL, {SECOND: 100}, expected={FIRST: 100})


def test_requirements_that_cannot_be_installed_fail_the_deployment_with_the_reason(serving: Bench) -> None:
    code = serving.home / "endpoints" / MODEL / SECOND / "code"
    code.mkdir(parents=True)
    (code / "score.py").write_text("")
    (code / "requirements.txt").write_text("-e ../elsewhere\n")
    serving.admin("PUT", f"/{MODEL}/deployments/{SECOND}", {"version": "2", "folder": "f"})
    serving.settled(SECOND)
    assert "refers to '-e ../elsewhere'" in serving.look(SECOND).reason


def test_a_killed_server_is_a_502_and_is_started_again(serving: Bench) -> None:
    for pid in serving.server_pids():
        os.kill(pid, signal.SIGKILL)
    answer = serving.score()
    assert (answer.status, answer.headers["x-baton-deployment"]) == (502, FIRST)
    assert "try again" in answer.document["next"]
    until(lambda: serving.state()["restarts"] == 1, "the death went unseen")
    serving.settled()
    assert serving.score().status == 200


def test_a_worker_that_ends_during_a_request_is_a_502_and_counts_as_an_error(serving: Bench) -> None:
    assert serving.score(json.dumps({"exit": True})).status == 502
    assert (serving.look().requests, serving.look().errors) == (1, 1)
    until(lambda: serving.score().status == 200, "gunicorn did not replace the worker")


def test_after_a_crash_of_the_router_the_next_one_finds_the_same_servers(serving: Bench) -> None:
    before = serving.server_pids()
    serving.kill()
    serving.start()
    serving.settled()
    assert serving.server_pids() == before
    assert serving.score().document["version"] == "1"


def test_the_split_survives_a_crash_of_the_router_that_comes_at_once(serving: Bench) -> None:
    serving.deploy(SECOND, "2")
    serving.endpoints.set_traffic(MODEL, {FIRST: 60, SECOND: 40}, expected={FIRST: 100})
    serving.kill()
    serving.start()
    seen = serving.endpoints.look(MODEL)
    assert seen
    assert seen.split == {FIRST: 60, SECOND: 40}


def test_what_was_counted_survives_an_ordered_restart(serving: Bench) -> None:
    serving.score()
    serving.score("{}")
    serving.router.stop()
    serving.start()
    assert (serving.look().requests, serving.look().errors) == (2, 1)


def test_servers_that_died_with_their_router_are_started_again(serving: Bench) -> None:
    before = serving.server_pids()
    serving.kill()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    serving.start()
    serving.settled()
    assert serving.score().status == 200
    assert not set(before) & set(serving.server_pids())


def test_the_end_of_the_router_is_the_end_of_its_servers(serving: Bench) -> None:
    serving.router.stop()
    assert serving.server_pids() == []


def test_servers_can_be_kept_when_the_router_ends(tmp_path: Path) -> None:
    with bench(tmp_path / "home", "--keep-servers") as started:
        started.serve()
        before = started.server_pids()
        started.router.stop()
        assert started.server_pids() == before


def test_a_removed_deployment_leaves_neither_process_nor_folder(serving: Bench) -> None:
    serving.deploy(SECOND, "2")
    serving.endpoints.remove(MODEL, SECOND)
    assert serving.server_pids(SECOND) == []
    assert [folder.name for folder in (serving.home / "endpoints" / MODEL).iterdir()] == [FIRST]


def test_a_name_can_be_used_again_after_its_removal(serving: Bench) -> None:
    serving.deploy(SECOND, "2", "raises")
    serving.endpoints.remove(MODEL, SECOND)
    assert serving.deploy(SECOND, "2", "scores").state == "healthy"


def test_a_second_router_on_the_same_home_is_refused(serving: Bench) -> None:
    with pytest.raises(DaemonFailed, match="a router already serves"):
        Bench(serving.home).start()


def test_a_router_without_its_key_does_not_start(tmp_path: Path) -> None:
    from local import processes

    with pytest.raises(DaemonFailed, match="BATON_ROUTER_KEY is missing"):
        processes.start(
            "router", ["local.serving", "--home", str(tmp_path)], {"BATON_ROUTER_KEY": ""}, tmp_path / "log"
        )


def test_the_key_stays_out_of_what_the_router_writes(serving: Bench) -> None:
    serving.score()
    written = [file for file in serving.home.rglob("*") if file.is_file() and "envs" not in file.parts]
    assert not [file for file in written if KEY.encode() in file.read_bytes()]
