"""Runs on Azure ML through azureml-core (SDK v1), which existing v1 workspaces speak.

What the SDK gets wrong is met here, each with a test in tests/wire: a submit is several writes, so a run may be there
without its tags; a repeated submit is answered 409; an unreadable metric reads as none; a list lags behind a write.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import PlatformBusy
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, named, url_of
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
from shared.platforms.azureml_service import Service, merged
from shared.platforms.port import RunRequest, RunSeen

if TYPE_CHECKING:
    from azureml.core import Workspace


class AzureMLTrainer:
    """Runs under ids of ours, each in the experiment that is named after its model.

    Exactly one run comes to be for a run id as far as the service answers a second submit of the id with an error;
    whoever gets one goes and looks. Submits of one process take turns: the SDK's snapshots are not safe otherwise.
    A run that completed but does not show its result yet is told as still running, for up to `SETTLED_AFTER` after
    its end: lists lag. After that it is told as failed, and never as completed with nothing.
    """

    def __init__(
        self,
        service: Service,
        job: Job,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._job = job
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
        run = self._find(workspace, request.run_id, reads=1) or self._submit(workspace, request)
        wanted = {**request.tags, RUN_TAG: request.run_id, "baton.step": request.step}
        if merged(run.tags, wanted) != (run.tags or {}):
            run.set_tags(wanted)

    def _submit(self, workspace: Workspace, request: RunRequest) -> Any:
        """Submit the run. After any error look for it: the first of two POSTs, or another caller's, may have worked."""
        from azureml.core import Experiment

        try:
            return Experiment(workspace, request.model).submit(self._configured(request), run_id=request.run_id)
        except Exception as error:
            if found := self._find(workspace, request.run_id, reads=READS):
                return found
            raise named(error, f"start run {request.run_id}") from error

    def _configured(self, request: RunRequest) -> Any:
        from azureml.core import Environment, ScriptRunConfig
        from azureml.core.conda_dependencies import CondaDependencies

        environment = Environment("baton-runs")  # the SDK's default is Python 3.8 with packages of its own
        dependencies = CondaDependencies.create(
            python_version="3.11", pip_packages=list(self._job.packages), pin_sdk_version=False
        )
        for option in ("--find-links", "--extra-index-url"):  # the SDK adds a second index, from which pip may take
            dependencies.remove_pip_option(option)
        environment.python.conda_dependencies = dependencies
        configured = ScriptRunConfig(
            source_directory=str(self._job.source()),
            command=list(self._job.command),
            compute_target=self._job.compute,
            environment=environment,
            max_run_duration_seconds=int(request.max_seconds),
        )
        configured.run_config.environment_variables = {**self._job.settings, "BATON_REQUEST": request_document(request)}
        return configured

    def _find(self, workspace: Workspace, run_id: str, *, reads: int) -> Any | None:
        """The run, or None once it was not there `reads` times: what was written just now may show a moment later."""
        from azureml.core import Run

        for read in range(reads):
            if read:
                self._pause(READ_AGAIN_SECONDS)
            try:
                return Run.get(workspace, run_id)
            except Exception as error:
                ours = named(error, f"read run {run_id}")
                if not isinstance(ours, NotThere):
                    raise ours from error
                if f"/runs/{run_id}" not in url_of(error):
                    raise PlatformBusy(ours.what, next="nothing: it is asked again") from error
        return None

    def _look(self, run_id: str, workspace: Workspace) -> RunSeen | None:
        run = self._find(workspace, run_id, reads=READS)
        if run is None:
            return None
        details = run.get_details()
        status = run_status(run_id, str(details.get("status")))
        seconds = run_seconds(details, self._clock())
        if status == "completed":
            return self._completed(run, run_id, details, seconds)
        reason = _reason(run, details) if status == "failed" else ""
        return RunSeen(run_id, status, reason or ("canceled on request" if status == "canceled" else ""), {}, seconds)

    def _completed(self, run: Any, run_id: str, details: Mapping[str, Any], seconds: float) -> RunSeen:
        """A completed run with its result; where there is none yet, the run as one that still goes."""
        for read in range(READS):
            if read:
                self._pause(READ_AGAIN_SECONDS)
            if result := _result(run):
                return RunSeen(run_id, "completed", "", result, seconds)
        return without_result(run_id, run_time(details.get("endTimeUtc")), seconds, self._clock())

    def _cancel(self, run_id: str, workspace: Workspace) -> None:
        from azureml.core import Run

        run = self._find(workspace, run_id, reads=READS)
        if run is not None and run_status(run_id, run.get_status()) in ("queued", "running"):
            Run.cancel(run)  # `ScriptRun.cancel` fails where the service does not repeat the run's configuration


def _result(run: Any) -> Mapping[str, object]:
    """The run's result document, else the metrics that it logged; empty if neither shows."""
    document = _uploaded(run, RESULT)
    if document:
        return document
    metrics = logged_metrics(run)
    return {"v": 1, "metrics": metrics} if metrics else {}


def logged_metrics(run: Any) -> dict[str, float]:
    """The last number of each metric that the run logged. Unlike `run.get_metrics()` it raises what cannot be read."""
    names = run._client.metrics.list_metric_names_for_run_id(run.id)
    found: dict[str, float] = {}
    for name in names:
        cell = run.get_metrics(name=name).get(name)
        value = cell[-1] if isinstance(cell, list) and cell else cell
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def _reason(run: Any, details: Mapping[str, Any]) -> str:
    """Why a run failed: its own error document, else what the service says."""
    told = _uploaded(run, ERROR)
    if told:
        return f"{told.get('what', '')} Next: {told.get('next', '')}"
    root = (details.get("error") or {}).get("error") or {}
    return str(root.get("message") or "the service gives no reason; its logs are in the studio")[:1000]


def _uploaded(run: Any, name: str) -> Mapping[str, Any]:
    """A JSON document among the run's files; empty if it is not listed."""
    if name not in run.get_file_names():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.json"
        run.download_file(name, str(path))
        try:
            document = json.loads(path.read_bytes())
        except ValueError as error:
            raise AzureMLRefused(
                f"{name} of run {run.id} is not JSON: {error}.", next="look at it in the studio; retry the release"
            ) from error
    return document if isinstance(document, dict) else {}
