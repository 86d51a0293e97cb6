"""Runs on Azure ML through azure-ai-ml (SDK v2): command jobs and sweep jobs, under names of ours.

A job's name is its identity: the service carries out one job for a name, and a second PUT of it replaces tags and
nothing else (so Microsoft's specification, Jobs_CreateOrUpdate). All that a job is goes in that one PUT.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from shared.names import digest
from shared.platforms.azureml_errors import named
from shared.platforms.azureml_run import READS, RUN_TAG, given
from shared.platforms.azureml_sweep import TrialSeen
from shared.platforms.azureml_trainer import AzureMLRuns
from shared.platforms.azureml_v2_files import Place, read
from shared.platforms.azureml_v2_service import Workspace, found, word
from shared.platforms.azureml_v2_sweeps import sweep_job, trials_of
from shared.platforms.port import RunRequest

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"  # azureml-core 1.61.0.post4 names the same
CANCEL_SECONDS = 20.0


class AzureMLV2Trainer(AzureMLRuns):
    """Jobs under ids of ours, each in the experiment that is named after its model.

    Submits of one process take turns, so that the source is uploaded once.
    """

    def _start(self, request: RunRequest, workspace: Workspace) -> None:
        """Submit the job unless it is there. After any error look for it: the PUT, or another caller's, may have worked."""
        if self._find(workspace, request.run_id, reads=1):
            return
        job = self._command_job(request)
        wanted = sweep_job(job, request, request.sweep) if request.sweep else job
        try:
            workspace.client.jobs.create_or_update(wanted)
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
            environment=environment("baton-runs", IMAGE, self._job.packages),
            environment_variables=given(self._job, request, image=IMAGE),
            identity=ManagedIdentityConfiguration(),  # the compute's own
        )
        job.set_limits(timeout=int(request.max_seconds))
        return job

    def _get(self, workspace: Workspace, run_id: str) -> Any | None:
        return found(workspace, partial(workspace.client.jobs.get, run_id), f"read run {run_id}")

    def _status(self, run: Any) -> str:
        return word(run.status)

    def _details(self, workspace: Workspace, run: Any, run_id: str) -> Mapping[str, Any]:
        return dict(workspace.ask_data_plane(f"/history/v1.0{{workspace}}/runs/{run_id}/details"))

    def _metrics(self, workspace: Workspace, run: Any, run_id: str) -> Mapping[str, float]:
        return logged_metrics(workspace, run_id)

    def _file(self, workspace: Workspace, run: Any, run_id: str, name: str) -> bytes | None:
        return read(workspace, Place.of_run(run_id, name))

    def _trials(self, workspace: Workspace, run: Any, run_id: str) -> list[TrialSeen]:
        return trials_of(workspace, run_id, self._clock())

    def _stop(self, workspace: Workspace, run: Any, run_id: str) -> None:
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
