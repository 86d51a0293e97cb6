"""Sweep jobs through azure-ai-ml (SDK v2), and what became of their trials, as run history has them below the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from shared.model_yaml.searching import wire_name
from shared.platforms import azureml_sweep
from shared.platforms.azureml_sweep import SWEEP_TAG, TrialSeen
from shared.platforms.azureml_v2_files import Place, read_all
from shared.platforms.azureml_v2_service import Workspace, found
from shared.platforms.port import RunRequest, Sweep
from shared.runs.trying import METRIC, TRIAL_OF


def sweep_job(job: Any, request: RunRequest, asked: Sweep) -> Any:
    """The sweep whose trial is this command job. All limits are given: without one the service takes its own."""
    from azure.ai.ml import sweep
    from azure.ai.ml.entities import ManagedIdentityConfiguration

    given = " ".join(f"--{name} ${{{{search_space.{wire_name(name)}}}}}" for name in asked.space)
    job.command = f"{job.command} {given}"
    job.environment_variables = {**job.environment_variables, TRIAL_OF: request.run_id}
    made = sweep.SweepJob(
        name=request.run_id,
        display_name=request.run_id,
        experiment_name=request.model,
        tags={**job.tags, SWEEP_TAG: azureml_sweep.tag(asked)},
        compute=job.compute,
        identity=ManagedIdentityConfiguration(),
        trial=job._to_job(),
        search_space={
            wire_name(name): _expression(kind, given) for name, (kind, given) in azureml_sweep.space(asked).items()
        },
        sampling_algorithm=_sampling(asked),
        objective=sweep.Objective(goal=asked.goal, primary_metric=METRIC),
    )
    made.set_limits(
        max_concurrent_trials=asked.jobs,
        max_total_trials=asked.trials,
        timeout=int(asked.seconds),
        trial_timeout=int(min(request.max_seconds, asked.seconds)),
    )
    return made


def _expression(kind: str, given: list[Any]) -> Any:
    from azure.ai.ml import sweep

    expression = {
        "choice": sweep.Choice,
        "uniform": sweep.Uniform,
        "loguniform": sweep.LogUniform,
        "quniform": sweep.QUniform,
        "qloguniform": sweep.QLogUniform,
    }[kind]
    return expression(*given)


def _sampling(asked: Sweep) -> Any:
    """Bayesian sampling takes no seed; its trials are others each time."""
    from azure.ai.ml import sweep

    if asked.sampler == "random":
        return sweep.RandomSamplingAlgorithm(rule="random", seed=asked.seed)
    return sweep.BayesianSamplingAlgorithm()


def trials_of(workspace: Workspace, run_id: str, now: datetime) -> list[TrialSeen]:
    """The trials of a sweep, with what they left."""

    def documents(wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        return read_all(workspace, [Place.of_run(*one) for one in wanted])

    return azureml_sweep.trials(_children(workspace, run_id), documents, now)


def _children(workspace: Workspace, run_id: str) -> list[dict[str, Any]]:
    """The runs below a run, page by page (azure-ai-ml: _restclient/runhistory, get_child)."""
    listed: list[dict[str, Any]] = []
    token = ""
    while True:
        query = f"?{urlencode({'$continuationtoken': token})}" if token else ""
        page = workspace.ask_data_plane(f"/history/v1.0{{workspace}}/runs/{run_id}/children{query}")
        listed += page["value"]
        token = page.get("continuationToken") or ""
        if not token:
            return listed


def model_run(workspace: Workspace, run_id: str) -> str:
    """The run whose outputs/model is what this one made: the best trial's of a sweep, else its own."""
    job = found(workspace, partial(workspace.client.jobs.get, run_id), f"read run {run_id}")
    limits = azureml_sweep.tagged(job.tags) if job is not None else {}
    if job is None or not limits:
        return run_id
    tried = trials_of(workspace, run_id, datetime.now(UTC))
    return azureml_sweep.candidate(run_id, job.properties, tried, str(limits["goal"]))
