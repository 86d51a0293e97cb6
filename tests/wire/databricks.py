"""A Databricks workspace as databricks-sdk speaks to it, in memory.

Routes and shapes are those of the public REST reference, https://docs.databricks.com/api/azure/workspace/:
jobs/submit, jobs/getrun, jobs/listruns, jobs/getrunoutput, jobs/cancelrun (2.2), files/upload, files/download,
files/listdirectorycontents, experiments/getbyname, experiments/searchruns; what a token does is in the text of jobs/submit
("If there is already a run with the provided token, the request does not create a new run but returns the ID of the existing
run instead"). Lists come in pages of `page`. A run does at once what its request's parameter `behaviour` says: succeeds,
fails or lasts; or it completes with the files that `ends` has for its request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.platforms.azureml_service import Service, Tokens
from shared.platforms.databricks_service import AUDIENCE, service_of
from tests.wire.azureml import PATIENCE
from tests.wire.databricks_models import Models, error
from tests.wire.databricks_serving import ServingEndpoints
from tests.wire.server import Answer, Asked, WireServer

SCHEMA = "main.mlops"
VOLUME = "/Volumes/main/mlops/baton"
JOBS = "/api/2.2/jobs/runs"
FILES, FOLDERS = "/api/2.0/fs/files(?P<path>/.+)", "/api/2.0/fs/directories(?P<path>/.+?)/?"


class FakeDatabricks:
    """One workspace. `lag` is how many reads of what was made just now still show what was before."""

    def __init__(self) -> None:
        self.wire = WireServer()
        self.files: dict[str, bytes] = {}
        self.runs: dict[int, dict[str, Any]] = {}
        self.by_token: dict[str, int] = {}
        self.begun: list[str] = []
        self.requests: dict[str, dict[str, Any]] = {}
        self.outputs: dict[int, dict[str, Any]] = {}
        self.metrics: dict[str, dict[str, float]] = {}
        self.tokens: set[str] = set()
        self.revoked: set[str] = set()
        self.ends: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = lambda request: {}
        self.page = 2
        self.lag = 0
        self._hidden: dict[str, int] = {}
        self._add_routes()
        self.models = Models(self)
        self.serving = ServingEndpoints(self)

    @contextmanager
    def running(self) -> Iterator[FakeDatabricks]:
        with self.wire.running():
            yield self

    def fetch(self, audience: str) -> tuple[str, float]:
        """A token of its own at each call, good for an hour."""
        assert audience == AUDIENCE
        token = f"token-{len(self.tokens) + 1}"
        self.tokens.add(token)
        return token, time.time() + 3600

    def fetch_for_a_run(self) -> tuple[str, float]:
        """The token by which the platform signs a run in."""
        return self.fetch(AUDIENCE)

    def service(self, *, seconds: float = PATIENCE, tokens: Tokens | None = None) -> Service:
        """The adapters' own way to the workspace that this server is."""
        return service_of(self.wire.url, SCHEMA, tokens or Tokens(self.fetch), seconds=seconds)

    def run_of(self, run_id: str) -> dict[str, Any]:
        """The run whose name this is."""
        (run,) = [run for run in self.runs.values() if run["run_name"] == run_id]
        return run

    def finish(self, run_id: str, *, files: Mapping[str, bytes] = {}, result: str = "SUCCESS", words: str = "") -> None:
        """Let a run end with these files among its outputs."""
        run = self.run_of(run_id)
        run["state"] = {"life_cycle_state": "TERMINATED", "result_state": result, "state_message": words}
        run["end_time"] = int(time.time() * 1000)
        for name, content in files.items():
            self.files[f"{VOLUME}/runs/{run_id}/outputs/{name}"] = content

    def hide(self, what: str) -> None:
        """Let the next `lag` reads of this not show what was written just now."""
        self._hidden[what] = self.lag

    def hidden(self, what: str) -> bool:
        left = self._hidden.get(what, 0)
        self._hidden[what] = max(0, left - 1)
        return left > 0

    def fail(self, method: str, path: str, status: int, code: str = "", message: str = "ordered", **more: Any) -> None:
        """Let the next request of this method and path be answered with an error of Databricks' own form."""
        self.wire.fail(method, path, status, document={"error_code": code, "message": message}, **more)

    def route(self, method: str, pattern: str, answer: Callable[..., Answer], *, first: bool = False) -> None:
        """A route that asks for a token."""

        def signed_in(asked: Asked, **parts: str) -> Answer:
            token = asked.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.tokens or token in self.revoked:
                return error(403, "403", "Invalid access token. [ReqId: 1]")
            return answer(asked, **parts)

        self.wire.route(method, pattern, signed_in, first=first)

    def paged(self, asked: Asked, shown: list[Any], name: str) -> dict[str, Any]:
        """A page of a list; the last one names no next."""
        begin = int(asked.query.get("page_token", "0"))
        more = {"next_page_token": str(begin + self.page)} if begin + self.page < len(shown) else {}
        return {name: shown[begin : begin + self.page], **more}

    def _add_routes(self) -> None:
        self.wire.route("GET", "/.well-known/databricks-config", lambda _asked: Answer(document={}))
        route = self.route
        route("GET", FILES, self._file)
        route("PUT", FILES, self._put_file)
        route("GET", FOLDERS, self._folder)
        route("POST", f"{JOBS}/submit", self._submit)
        route("GET", f"{JOBS}/get", self._run)
        route("GET", f"{JOBS}/list", self._list)
        route("GET", f"{JOBS}/get-output", self._output)
        route("POST", f"{JOBS}/cancel", self._cancel)
        route("GET", "/api/2.0/mlflow/experiments/get-by-name", self._experiment)
        route("POST", "/api/2.0/mlflow/runs/search", self._search)

    def _file(self, _asked: Asked, path: str) -> Answer:
        if path not in self.files or self.hidden(path):
            return error(404, "NOT_FOUND", "The file being accessed is not found.")
        return Answer(content=self.files[path], kind="application/octet-stream")

    def _put_file(self, asked: Asked, path: str) -> Answer:
        if path in self.files and asked.query.get("overwrite") != "true":
            return error(409, "ALREADY_EXISTS", "The file being created already exists.")
        self.files[path] = asked.content
        return Answer(204, content=b"")

    def _folder(self, asked: Asked, path: str) -> Answer:
        """What lies in a folder, its folders once each."""
        below = sorted(name.removeprefix(f"{path}/") for name in self.files if name.startswith(f"{path}/"))
        if not below:
            return error(404, "NOT_FOUND", "The directory being accessed is not found.")
        names = dict.fromkeys(name.partition("/")[0] for name in below)
        shown = [
            {"name": name, "path": f"{path}/{name}", "is_directory": f"{path}/{name}" not in self.files,
             "file_size": len(self.files.get(f"{path}/{name}", b"")), "last_modified": 1}
            for name in names
        ]  # fmt: skip
        return Answer(document=self.paged(asked, shown, "contents"))

    def _submit(self, asked: Asked) -> Answer:
        wanted = asked.body
        token = wanted["idempotency_token"]
        assert len(token) <= 64, token
        if token in self.by_token:
            return Answer(document={"run_id": self.by_token[token]})
        number = 1000 + len(self.runs)
        (task,) = wanted["tasks"]
        archive, folder = task["spark_python_task"]["parameters"]
        assert {archive, task["spark_python_task"]["python_file"]} <= set(self.files), "nothing to start"
        document = json.loads(self.files[f"{folder}/request.json"])
        run_id = wanted["run_name"]
        self.by_token[token] = number
        self.runs[number] = {
            "run_id": number, "job_id": 7, "run_name": run_id, "run_type": "SUBMIT_RUN", "submitted": wanted,
            "start_time": int(time.time() * 1000), "state": {"life_cycle_state": "RUNNING", "state_message": "In run"},
            "tasks": [{"task_key": task["task_key"], "run_id": number + 500_000}],
        }  # fmt: skip
        self.begun.append(run_id)
        self.requests[run_id] = document["request"]
        self.hide(run_id)
        if files := self.ends(document["request"]):
            self.finish(run_id, files=files)
        self._behave(run_id, document["request"]["parameters"].get("behaviour", "lasts"))
        return Answer(document={"run_id": number})

    def _behave(self, run_id: str, behaviour: str) -> None:
        if behaviour == "succeeds":
            self.finish(run_id, files={"result.json": b'{"v": 1, "answer": 42}'})
        elif behaviour == "fails":
            told = {"what": "train.py failed: no column Y", "next": "mend it"}
            self.finish(run_id, files={"error.json": json.dumps(told).encode()}, result="FAILED")

    def _run(self, asked: Asked) -> Answer:
        run = self.runs.get(int(asked.query["run_id"]))
        if run is None or self.hidden(run["run_name"]):
            return error(400, "INVALID_PARAMETER_VALUE", f"Run {asked.query['run_id']} does not exist.")
        return Answer(document=run)

    def _list(self, asked: Asked) -> Answer:
        since = int(asked.query.get("start_time_from", "0"))
        newest = sorted(self.runs.values(), key=lambda run: -run["run_id"])
        shown = [run for run in newest if run["start_time"] >= since and run["run_type"] == asked.query["run_type"]]
        return Answer(document=self.paged(asked, shown, "runs"))

    def _output(self, asked: Asked) -> Answer:
        number = int(asked.query["run_id"])
        return Answer(document={"metadata": {"run_id": number}, **self.outputs.get(number - 500_000, {})})

    def _cancel(self, asked: Asked) -> Answer:
        self.finish(self.runs[asked.body["run_id"]]["run_name"], result="CANCELED")
        return Answer(document={})

    def _experiment(self, asked: Asked) -> Answer:
        if not self.metrics:
            return error(404, "RESOURCE_DOES_NOT_EXIST", "Node /Shared/baton does not exist.")
        return Answer(document={"experiment": {"experiment_id": "7", "name": asked.query["experiment_name"]}})

    def _search(self, asked: Asked) -> Answer:
        """Runs by the one filter that is asked for: a tag's value."""
        assert asked.body["experiment_ids"] == ["7"]
        shown = [
            {"info": {"run_id": name, "status": "FINISHED"},
             "data": {"metrics": [{"key": key, "value": value, "step": 0} for key, value in found.items()]}}
            for name, found in self.metrics.items()
            if asked.body["filter"] == f"tags.`baton.run_id` = '{name}'" and not self.hidden(f"metrics of {name}")
        ]  # fmt: skip
        return Answer(document={"runs": shown})
