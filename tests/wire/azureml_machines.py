"""The machines behind the fake workspace: runs and versions that really go, as processes of this machine.

A run starts in what was uploaded as its snapshot, with the variables that Azure ML sets, and what it leaves in
./outputs becomes its artifacts. A version starts in what was uploaded as its source, under Microsoft's inference
server. The environments are not built from their conda files: they are those that `make setup` keeps.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from local.daemon import LOCALHOST
from local.serving.process import APPLICATION, last_words, listen
from shared.runs.environments import python_for
from tests.wire.azureml import REGION, TENANT, token
from tests.wire.azureml_tracking import Tracking
from tests.wire.run_processes import RunProcesses, end
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from local.topic import WorkspaceTopic
    from tests.wire.azureml import FakeAzureML

EVENTS = "Microsoft.MachineLearningServices"
PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = PROJECT / ".baton"


class Cluster:
    """Runs, each a process in a folder of its own below `home`; their ends become events of the workspace's topic."""

    def __init__(self, fake: FakeAzureML, home: Path, topic: WorkspaceTopic) -> None:
        self._fake = fake
        self._home = home
        self._topic = topic
        self._tracking = Tracking(fake)
        self.runs = RunProcesses(fake.wire, self._run)
        fake.behave = self.runs.begin
        fake.registered = self.announce

    def announce(self, model: Mapping[str, Any]) -> None:
        """ModelRegistered, as Azure ML tells it: names in PascalCase, the version a number."""
        told = {"Name": model["name"], "Version": model["version"], "Tags": dict(model["kvTags"]), "Properties": {}}
        data = {f"Model{key}": value for key, value in told.items()}
        name = f"models/{model['name']}:{model['version']}"
        tell = (name, f"{EVENTS}.ModelRegistered", data, str(uuid.uuid4()))
        threading.Thread(target=self._topic.publish, args=tell, daemon=True).start()

    def _run(self, run_id: str) -> None:
        place = self._home / run_id
        for name, content in dict(self._fake.snapshot).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        (place / "baton-home").mkdir()
        (place / "baton-home/envs").symlink_to(ENVIRONMENTS / "envs")
        configuration = self._fake.configurations[run_id]
        said = configuration["command"]
        words = shlex.split(said) if isinstance(said, str) else said
        command = [sys.executable if word == "python" else word for word in words]
        environment = {**os.environ, **configuration["environmentVariables"], **self._variables(run_id)}
        code = self.runs.carry_out(command, place, environment, place / "log.txt")
        self._end(run_id, place, "Completed" if code == 0 else "Failed")

    def _variables(self, run_id: str) -> dict[str, str]:
        """What Azure ML sets in a run, as azureml-core reads it (core/run.py, `_load_scope`)."""
        run = self._fake.runs[run_id]
        _, subscription, _, group, *_, workspace = self._fake.scope.strip("/").split("/")
        experiment = next(name for name, identity in self._fake.experiments.items() if identity == run["experimentId"])
        url = f"https://{REGION}.api.azureml.ms"
        return {
            "AZUREML_RUN_ID": run_id, "AZUREML_ARM_SUBSCRIPTION": subscription, "AZUREML_ARM_RESOURCEGROUP": group,
            "AZUREML_ARM_WORKSPACE_NAME": workspace, "AZUREML_ARM_PROJECT_NAME": experiment,
            "AZUREML_EXPERIMENT_ID": run["experimentId"], "AZUREML_WORKSPACE_ID": "wsid", "AZUREML_SERVICE_ENDPOINT": url,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{url}/discovery", "AZUREML_RUN_TOKEN": token(),
            "AZUREML_RUN_TOKEN_EXPIRY": str(int(time.time()) + 3600), "AZUREML_TENANT_ID": TENANT,
            "MLFLOW_TRACKING_URI": self._tracking.url, "MLFLOW_RUN_ID": run_id,
            "HOME": str(self._home), **self._fake.wire.environment,
        }  # fmt: skip

    def _end(self, run_id: str, place: Path, status: str) -> None:
        files = {
            str(path.relative_to(place)): path.read_bytes() for path in (place / "outputs").rglob("*") if path.is_file()
        }
        self._fake.finish(run_id, files=files, status=status)
        run = self._fake.runs[run_id]
        data = {
            "experimentId": run["experimentId"], "experimentName": "", "runId": run_id, "runType": run["runType"],
            "runTags": dict(run["tags"]), "runProperties": {},
        }  # fmt: skip
        kind = "RunCompleted" if status == "Completed" else "RunStatusChanged"
        data |= {} if status == "Completed" else {"runStatus": status}
        self._topic.publish(
            f"experiments/{run['experimentId']}/runs/{run_id}", f"{EVENTS}.{kind}", data, str(uuid.uuid4())
        )


class Servers:
    """Versions under Microsoft's inference server, one process each, below `home`."""

    def __init__(self, fake: FakeAzureML, home: Path) -> None:
        self._fake = fake
        self._home = home
        self._ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        fake.services.serving = self
        fake.wire.route("POST", "/v1/apps/(?P<application>[^/]+)/query", self.query)

    def start(self, service: str, version: Mapping[str, Any]) -> None:
        place = self._home / service / version["name"]
        image = version["environmentImageRequest"]
        for asset in image["assets"]:
            if asset.get("unpack"):
                packed = self._fake.services.uploads[asset["url"].removeprefix("aml://artifact/")]
                with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
                    tar.extractall(place, filter="data")
        settings = dict(image["environment"]["environmentVariables"])
        entry = place / settings["AZUREML_ENTRY_SCRIPT"]
        models = self._models(version["models"], place / "azureml-models")
        del settings["AML_APP_INSIGHTS_ENABLED"]  # its lines are read from the log instead
        name = f"{service}/{version['name']}"
        self.processes[name], self._ports[name] = serve(place, entry, {**settings, "AZUREML_MODEL_DIR": str(models)})

    def _models(self, models: list[dict[str, Any]], into: Path) -> Path:
        """Each as <name>/<version>/<last part of its artifacts' prefix>/..., as Azure ML mounts what it registered."""
        place = into
        for model in models:
            place = into / model["name"] / str(model["version"])
            [artifact] = self._fake.models.assets[model["url"].removeprefix("aml://asset/")]["artifacts"]
            _, container, prefix = artifact["prefix"].split("/", 2)
            for path in self._fake.below(container, prefix):
                target = place / Path(prefix).name / Path(path).relative_to(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._fake.files[container, path])
        place.mkdir(parents=True, exist_ok=True)
        return place

    def state(self, service: str, version: Mapping[str, Any]) -> tuple[str, str]:
        name = f"{service}/{version['name']}"
        if self.processes[name].poll() is not None:
            return "Failed", last_words(self._home / name / "log.txt")
        return ("Healthy" if is_up(self._ports[name]) else "Transitioning"), ""

    def answer(self, service: str, version: Mapping[str, Any], body: bytes, headers: Mapping[str, str]) -> Answer:
        who = {name: value for name, value in headers.items() if name == "x-baton-who"}
        return scored(self._ports[f"{service}/{version['name']}"], body, who)

    def stop(self, service: str, version: Mapping[str, Any]) -> None:
        if process := self.processes.pop(f"{service}/{version['name']}", None):
            end(process)

    def end(self) -> None:
        """End all that serves, while the app may still be taking versions away."""
        with self._fake.wire.lock:
            while self.processes:
                end(self.processes.popitem()[1])

    def query(self, asked: Asked, application: str) -> Answer:
        """What Application Insights would find in the lines that the versions printed."""
        wanted = re.search(r'startswith "baton-scored (\S+) "', asked.body["query"])
        assert wanted, asked.body["query"]
        said: dict[str, list[int]] = {}
        for log in sorted(self._home.glob("*/*/log.txt")):
            lines = log.read_text(errors="replace")
            for deployment, status in re.findall(rf"baton-scored {re.escape(wanted[1])} (\S+) (\d+)", lines):
                said.setdefault(deployment, []).append(int(status))
        rows = [
            [name, len(statuses), sum(status >= 500 for status in statuses)] for name, statuses in sorted(said.items())
        ]
        columns = [{"name": name} for name in ("deployment", "requests", "errors")]
        return Answer(document={"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})


def serve(place: Path, entry: Path, settings: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start Microsoft's inference server over an entry script; returns it and its port. It prints to log.txt in `place`."""
    listening = listen()
    folder = entry.parent if (entry.parent / "requirements.txt").exists() else PROJECT / "models/diabetes"
    command = [str(python_for(folder, "serving", home=ENVIRONMENTS)), "-m", "gunicorn", "--bind"]
    command += [f"fd://{listening.fileno()}", "--workers", "1", "--timeout", "300", APPLICATION]
    own = {"AML_APP_ROOT": str(place), "AZUREML_ENTRY_SCRIPT": str(entry), "HOME": str(place)}
    with (place / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=entry.parent,
            env={**os.environ, **settings, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
        )
    port: int = listening.getsockname()[1]
    listening.close()
    return process, port


def is_up(port: int) -> bool:
    """Whether an inference server says that it is healthy."""
    try:
        return requests.get(f"http://{LOCALHOST}:{port}/", timeout=0.3).status_code == 200
    except requests.RequestException:
        return False


def scored(port: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """What an inference server answers, with the headers of its own."""
    given = {"Content-Type": "application/json", **(headers or {})}
    said = requests.post(f"http://{LOCALHOST}:{port}/score", data=body, headers=given, timeout=30)
    named = {name: value for name, value in said.headers.items() if name.lower().startswith("x-")}
    return Answer(said.status_code, content=said.content, headers=named)
