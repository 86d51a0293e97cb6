"""Runs on Azure ML through azure-ai-ml (SDK v2): command jobs, under names of ours.

A job's name is its identity: the service carries out one job for a name, and a second PUT of it replaces tags and
nothing else (so Microsoft's specification, Jobs_CreateOrUpdate). All that a job is goes in that one PUT.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from shared.names import digest
from shared.platforms.azureml_errors import AzureMLRefused, named
from shared.platforms.azureml_run import (
    ERROR,
    READ_AGAIN_SECONDS,
    READS,
    RESULT,
    RUN_TAG,
    Job,
    Turns,
    request_document,
    run_seconds,
    run_status,
    run_time,
    without_result,
)
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_v2_files import Place, read
from shared.platforms.azureml_v2_service import Workspace, found, word
from shared.platforms.port import RunRequest, RunSeen

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
CANCEL_SECONDS = 20.0


class AzureMLV2Trainer:
    """Jobs under ids of ours, each in the experiment that is named after its model.

    Submits of one process take turns, so that the source is uploaded once. A job that completed but does not show its
    result yet is told as still running, for up to `SETTLED_AFTER` after its end, then as failed, and never as
    completed with nothing.
    """

    def __init__(
        self,
        service: Service,
        job: Job,
        *,
        image: str = IMAGE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._job = job
        self._image = image
        self._clock = clock
        self._pause = pause
        self._turns = Turns()

    def start(self, request: RunRequest) -> None:
        with self._turns.take(request.run_id):
            self._service.ask(f"start run {request.run_id}", partial(self._start, request))

    def look(self, run_id: str) -> RunSeen | None:
        return self._service.ask(f"look at run {run_id}", partial(self._look, run_id))

    def cancel(self, run_id: str) -> None:
        self._service.ask(f"cancel run {run_id}", partial(self._cancel, run_id))

    def _start(self, request: RunRequest, workspace: Workspace) -> None:
        """Submit the job unless it is there. After any error look for it: the PUT, or another caller's, may have worked."""
        if self._find(workspace, request.run_id, reads=1):
            return
        try:
            workspace.client.jobs.create_or_update(self._command_job(request))
        except Exception as error:
            if self._find(workspace, request.run_id, reads=READS) is None:
                raise named(error, f"start run {request.run_id}") from error

    def _command_job(self, request: RunRequest) -> Any:
        from azure.ai.ml import command
        from azure.ai.ml.entities import ManagedIdentityConfiguration

        job = command(
            name=request.run_id,
            display_name=request.run_id,
            experiment_name=request.model,
            tags={**request.tags, RUN_TAG: request.run_id, "baton.step": request.step},
            code=str(self._job.source()),
            command=" ".join(self._job.command),
            compute=self._job.compute,
            environment=environment("baton-runs", self._image, self._job.packages),
            environment_variables={**self._job.settings, "BATON_REQUEST": request_document(request)},
            identity=ManagedIdentityConfiguration(),  # the compute's own
        )
        job.set_limits(timeout=int(request.max_seconds))
        return job

    def _find(self, workspace: Workspace, run_id: str, *, reads: int) -> Any | None:
        """The job, or None once it was not there `reads` times: what was written just now may show a moment later."""
        for one in range(reads):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if job := found(workspace, partial(workspace.client.jobs.get, run_id), f"read run {run_id}"):
                return job
        return None

    def _look(self, run_id: str, workspace: Workspace) -> RunSeen | None:
        job = self._find(workspace, run_id, reads=READS)
        if job is None:
            return None
        status = run_status(run_id, word(job.status))
        if status == "queued":
            return RunSeen(run_id, status)
        details = workspace.ask_data_plane(f"/history/v1.0{{workspace}}/runs/{run_id}/details")
        seconds = run_seconds(details, self._clock())
        if status == "completed":
            return self._completed(workspace, run_id, details, seconds)
        reason = _reason(workspace, run_id, details) if status == "failed" else ""
        return RunSeen(run_id, status, reason or ("canceled on request" if status == "canceled" else ""), {}, seconds)

    def _completed(self, workspace: Workspace, run_id: str, details: Mapping[str, Any], seconds: float) -> RunSeen:
        """A completed run with its result; where there is none yet, the run as one that still goes."""
        for one in range(READS):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if result := _result(workspace, run_id):
                return RunSeen(run_id, "completed", "", result, seconds)
        return without_result(run_id, run_time(details.get("endTimeUtc")), seconds, self._clock())

    def _cancel(self, run_id: str, workspace: Workspace) -> None:
        job = self._find(workspace, run_id, reads=READS)
        if job is not None and run_status(run_id, word(job.status)) in ("queued", "running"):
            workspace.client.jobs.begin_cancel(run_id).wait(CANCEL_SECONDS)


def environment(name: str, image: str, packages: tuple[str, ...]) -> Any:
    """An environment of exactly these packages on Python 3.11; its version is the hash of what it is made of."""
    from azure.ai.ml.entities import Environment

    conda = {
        "name": name,
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", *([{"pip": list(packages)}] if packages else [])],
    }
    return Environment(name=name, version=digest(json.dumps([image, conda]))[:16], image=image, conda_file=conda)


def logged_metrics(workspace: Workspace, run_id: str) -> dict[str, float]:
    """The last number of each metric that the run logged, as its MLflow has them. What cannot be read is raised."""
    path = f"/mlflow/v1.0{{workspace}}/api/2.0/mlflow/runs/get?run_id={run_id}"
    logged = workspace.ask_data_plane(path)["run"].get("data", {}).get("metrics") or []
    values = {str(metric["key"]): float(metric["value"]) for metric in logged}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _result(workspace: Workspace, run_id: str) -> Mapping[str, object]:
    """The run's result document, else the metrics that it logged; empty if neither shows."""
    document = _document(workspace, run_id, RESULT)
    if document:
        return document
    metrics = logged_metrics(workspace, run_id)
    return {"v": 1, "metrics": metrics} if metrics else {}


def _reason(workspace: Workspace, run_id: str, details: Mapping[str, Any]) -> str:
    """Why a run failed: its own error document, else what the service says."""
    told = _document(workspace, run_id, ERROR)
    if told:
        return f"{told.get('what', '')} Next: {told.get('next', '')}"
    root = (details.get("error") or {}).get("error") or {}
    return str(root.get("message") or "the service gives no reason; its logs are in the studio")[:1000]


def _document(workspace: Workspace, run_id: str, name: str) -> Mapping[str, Any]:
    """A JSON document among the run's files; empty if there is none."""
    content = read(workspace, Place.of_run(run_id, name))
    if content is None:
        return {}
    try:
        document = json.loads(content)
    except ValueError as error:
        raise AzureMLRefused(
            f"{name} of run {run_id} is not JSON: {error}.", next="look at it in the studio; retry the release"
        ) from error
    return document if isinstance(document, dict) else {}
