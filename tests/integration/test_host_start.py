"""How the host starts, refuses to start, and ends."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import httpx
import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from tests.conformance.broken import BROKEN, HEAD, http
from tests.integration.hosting import running_host, start_host

QUEUE = '@app.queue_trigger(arg_name="msg", queue_name="%ABSENT_QUEUE%", connection="ABSENT_STORAGE")\n'
SETTINGS = {"SAMPLE_QUEUE": "q", "SAMPLE_STORAGE": "UseDevelopmentStorage=true"}

REFUSED = {
    "one wrong parameter name": (
        BROKEN["one wrong parameter name"],
        "FunctionLoadError: cannot load the b function: the following parameters are declared in Python but not",
    ),
    "an exception at import": (BROKEN["an exception at import"], "KeyError: 'MISSING_NAME'"),
    "two apps": (BROKEN["two apps"], "holds 2 function apps"),
    "missing settings, all named": (
        HEAD + QUEUE + "def a(msg: func.QueueMessage) -> None: ...\n",
        "settings that are not set: ABSENT_QUEUE, ABSENT_STORAGE",
    ),
    "a schedule of four fields": (
        HEAD + '@app.timer_trigger(arg_name="t", schedule="* * * *")\ndef a(t: func.TimerRequest) -> None: ...\n',
        "has 4 fields; an NCRONTAB schedule has six",
    ),
    "a trigger that is not served": (
        HEAD + '@app.blob_trigger(arg_name="b", path="a/{n}", connection="SAMPLE_STORAGE")\n'
        "def a(b: func.InputStream) -> None: ...\n",
        "binding of type blobTrigger, not served by the local host",
    ),
}


def start(app: Path, settings: dict[str, str]) -> tuple[int, str]:
    process = start_host(app, app / "state", settings, stderr=subprocess.PIPE)
    _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr


@pytest.mark.parametrize("why", sorted(REFUSED))
def test_an_app_that_azure_would_not_start_is_refused_with_the_reason(tmp_path: Path, why: str) -> None:
    source, expected = REFUSED[why]
    (tmp_path / "function_app.py").write_text(source)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    code, told = start(tmp_path, SETTINGS)
    assert code == 2
    assert expected in told
    assert "Next: " in told


def test_a_folder_without_host_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(HEAD + http())
    assert start(tmp_path, {})[0] == 2


def test_an_app_without_functions_starts_with_a_warning_as_in_azure(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(HEAD)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    log = tmp_path / "log"
    with log.open("w") as stderr:
        process = start_host(tmp_path, tmp_path / "state", {}, stderr=stderr.fileno())
        assert process.stdout is not None
        assert '"ready": true' in process.stdout.readline()
        process.terminate()
        process.communicate(timeout=20)
    assert "no functions found: is each blueprint registered" in log.read_text()


def test_the_default_route_prefix_is_api(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(HEAD + http() + "print('noise of the app')\n")
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    process = start_host(tmp_path, tmp_path / "state", {}, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert httpx.get(f"{url}/api/a").text == "a"
        assert httpx.get(f"{url}/a").status_code == 404
    finally:
        process.kill()
        process.communicate()


def test_the_end_waits_for_running_functions(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection) as host:
        queue = QueueClient.from_connection_string(
            connection, host.queue, message_encode_policy=TextBase64EncodePolicy()
        )
        queue.create_queue()
        queue.send_message("sleep 1")
        host.wait_for("on_message", lambda line: line["body"] == "sleep 1")
        slow = {"id": "1", "subject": "slow", "eventType": "t", "eventTime": "", "data": {}, "dataVersion": "1"}
        answers: list[int] = []
        sending = threading.Thread(target=lambda: answers.append(host.post_event([slow]).status_code))
        sending.start()
        host.wait_for("on_event", lambda line: line["subject"] == "slow")
        assert host.end() == 0
        sending.join()
        assert host.journal("on_message_end")
        assert queue.get_queue_properties().approximate_message_count == 0
    assert answers == [202]


def test_a_function_that_never_ends_does_not_keep_the_host(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection) as host:
        answer = httpx.post(f"{host.url}/admin/functions/on_message", json={"input": "sleep 600"}, timeout=20)
        assert (answer.status_code, answer.text.split(":")[0]) == (500, "FunctionTimeout")
        assert host.end() == 0
        assert "functions still running: 1" in host.log()
