"""The machines behind the fake workspace of SDK v2: jobs and deployments that really go, as processes of this machine.

A job is carried out as a run of SDK v1's fake is (`azureml_machines.Cluster`), for a run speaks to its workspace through
azureml-core whichever SDK started it: the services that it finds are a `FakeAzureML` of its own, with this workspace's runs,
files, metrics and versions. A deployment is its uploaded code under Microsoft's inference server.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.serving.process import last_words
from local.topic import WorkspaceTopic
from tests.wire.authority import Authority
from tests.wire.azureml import FakeAzureML, now
from tests.wire.azureml_machines import Cluster, is_up, scored, serve
from tests.wire.azureml_v2 import STORES, FakeAzureMLV2
from tests.wire.azureml_v2_endpoints import Key
from tests.wire.run_processes import end
from tests.wire.server import Answer, Asked

PLACE = re.compile(r"azureml://.+/datastores/(?P<store>[^/]+)/paths/(?P<path>.+?)/?")
Code = Mapping[str, bytes]


class RunsSide(FakeAzureML):
    """The workspace as a job of it sees it, through azureml-core; what a job left is kept on the other side too."""

    def __init__(self, fake: FakeAzureMLV2, authority: Authority) -> None:
        super().__init__(authority)
        self._fake = fake
        self.metrics = fake.metrics

    def finish(self, run_id: str, *, files: Mapping[str, bytes] = {}, status: str = "Completed") -> None:
        super().finish(run_id, files=files, status=status)
        self._fake.finish(run_id, files=files, status=status)


class Jobs:
    """Carries out the jobs of a workspace, each in a folder below `home`, and tells its topic what happens."""

    def __init__(self, fake: FakeAzureMLV2, side: RunsSide, home: Path, topic: WorkspaceTopic) -> None:
        self._fake = fake
        self._side = side
        self._runs = Cluster(side, home, topic).runs
        fake.ends = self._begin
        fake.models.registered = self._registered

    def end(self) -> None:
        """End every process that goes on."""
        self._runs.end()

    def _begin(self, request: Mapping[str, Any]) -> Mapping[str, bytes]:
        """A job was submitted: it begins, and how it ends is told later."""
        job = str(request["run_id"])
        wanted = self._fake.jobs[job]["properties"]
        experiment = self._side.experiments.setdefault(wanted["experimentName"], f"experiment-{request['model']}")
        self._side.runs[job] = {
            "runId": job, "rootRunId": job, "runNumber": len(self._side.runs) + 1, "status": "Running",
            "experimentId": experiment, "dataContainerId": f"dcid.{job}", "runType": "azureml.commandjob",
            "tags": dict(wanted["tags"]), "properties": {}, "createdUtc": now(), "startTimeUtc": now(), "hidden": False,
            "createdBy": {"userName": "baton", "userObjectId": None},
        }  # fmt: skip
        self._side.configurations[job] = {
            "command": wanted["command"],
            "environmentVariables": dict(wanted["environmentVariables"]),
        }
        self._side.snapshot = dict(uploaded(self._fake, wanted["codeId"]))
        self._runs.begin(job)
        return {}

    def _registered(self, model: str, version: dict[str, Any]) -> None:
        """The runs' side has the version too; its cluster announces it."""
        found = PLACE.fullmatch(version["properties"]["modelUri"])
        assert found, version
        tags = dict(version["properties"]["tags"])
        run = tags.get("baton.run_id", "")
        with self._side.wire.lock:
            known = self._side.models.register(model, found["path"], run_id=run, tags=tags)
        assert known == version["name"], (known, version)


class ManagedServers:
    """Deployments under Microsoft's inference server, one process each, below `home`."""

    def __init__(self, fake: FakeAzureMLV2, home: Path) -> None:
        self._fake = fake
        self._home = home
        self._ports: dict[Key, int] = {}
        self._up: set[Key] = set()
        self.processes: dict[Key, subprocess.Popen[bytes]] = {}
        fake.endpoints.servers = self

    def start(self, key: Key, deployment: Mapping[str, Any]) -> None:
        place = self._home.joinpath(*key)
        wanted = deployment["properties"]
        code = wanted["codeConfiguration"]
        write(uploaded(self._fake, code["codeId"]), place / "code")
        models = self._model(wanted["model"], place / "azureml-models")
        settings = {**wanted["environmentVariables"], "AZUREML_MODEL_DIR": str(models)}
        self.processes[key], self._ports[key] = serve(place, place / "code" / code["scoringScript"], settings)

    def _model(self, model: str, into: Path) -> Path:
        """<name>/<version>/<last part of its path>/..., as Azure ML mounts what was registered as a folder."""
        name, version = re.fullmatch(r".*/models/([^/]+)/versions/(\d+)", model).groups()  # type: ignore[union-attr]
        found = PLACE.fullmatch(self._fake.models.found[name, version]["properties"]["modelUri"])
        assert found, model
        files = self._fake.blobs.files
        below = {path: files[c, path] for c, path in files if c == STORES[found["store"]]}
        mark = f"{found['path']}/"
        mounted = {path.removeprefix(mark): content for path, content in below.items() if path.startswith(mark)}
        place = into / name / version
        write(mounted, place / Path(found["path"]).name)
        return place

    def state(self, key: Key) -> str:
        if self.processes[key].poll() is not None:
            return "Failed"
        if key not in self._up and is_up(self._ports[key]):
            self._up.add(key)
        return "Succeeded" if key in self._up else "Creating"

    def answer(self, key: Key, body: bytes) -> Answer:
        return scored(self._ports[key], body)

    def log(self, key: Key) -> str:
        return last_words(self._home.joinpath(*key) / "log.txt")

    def stop(self, key: Key) -> None:
        self._up.discard(key)
        if process := self.processes.pop(key, None):
            end(process)

    def end(self) -> None:
        """End all that serves, while the app may still be taking deployments away."""
        with self._fake.wire.lock:
            while self.processes:
                end(self.processes.popitem()[1])


def uploaded(fake: FakeAzureMLV2, code: str) -> Code:
    """The files of a code asset, by their paths below it."""
    address = fake.assets[code.removeprefix("azureml:")]["properties"]["codeUri"]
    container, _, prefix = address.partition(".blob.core.windows.net/")[2].strip("/").partition("/")
    mark = f"{prefix}/" if prefix else ""
    named = {name: content for (one, name), content in fake.blobs.files.items() if one == container}
    return {name.removeprefix(mark): content for name, content in named.items() if name.startswith(mark)}


def write(files: Code, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(content)


@contextmanager
def runs_side(fake: FakeAzureMLV2, authority: Authority) -> Iterator[RunsSide]:
    """The services that jobs find; and the token endpoint of the app's managed identity, as Functions offers it."""

    def identity(asked: Asked) -> Answer:
        made, expires = fake.fetch(f"{asked.query['resource'].rstrip('/')}/.default")
        said = {"access_token": made, "expires_on": str(int(expires)), "token_type": "Bearer"}
        return Answer(document={**said, "resource": asked.query["resource"]})

    fake.wire.route("GET", "/MSI/token", identity)
    side = RunsSide(fake, authority)
    with side.running():
        yield side
