"""The machines behind the fake Databricks workspace: runs and served entities that really go, as processes of this machine.

A run starts as serverless compute starts it: the script that was uploaded, with the volume mounted (here a folder), signed in
by the platform, and with `dbutils` where the runtime has it (`dbruntime`, which databricks-sdk's `sdk/runtime` looks for).
A served entity is its pyfunc in a process that stays. Environments are not built from what is packed: they are those
that `make setup` keeps. Nobody is told when a run has ended, for Databricks tells nobody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.runs.environments import python_for
from tests.wire.azureml_machines import ENVIRONMENTS, PROJECT
from tests.wire.databricks import VOLUME, FakeDatabricks
from tests.wire.databricks_tracking import Tracking
from tests.wire.run_processes import RunProcesses
from tests.wire.server import Answer, Asked

RUNTIME = """
class UserNamespaceInitializer:
    @staticmethod
    def getOrCreate():
        return UserNamespaceInitializer()

    def get_namespace_globals(self):
        return {"dbutils": Utils()}


class Utils:
    class credentials:
        @staticmethod
        def getServiceCredentialsProvider(name):
            assert name == "baton-data", name
            return None  # the laptop's account is reached by its key, which is in its connection string
"""
IMAGE = """
import os, pathlib, tempfile
made = tempfile.mkdtemp

def mkdtemp(*arguments, **named):
    folder = made(*arguments, **named)
    home = pathlib.Path(folder, "baton-home")
    home.mkdir()
    (home / "envs").symlink_to(os.environ["TEST_ENVIRONMENTS"])
    tempfile.mkdtemp = made
    return folder

tempfile.mkdtemp = mkdtemp
"""  # where the run unpacks itself it finds the models' environments built
SERVE = """
import json, runpy, sys
code, data = sys.argv[1:]
loaded = runpy.run_path(code)["_load_pyfunc"](data)
for line in sys.stdin:
    rows = json.loads(line)["dataframe_records"]
    print(json.dumps(loaded.predict({"body": [row["body"] for row in rows]})), flush=True)
"""


class Runs:
    """Carries out the runs that are submitted, each in a folder below `home`."""

    def __init__(self, fake: FakeDatabricks, home: Path) -> None:
        self._fake = fake
        self._home = home
        self._copying = threading.Lock()
        self.tracking = Tracking(fake)
        self.runs = RunProcesses(fake.wire, self._run)
        runtime = home / "runtime"
        (runtime / "dbruntime").mkdir(parents=True)
        (runtime / "dbruntime/__init__.py").write_text(RUNTIME)
        (runtime / "sitecustomize.py").write_text(IMAGE)
        fake.ends = self._begin

    def _begin(self, request: Mapping[str, Any]) -> Mapping[str, bytes]:
        """A run was submitted: it begins, and how it ends shows later."""
        self.runs.begin(str(request["run_id"]))
        return {}

    def _run(self, run_id: str) -> None:
        with self._fake.wire.lock:
            (task,) = self._fake.run_of(run_id)["submitted"]["tasks"]
            token, _ = self._fake.fetch_for_a_run()
        script = task["spark_python_task"]
        self._mount()
        place = self._home / "logs"
        place.mkdir(exist_ok=True)
        command = [sys.executable, *(str(self._home) + path for path in (script["python_file"], *script["parameters"]))]
        environment = {
            **os.environ,
            "DATABRICKS_HOST": self._fake.wire.url,
            "DATABRICKS_TOKEN": token,
            "PYTHONPATH": str(self._home / "runtime"),
            "TEST_ENVIRONMENTS": str(ENVIRONMENTS / "envs"),
            "HOME": str(self._home),
        }
        self._end(run_id, self.runs.carry_out(command, self._home, environment, place / f"{run_id}.txt"))

    def _mount(self) -> None:
        """The volume's files as a folder."""
        with self._copying:
            with self._fake.wire.lock:
                files = {path: content for path, content in self._fake.files.items() if path.startswith(VOLUME)}
            for path, content in files.items():
                target = Path(str(self._home) + path)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)

    def _end(self, run_id: str, code: int) -> None:
        outputs = Path(f"{self._home}{VOLUME}/runs/{run_id}/outputs")
        left = {str(p.relative_to(outputs)): p.read_bytes() for p in outputs.rglob("*") if p.is_file()}
        with self._fake.wire.lock:
            self._fake.finish(run_id, files=left, result="SUCCESS" if code == 0 else "FAILED")


class Containers:
    """Served entities, each a process of its own that is started by its first request."""

    def __init__(self, fake: FakeDatabricks, home: Path) -> None:
        self._fake = fake
        self._home = home
        self._lock = threading.Lock()
        self.processes: dict[str, subprocess.Popen[str]] = {}
        fake.serving.run = self.answer

    def answer(self, entity: Mapping[str, Any], content: bytes) -> Any:
        """What the entity predicts."""
        with self._lock:
            process = self.processes.get(entity["name"]) or self._start(entity)
            assert process.stdin
            assert process.stdout
            process.stdin.write(content.decode().replace("\n", " ") + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

    def _start(self, entity: Mapping[str, Any]) -> subprocess.Popen[str]:
        place = self._home / entity["name"]
        self._fake.serving.unpack(entity, place)
        folder = place / "data/folder"
        python = python_for(folder if folder.is_dir() else PROJECT / "models/diabetes", "serving", home=ENVIRONMENTS)
        command = [str(python), "-c", SERVE, str(place / "code/baton_entry.py"), str(place / "data")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes[entity["name"]] = process
        return process


def identity(fake: FakeDatabricks) -> None:
    """The token endpoint of the app's managed identity, as Functions offers it."""

    def token(asked: Asked) -> Answer:
        made, expires = fake.fetch(asked.query["resource"])
        said = {"access_token": made, "expires_on": str(int(expires)), "token_type": "Bearer"}
        return Answer(document={**said, "resource": asked.query["resource"]})

    fake.wire.route("GET", "/MSI/token", token)
