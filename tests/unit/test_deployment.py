"""What a deployment rests on: one package by its hash through all environments, and a smoke test that finds an open door."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from functions.intake import delivered
from infra import approved, artefact, models, smoke
from infra.artefact import PROJECT
from local.publishing import events_of
from shared.wire import Sources, read


@pytest.fixture
def commit(tmp_path: Path) -> Path:
    """The project as its last commit has it: what somebody works on just now is no package."""
    place = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(PROJECT), str(place)], check=True)
    return place


def test_the_same_commit_gives_the_same_bytes_with_the_platforms_lock(tmp_path: Path, commit: Path) -> None:
    one, two = (artefact.build(tmp_path / name, "azureml_v2", project=commit) for name in ("a.zip", "b.zip"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        names = set(package.namelist())
        assert package.read("requirements.txt") == (commit / "requirements-azureml_v2.txt").read_bytes()
        assert {entry.compress_type for entry in package.infolist()} == {zipfile.ZIP_STORED}
    assert {"function_app.py", "host.json", "shared/wiring.py", "web/static/style.css"} <= names
    assert not [name for name in names if name.startswith(("tests/", "cli/", "models/", ".", "infra/"))]


@pytest.mark.parametrize("name", ["shared/wiring.py", "requirements-azureml_v2.txt", ".funcignore"])
def test_a_file_that_is_not_as_the_commit_has_it_is_not_packed(tmp_path: Path, commit: Path, name: str) -> None:
    with (commit / name).open("a") as file:
        file.write("# more\n")
    with pytest.raises(SystemExit, match=f"{name}. Next: `git commit`"):
        artefact.build(tmp_path / "a.zip", "azureml_v2", project=commit)
    assert not (tmp_path / "a.zip").exists()


def test_a_file_that_is_new_or_gone_is_not_packed_and_one_that_is_left_out_anyhow_may_change(
    tmp_path: Path, commit: Path
) -> None:
    before = artefact.build(tmp_path / "a.zip", "azureml_v2", project=commit)
    (commit / "README.md").write_text("changed")
    (commit / "not-added.py").write_text("")
    assert artefact.build(tmp_path / "b.zip", "azureml_v2", project=commit) == before
    (commit / "shared/wiring.py").unlink()
    (commit / "shared/more.py").write_text("")
    subprocess.run(["git", "add", "shared/more.py"], cwd=commit, check=True)
    with pytest.raises(SystemExit, match=r"shared/more\.py, shared/wiring\.py"):
        artefact.build(tmp_path / "c.zip", "azureml_v2", project=commit)


def test_another_platform_is_another_package(tmp_path: Path, commit: Path) -> None:
    one, two = (artefact.build(tmp_path / name, name, project=commit) for name in ("azureml", "azureml_v2"))
    assert one != two
    with pytest.raises(SystemExit, match="There is no requirements-nowhere"):
        artefact.build(tmp_path / "c.zip", "nowhere", project=commit)


def test_a_package_that_was_changed_on_the_way_goes_nowhere(tmp_path: Path, commit: Path) -> None:
    package = tmp_path / "a.zip"
    found = artefact.build(package, "azureml_v2", project=commit)
    artefact.verify(package, found)
    with zipfile.ZipFile(package, "a") as opened:
        opened.writestr("shared/more.py", "")
    for wanted in (found, ""):
        with pytest.raises(SystemExit, match="deploy nothing"):
            artefact.verify(package, wanted)


class Installation:
    """A deployed app with its topic, as seen from outside; `lets` names what it wrongly does."""

    def __init__(self) -> None:
        self.lets = ""
        self.events: list[str] = []
        self.asked: list[tuple[str, str]] = []
        handler = type("Handler", (Handler,), {"there": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """The sign-in in front of the app, and the topic beside it."""

    there: Installation

    def do_GET(self) -> None:
        if self.path == "/" and self.there.lets == "a page":
            return self._answer(200, "models")
        if self.path == "/api/ignored" and self.headers["Authorization"] == "Bearer token of api://app":
            said = "topic '' is not ours" if self.there.lets == "events are refused" else "no model is called {}"
            events = [{"subject": model, "reason": said.format(model)} for model in self.there.events]
            return self._answer(200, json.dumps(events))
        return self._answer(302, "", {"Location": "https://login"})

    def do_POST(self) -> None:
        body: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/events?api-version=2018-01-01":
            if self.there.lets == "no sender" or self.headers["Authorization"] != f"Bearer token of {smoke.GRID}":
                return self._answer(401, "no role")
            self.there.events += [] if self.there.lets == "events are lost" else [body[0]["data"]["model"]]
            return self._answer(200, "")
        is_forged = "X-MS-CLIENT-PRINCIPAL" in self.headers
        if self.there.lets == ("a forged principal" if is_forged else "an approval"):
            return self._answer(202, "{}")
        if self.there.lets == "the door is off":
            return self._answer(404, "no such release")
        return self._answer(401, "")

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def installation() -> Iterator[Installation]:
    made = Installation()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def tried(installation: Installation) -> list[str]:
    there = installation.url
    topic = f"{there}/api/events"  # as ARM tells a topic's endpoint
    return smoke.refused(there) + smoke.arrives(there, topic, "api://app", lambda of: f"token of {of}", within=0.2)


def test_a_shut_door_that_lets_events_in_is_well(installation: Installation) -> None:
    assert tried(installation) == []


@pytest.mark.parametrize(
    ("lets", "fault"),
    [
        ("a page", "an anonymous page is answered 200"),
        ("an approval", "an anonymous approval is answered 202"),
        ("a forged principal", "an approval with a forged principal is answered 202"),
        ("the door is off", "an anonymous approval is answered 404"),
        ("no sender", "EventGrid Data Sender"),
        ("events are lost", "is not recorded after 0.2 s"),
        ("events are refused", "arrived and was refused: topic '' is not ours"),
    ],
)
def test_one_thing_that_is_broken_is_found(installation: Installation, lets: str, fault: str) -> None:
    installation.lets = lets
    found = tried(installation)
    assert any(fault in one for one in found), found


def test_its_event_is_one_that_the_topic_and_the_app_take() -> None:
    """As the topic of infra/modules/topics.bicep passes it on: in Event Grid's schema, with its own resource id as topic."""
    body = json.dumps([smoke.event_about("smoke-1", "n" * 32)]).encode()
    [passed] = events_of(body, "application/json", "/subscriptions/s/topics/evgt-baton")
    texts = {name: str(passed[name]) for name in ("id", "topic", "subject", "eventType", "dataVersion")}
    sent = func.EventGridEvent(
        id=texts["id"], data=smoke.event_about("smoke-1", "")["data"], topic=texts["topic"], subject=texts["subject"],  # type: ignore[arg-type]
        event_type=texts["eventType"], event_time=None, data_version=texts["dataVersion"],
    )  # fmt: skip
    routed = read(delivered(sent), Sources("", "", "/subscriptions/S/topics/evgt-baton"), datetime.now(UTC))
    assert routed.model == "smoke-1"


def test_an_app_that_does_not_answer_is_not_well(installation: Installation) -> None:
    installation.server.server_close()
    assert len(smoke.refused("http://127.0.0.1:9")) == 3


@pytest.mark.parametrize("az", [approved.az, models.az, smoke.az], ids=["approved", "models", "smoke"])
def test_why_az_gives_no_token_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], az: Callable[[str], str]
) -> None:
    (tmp_path / "az").write_text('#!/bin/sh\necho "AADSTS500011: nobody is called $4" >&2\nexit 1\n')
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(subprocess.CalledProcessError):
        az("api://baton")
    assert capfd.readouterr().err == "AADSTS500011: nobody is called api://baton\n"


def subscribed(folder: Path, answers: str, **lacking: str) -> subprocess.CompletedProcess[str]:
    """infra/subscribe.sh with an az that notes what it is asked, and no time that passes."""
    az, sleep = folder / "az", folder / "sleep"
    az.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{folder}/asked"\n{answers}\n')
    sleep.write_text("#!/bin/sh\n")
    for program in (az, sleep):
        program.chmod(0o755)
    names = ("STORAGE_TOPIC", "WORKSPACE_TOPIC", "CUSTOM_TOPIC", "APP_ID", "DATA_ACCOUNT_ID")
    given = {f"BATON_{name}": name.lower() for name in names} | {
        "AZURE_SUBSCRIPTION_ID": "ours",
        "AZURE_RESOURCE_GROUP": "rg-baton",
    }
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **given, **lacking}
    return subprocess.run(
        [PROJECT / "infra/subscribe.sh"], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_subscriptions_are_made_where_azd_deployed_wherever_az_is_set_to(tmp_path: Path) -> None:
    assert subscribed(tmp_path, "exit 0").returncode == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[asked.index("--subscription") + 1] == "ours"
    assert asked[asked.index("--resource-group") + 1] == "rg-baton"
    assert "appId=app_id" in asked


def test_functions_that_are_not_indexed_in_time_are_told_with_what_to_do(tmp_path: Path) -> None:
    late = subscribed(tmp_path, "echo 'Destination endpoint not found' >&2; exit 1")
    assert late.returncode == 1
    assert late.stderr.count("Destination endpoint not found") == 6
    assert "run infra/subscribe.sh again" in late.stderr
