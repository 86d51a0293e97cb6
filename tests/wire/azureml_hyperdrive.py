"""HyperDrive runs of a workspace, as azureml-train-core 1.62.0 asks for them, and the trials below them in run history.

Routes: azureml.train.restclients.hyperdrive, rest_client.py; the answer is its ExperimentResponseDto, limits are those of its
CreateExperimentDto. Tags are what `HyperDriveConfig._get_runconfig_from_run_dto` reads back; properties are those that
`get_details` of finished runs showed in public notebooks (runTemplate, azureml.runsource, primary_metric_config, and at the
end score, best_child_run_id and best_metric_status). Trials are called after the run with a number from 0.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.wire.server import Answer, Asked
from tests.wire.trials import Trials, times

if TYPE_CHECKING:
    from tests.wire.azureml import FakeAzureML

SCOPE = r"/hyperdrive/v1.0/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.MachineLearningServices/workspaces/[^/]+"
SAMPLED = {
    "RANDOM": ("choice", "randint", "uniform", "quniform", "loguniform", "qloguniform"),
    "BayesianOptimization": ("choice", "uniform", "quniform"),
}


class HyperDrive(Trials):
    """`asked` is what each HyperDrive run was asked to be."""

    def __init__(self, fake: FakeAzureML) -> None:
        super().__init__()
        self._fake = fake
        self.asked: dict[str, dict[str, Any]] = {}

    def add_routes(self, route: Callable[..., None]) -> None:
        below = rf"{SCOPE}/experiments/(?P<experiment>[^/]+)"
        route("POST", f"{below}/hdruns/(?P<run_id>[^/]+)", self._create)
        route("POST", f"{below}/runs/(?P<run_id>[^/]+)/cancel", self._cancel)

    def trial(
        self, sweep: str, number: int, *, status: str = "Completed", minutes: float = 2, files: Mapping[str, bytes] = {}
    ) -> None:
        self._run(f"{sweep}_{number}", sweep, status, minutes)
        for path, content in files.items():
            self._fake.files[f"dcid.{sweep}_{number}", path] = content

    def lose(self, sweep: str, number: int, path: str) -> None:
        del self._fake.files[f"dcid.{sweep}_{number}", path]

    def finish(self, sweep: str, *, status: str = "Completed", best: int | None = None, minutes: float = 4) -> None:
        self._fake.finish(sweep, status=status)
        run = self._fake.runs[sweep]
        run |= times(minutes)
        if best is not None:
            run["properties"] |= {"best_child_run_id": f"{sweep}_{best}", "best_metric_status": "Succeeded"}

    def _run(self, run_id: str, sweep: str, status: str, minutes: float) -> None:
        above = self._fake.runs[sweep]
        self._fake.runs[run_id] = {
            **above, "runId": run_id, "parentRunId": sweep, "rootRunId": sweep, "status": status, "tags": {},
            "properties": {}, "dataContainerId": f"dcid.{run_id}", "runType": "azureml.scriptrun", **times(minutes),
        }  # fmt: skip

    def _create(self, asked: Asked, experiment: str, run_id: str) -> Answer:
        if run_id in self._fake.runs:
            return Answer(409, {"code": 409, "message": f"Run {run_id} already exists"})
        wanted = self.asked[run_id] = _config(asked)
        _check(wanted)
        definition = wanted["platform_config"]["Definition"]
        assert definition["SnapshotId"], "nothing was sent along"
        overrides = self._fake.configurations[run_id] = definition["Overrides"]
        self._fake.requests[run_id] = json.loads(overrides["environmentVariables"]["BATON_REQUEST"])
        self._fake.begun.append(run_id)
        identity = self._fake.experiments.setdefault(experiment, str(uuid.uuid4()))
        self._fake.runs[run_id] = {
            "runId": run_id, "rootRunId": run_id, "runNumber": len(self._fake.runs) + 1, "status": "Running",
            "experimentId": identity, "dataContainerId": f"dcid.{run_id}", "runType": "hyperdrive", "hidden": False,
            "tags": _tags(wanted), "properties": _properties(wanted), "createdBy": {"userName": "baton"}, **times(0),
        }  # fmt: skip
        del self._fake.runs[run_id]["endTimeUtc"]
        self._fake.hide(run_id)
        self._run(f"{run_id}_preparation", run_id, "Completed", 1)
        self._fake.behave(run_id)
        return Answer(201, {"code": 201, "result": _answer(wanted, run_id)})

    def _cancel(self, asked: Asked, experiment: str, run_id: str) -> Answer:
        assert asked.headers["runhistoryhost"] == self._fake.wire.url
        self._fake.finish(run_id, status="Canceled")
        return Answer(document={"code": 200, "result": "Canceled"})


def _config(asked: Asked) -> dict[str, Any]:
    """The file `config` of a multipart form."""
    boundary = re.search(r"boundary=(\S+)", asked.headers["content-type"])
    assert boundary, asked.headers["content-type"]
    [part] = [one for one in asked.content.split(f"--{boundary[1]}".encode()) if b'name="config"' in one]
    found: dict[str, Any] = json.loads(part.split(b"\r\n\r\n", 1)[1])
    return found


def _check(wanted: Mapping[str, Any]) -> None:
    """Fail the test where the service would take other values."""
    assert 1 <= wanted["max_concurrent_jobs"] <= min(100, wanted["max_total_jobs"]), wanted
    assert wanted["max_total_jobs"] <= 1000
    assert 1 <= wanted["max_duration_minutes"] <= 10080
    assert wanted["primary_metric_config"]["goal"] in ("minimize", "maximize")
    assert wanted["policy_config"]["name"] == "Default"
    sampled = wanted["generator_config"]
    for name, (kind, _given) in sampled["parameter_space"].items():
        assert kind in SAMPLED[sampled["name"]], (name, kind)
    assert wanted["platform_config"]["Definition"]["Overrides"]["script"]


def _tags(wanted: Mapping[str, Any]) -> dict[str, str]:
    plain = {name: str(wanted[name]) for name in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")}
    told = ("generator_config", "primary_metric_config", "policy_config", "platform_config")
    return {f"_aml_system_{name}": said for name, said in {**plain, **{n: json.dumps(wanted[n]) for n in told}}.items()}


def _properties(wanted: Mapping[str, Any]) -> dict[str, str]:
    return {
        "primary_metric_config": json.dumps(wanted["primary_metric_config"]), "resume_from": "null",
        "runTemplate": "HyperDrive", "azureml.runsource": "hyperdrive", "platform": "AML",
    }  # fmt: skip


def _answer(wanted: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    at = "2026-11-26T08:00:00Z"
    return {
        **wanted, "platform_config": {**wanted["platform_config"], "ParentRunId": run_id}, "all_jobs_generated": False,
        "cancellation_requested": False, "created": at, "modified": at, "created_by_user_id": 0, "study_id": 0,
        "experiment_id": run_id, "hyperdrive_run_id": run_id, "status": "RUNNING",
    }  # fmt: skip
