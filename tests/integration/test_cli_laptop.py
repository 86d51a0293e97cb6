"""`baton down` and `baton doctor`: what is left over, what is wrong, and what mends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cli import machine, parts
from cli.address import Address
from cli.doctor import Finding, examine, told
from cli.machine import Wrong
from cli.newmodel import copy_template
from shared import chain
from tests.integration.command_line import CommandLine
from tests.integration.conftest import Daemon
from tests.storybook import serving

NO_PROCESS = 2**22 + 1  # one more than the kernel gives
GONE = {"pid": NO_PROCESS, "began": "0", "env": {}}


@pytest.fixture
def baton(tmp_path: Path) -> CommandLine:
    """A terminal with a home of its own."""
    return CommandLine({"BATON_HOME": str(tmp_path)})


def leave(home: Path, **pids: int) -> None:
    """The stack.json of a `baton up` that was killed."""
    (home / "stack.json").write_text(json.dumps({**GONE, "pids": pids}))


@pytest.fixture
def left_over(start: Callable[..., Daemon], tmp_path: Path) -> Daemon:
    """A part that runs on although its stack is gone."""
    daemon = start("local.eventgrid", "--host", "http://127.0.0.1:9", BATON_HOME=str(tmp_path), BATON_TOPIC_KEY="k")
    leave(tmp_path, eventgrid=daemon.process.pid)
    return daemon


# Down


def test_down_where_nothing_runs_says_so(baton: CommandLine) -> None:
    assert (baton("down").code, baton("down").out) == (0, "Nothing runs here.\n")


def test_down_ends_what_a_killed_stack_left_behind(baton: CommandLine, left_over: Daemon, tmp_path: Path) -> None:
    ran = baton("down")
    assert (left_over.process.wait(20) is not None, (tmp_path / "stack.json").exists()) == (True, False)
    assert ran.out == "The stack itself was gone; its parts that still ran are ended: eventgrid.\n"


def test_down_leaves_a_strange_process_with_a_reused_number_alone(baton: CommandLine, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        leave(tmp_path, host=stranger.pid)
        baton("down")
        assert stranger.poll() is None


def test_down_leaves_the_parts_of_another_home_alone(
    baton: CommandLine, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    other = str(tmp_path / "other")
    daemon = start("local.eventgrid", "--host", "http://127.0.0.1:9", BATON_HOME=other, BATON_TOPIC_KEY="k")
    leave(tmp_path, eventgrid=daemon.process.pid)
    baton("down")
    assert daemon.process.poll() is None


def test_up_refuses_to_start_beside_the_parts_of_a_killed_stack(baton: CommandLine, left_over: Daemon) -> None:
    ran = baton("up")
    assert (ran.code, ran.err) == (1, "Parts of an earlier stack still run: eventgrid.\nNext: baton down; baton up.\n")


def test_up_outside_of_a_clone_says_where_to_go(baton: CommandLine, here: Path) -> None:
    ran = baton("up")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "There is no function_app.py here.")


# Doctor


def found(baton: CommandLine, name: str) -> dict[str, object]:
    """The doctor's finding of this name."""
    findings: list[dict[str, object]] = baton("doctor", "--json").json
    return next(finding for finding in findings if finding["name"] == name)


def test_the_doctor_finds_the_stack_json_of_a_stack_that_is_gone(baton: CommandLine, here: Path) -> None:
    leave(here)
    finding = found(baton, "earlier stack")
    assert (finding["is_well"], finding["next"], baton("doctor").code) == (False, "baton down", 1)


def test_what_the_doctor_says_mends_the_fault(baton: CommandLine, here: Path) -> None:
    leave(here)
    baton("down")
    assert found(baton, "earlier stack")["is_well"]


def test_the_doctor_finds_a_model_folder_with_faults(baton: CommandLine, here: Path) -> None:
    copy_template(here / "models/rents", "rents")
    (here / "models/rents/train.py").unlink()
    finding = found(baton, "models/rents")
    assert (finding["is_well"], "models/rents/train.py: missing" in str(finding["what"])) == (False, True)


def test_the_doctor_finds_an_environment_that_is_not_built(baton: CommandLine, here: Path) -> None:
    copy_template(here / "models/rents", "rents")
    finding = found(baton, "models/rents to run")
    assert (finding["is_well"], "-m local.environments models/rents" in str(finding["next"])) == (False, True)


def test_the_doctor_finds_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="are free, less than 1e\\+09"):
        machine.disk(tmp_path, least_free_gb=1e9)


@pytest.mark.parametrize(
    ("addresses", "is_well", "told"),
    [
        ("", True, "nowhere but in files: .baton/notices"),
        ("json://127.0.0.1/s3cr3t jsons://127.0.0.1", True, "json, jsons"),
        ("json://127.0.0.1 s3cr3t", False, "apprise reads no address in place 2 of BATON_NOTIFY"),
        ("slack://s3cr3t", False, "apprise reads no address in place 1 of BATON_NOTIFY"),
    ],
)
def test_the_doctor_says_where_people_are_told_and_no_secret(addresses: str, is_well: bool, told: str) -> None:
    finding = examine("telling people", lambda: machine.told_at(addresses))
    assert (finding.is_well, finding.what) == (is_well, told)
    assert "s3cr3t" not in str(finding)


def test_a_check_that_breaks_is_a_finding_itself() -> None:
    def breaks() -> str:
        raise ValueError("no such thing")

    assert examine("x", breaks) == Finding("x", False, "ValueError: no such thing", "baton down; baton up")


def test_the_doctor_counts_the_faults_in_its_last_line() -> None:
    lines = list(told([Finding("a", True, "fine"), Finding("b", False, "broken", "mend it")]))
    assert [lines[-2].strip(), lines[-1]] == ["Next: mend it.", "1 of 2 are wrong."]


def answering(path: str, document: object) -> Starlette:
    """A part that says this at this path."""

    def answer(request: Request) -> Response:
        return JSONResponse(document)

    return Starlette(routes=[Route(path, answer)])


def test_the_doctor_finds_functions_that_are_not_loaded() -> None:
    names = [*sorted({row.function for row in chain.TABLE} - {"on_drift_detected"}), "advance", "perform"]
    host = answering("/admin/host/status", {"functions": names})
    with serving(host) as url, pytest.raises(Wrong, match="not loaded: on_drift_detected"):
        parts.functions(Address({"BATON_URL": url}))


def test_the_doctor_finds_a_subscription_without_its_handshake() -> None:
    grid = answering("/health", {"validated": {"on-new-data": False, "on-request": True}})
    with serving(grid) as url, pytest.raises(Wrong, match="no handshake yet for on-new-data"):
        parts.event_grid(Address({"BATON_CUSTOM_TOPIC": f"{url}/topics/custom/api/events"}))


def test_the_doctor_finds_a_process_that_is_gone() -> None:
    with pytest.raises(Wrong, match="is gone: read .*host.log"):
        parts.process("host", NO_PROCESS)


def test_the_doctor_finds_poisoned_doorbells(connection: str) -> None:
    from azure.storage.queue import QueueServiceClient

    from shared.wiring import create_storage

    create_storage(connection)
    at = Address({"BATON_DATA": connection})
    before = parts.queues(at)  # doorbells of other tests may wait there
    poison = QueueServiceClient.from_connection_string(connection).get_queue_client("perform-poison")
    poison.send_message("m")
    try:
        with pytest.raises(Wrong, match="1 in perform-poison"):
            parts.queues(at)
    finally:
        poison.clear_messages()
    assert parts.queues(at) == before


def test_a_stack_is_found_by_its_state_from_a_folder_below(here: Path) -> None:
    (here / ".baton").mkdir()
    began = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(")", 1)[1].split()[19]  # proc_pid_stat(5), starttime
    state = {"pid": os.getpid(), "began": began, "pids": {}, "env": {"BATON_URL": "http://127.0.0.1:1"}}
    (here / ".baton/stack.json").write_text(json.dumps(state))
    (here / "models").mkdir()
    os.chdir(here / "models")
    ran = CommandLine({"BATON_HOME": ""})("status")
    assert "http://127.0.0.1:1/api/models does not answer" in ran.err
