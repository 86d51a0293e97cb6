"""Runs on Databricks through databricks-sdk: one-time runs of serverless jobs compute, each under a token of ours.

A run has no name that the service keeps unique, but a token: whoever submits with the token of a run that is there gets
that run, exactly one (Jobs API 2.2, runs/submit, `idempotency_token`). A run's number is the service's, so it is kept in
the run's folder of the volume: request.json before the submit, run.json after it, what it left in `outputs`.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import PlatformBusy
from shared.names import digest
from shared.platforms.azureml_run import RUN_TAG, request_document
from shared.platforms.databricks_errors import DatabricksRefused
from shared.platforms.databricks_service import Workspace, found
from shared.platforms.port import RunRequest, RunStatus
from shared.platforms.remote_runs import About, RemoteRuns

ENVIRONMENT_VERSION = "2"  # of serverless compute: Python 3.11
EXPERIMENTS = (
    "/Shared/baton-"  # begins an experiment's name, which is a path of the workspace in a folder that is there
)
LISTED = 500  # runs that are looked through for one whose number was not written down
LISTED_BEFORE_MS = 3_600_000
LAST_WORDS = 1000
START = Path(__file__).with_name("databricks_entry") / "start.py.txt"
WAITS: Mapping[str, RunStatus] = {
    **dict.fromkeys(("QUEUED", "PENDING", "BLOCKED", "WAITING_FOR_RETRY"), "queued"),
    **dict.fromkeys(("RUNNING", "TERMINATING"), "running"),
    **dict.fromkeys(("SKIPPED", "INTERNAL_ERROR"), "failed"),
}
ENDS: Mapping[str, RunStatus] = {
    "SUCCESS": "completed",
    "CANCELED": "canceled",
    **dict.fromkeys(
        (
            "FAILED", "TIMEDOUT", "EXCLUDED", "UPSTREAM_FAILED", "UPSTREAM_CANCELED", "DISABLED",
            "MAXIMUM_CONCURRENT_RUNS_REACHED", "SUCCESS_WITH_FAILURES",
        ),
        "failed",
    ),
}  # fmt: skip


class DatabricksTrainer(RemoteRuns):
    """Runs under ids of ours; the source of a state of the code is uploaded once."""

    refused = DatabricksRefused
    shown_in = "the workspace"
    _uploaded = ""

    def _start(self, request: RunRequest, workspace: Workspace) -> None:
        """Submit the run, or get the one of its token. The service answers a repeat with the first one's number."""
        folder = run_folder(workspace, request.run_id)
        if workspace.read_document(f"{folder}/run.json"):
            return
        source = self._upload_source(workspace)
        if not workspace.read(f"{folder}/request.json"):
            workspace.write(f"{folder}/request.json", self._requested(request))
        submitted = workspace.client.jobs.submit(
            run_name=request.run_id,
            tasks=[_task(source, folder)],
            environments=[_environment(self._job.packages)],
            timeout_seconds=int(request.max_seconds),
            idempotency_token=f"{request.run_id}-{workspace.mark}",
        )
        workspace.write(f"{folder}/run.json", json.dumps({"v": 1, "run": submitted.run_id}).encode())

    def _requested(self, request: RunRequest) -> bytes:
        at = int(self._clock().timestamp() * 1000)
        document = {"v": 1, "at_ms": at, "request": json.loads(request_document(request))}
        return json.dumps({**document, "settings": dict(self._job.settings)}).encode()

    def _upload_source(self, workspace: Workspace) -> str:
        """The folder of the volume that holds the source of this state of the code, and what starts it."""
        packed = _packed(self._job.source())
        place = f"{workspace.volume}/source/{digest(packed + START.read_bytes())[:16]}"
        if self._uploaded != place:
            if workspace.read(f"{place}/start.py") is None:
                workspace.write(f"{place}/source.zip", packed)
                workspace.write(f"{place}/start.py", START.read_bytes())  # last: where it is, all is
            self._uploaded = place
        return place

    def _get(self, workspace: Workspace, run_id: str) -> Any | None:
        return _get(workspace, run_id)

    def _stands(self, run: Any, run_id: str) -> RunStatus:
        return run_status(run_id, run)

    def _about(self, workspace: Workspace, run: Any, run_id: str, status: RunStatus) -> About:
        ended = datetime.fromtimestamp(run.end_time / 1000, UTC) if run.end_time else None
        return About(_seconds(run, self._clock()), ended, partial(_last_words, workspace, run))

    def _file(self, workspace: Workspace, run: Any, run_id: str, name: str) -> bytes | None:
        return workspace.read(f"{run_folder(workspace, run_id)}/{name}")

    def _metrics(self, workspace: Workspace, run: Any, run_id: str) -> Mapping[str, float]:
        return logged_metrics(workspace, run_id)

    def _stop(self, workspace: Workspace, run: Any, run_id: str) -> None:
        workspace.client.jobs.cancel_run(run.run_id)


def run_folder(workspace: Workspace, run_id: str) -> str:
    """Where a run's request, number and outputs lie."""
    return f"{workspace.volume}/runs/{run_id}"


def run_status(run_id: str, run: Any) -> RunStatus:
    """The port's word for the service's; `PlatformBusy` for one that nobody knows, which the SDK reads as none at all."""
    cycle, result = (_word(getattr(run.state, name, None)) for name in ("life_cycle_state", "result_state"))
    known = ENDS.get(result) if cycle == "TERMINATED" else WAITS.get(cycle)
    if known is None:
        raise PlatformBusy(
            f"Databricks says that run {run_id} is {cycle or 'in a state that the SDK does not know'}"
            f"{f' with {result}' if result else ''}.",
            next="look at the run in the workspace; it is asked again",
        )
    return known


def logged_metrics(workspace: Workspace, run_id: str) -> dict[str, float]:
    """The last number of each metric that the run logged. What cannot be read is raised, and is not "none"."""
    model = workspace.read_document(f"{run_folder(workspace, run_id)}/request.json").get("request", {}).get("model", "")
    get = partial(workspace.client.experiments.get_by_name, f"{EXPERIMENTS}{model}")
    experiment = found(get, f"read the experiment of {model}")
    if experiment is None or experiment.experiment is None:
        return {}
    wanted = f"tags.`{RUN_TAG}` = '{run_id}'"
    runs = workspace.client.experiments.search_runs(
        experiment_ids=[str(experiment.experiment.experiment_id)], filter=wanted, max_results=1
    )
    logged = next((run.data.metrics for run in runs if run.data), None) or []
    values = {str(metric.key): float(metric.value) for metric in logged if metric.value is not None}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _get(workspace: Workspace, run_id: str) -> Any | None:
    """The SDK's run of this id. None where no submit of it was begun, or none is listed since one was."""
    folder = run_folder(workspace, run_id)
    if number := workspace.read_document(f"{folder}/run.json").get("run"):
        return found(partial(workspace.client.jobs.get_run, int(number)), f"read run {run_id}")
    begun = workspace.read_document(f"{folder}/request.json").get("at_ms")
    return _listed(workspace, run_id, int(begun)) if begun else None


def _listed(workspace: Workspace, run_id: str, begun_ms: int) -> Any | None:
    """The run among those that were submitted since: whoever submitted it died before its number was written down."""
    from databricks.sdk.service.jobs import RunType

    since = begun_ms - LISTED_BEFORE_MS
    for count, run in enumerate(
        workspace.client.jobs.list_runs(run_type=RunType.SUBMIT_RUN, start_time_from=since), start=1
    ):
        if run.run_name == run_id:
            return found(partial(workspace.client.jobs.get_run, int(run.run_id or 0)), f"read run {run_id}")
        if count == LISTED:
            raise PlatformBusy(
                f"run {run_id} is not among the last {LISTED} runs, and its number was not written down.",
                next="nothing: its start is tried again, which finds it by its token",
            )
    return None


def _last_words(workspace: Workspace, run: Any) -> str:
    """The end of a run's log, after what the service says."""
    words = [str(run.state.state_message or "")]
    for task in run.tasks or ():
        with suppress(Exception):  # the reason is a help, and its absence is none
            output = workspace.client.jobs.get_run_output(task.run_id)
            words += [str(output.error or ""), *str(output.logs or "").splitlines()]
    return " | ".join(word.strip() for word in words if word.strip())[-LAST_WORDS:]


def _task(source: str, folder: str) -> Any:
    from databricks.sdk.service.jobs import SparkPythonTask, SubmitTask

    script = SparkPythonTask(python_file=f"{source}/start.py", parameters=[f"{source}/source.zip", folder])
    return SubmitTask(task_key="step", spark_python_task=script, environment_key="baton")


def _environment(packages: tuple[str, ...]) -> Any:
    from databricks.sdk.service.compute import Environment
    from databricks.sdk.service.jobs import JobEnvironment

    spec = Environment(environment_version=ENVIRONMENT_VERSION, dependencies=list(packages))
    return JobEnvironment(environment_key="baton", spec=spec)


def _packed(folder: Path) -> bytes:
    """The folder's files as a zip, the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return packed.getvalue()


def _seconds(run: Any, now: datetime) -> float:
    """How long the run went, or has gone; 0 before it began."""
    ended = run.end_time or int(now.timestamp() * 1000)
    return max(0.0, (ended - run.start_time) / 1000) if run.start_time else 0.0


def _word(said: Any) -> str:
    return str(getattr(said, "value", said) or "")
