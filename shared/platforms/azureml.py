"""Runs on Azure ML through azureml-core (SDK v1), which existing v1 workspaces speak.

What the SDK gets wrong is met here, each with a test in tests/wire: a submit is several writes, so a run may be there
without its tags; a repeated submit is answered 409; an unreadable metric reads as none; a list lags behind a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.errors import PlatformBusy
from shared.platforms import azureml_sweep
from shared.platforms.azureml_errors import NotThere, named, url_of
from shared.platforms.azureml_hyperdrive import RUN_TYPE, granted, hyperdrive
from shared.platforms.azureml_run import READS, RUN_TAG, given
from shared.platforms.azureml_service import merged
from shared.platforms.azureml_sweep import SWEEP_TAG, TrialSeen
from shared.platforms.azureml_sweeps import file_of, trials_of
from shared.platforms.azureml_trainer import AzureMLRuns
from shared.platforms.port import RunRequest
from shared.runs.trying import TRIAL_OF

if TYPE_CHECKING:
    from azureml.core import Workspace


class AzureMLTrainer(AzureMLRuns):
    """Runs under ids of ours, each in the experiment that is named after its model.

    Exactly one run comes to be for a run id as far as the service answers a second submit of the id with an error;
    whoever gets one goes and looks. Submits of one process take turns: the SDK's snapshots are not safe otherwise.
    """

    def _start(self, request: RunRequest, workspace: Workspace) -> None:
        run = self._find(workspace, request.run_id, reads=1) or self._submit(workspace, request)
        wanted = {**request.tags, RUN_TAG: request.run_id, "baton.step": request.step}
        if request.sweep:
            wanted[SWEEP_TAG] = azureml_sweep.tag(granted(request.sweep))
        if merged(run.tags, wanted) != (run.tags or {}):
            run.set_tags(wanted)

    def _submit(self, workspace: Workspace, request: RunRequest) -> Any:
        """Submit the run. After any error look for it: the first of two POSTs, or another caller's, may have worked."""
        from azureml.core import Experiment

        wanted, options = self._configured(request), {"run_id": request.run_id}
        if request.sweep:
            wanted, options = hyperdrive(wanted, request, granted(request.sweep)), {}
        try:
            return Experiment(workspace, request.model).submit(wanted, **options)
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
        asked = request.sweep
        started: dict[str, Any] = {"script": self._job.script} if asked else {"command": list(self._job.command)}
        configured = ScriptRunConfig(
            source_directory=str(self._job.source()),
            compute_target=self._job.compute,
            environment=environment,
            max_run_duration_seconds=int(
                min(request.max_seconds, granted(asked).seconds) if asked else request.max_seconds
            ),
            **started,
        )
        told = given(self._job, request, image=environment.docker.base_image)
        configured.run_config.environment_variables = {**told, **({TRIAL_OF: request.run_id} if asked else {})}
        return configured

    def _get(self, workspace: Workspace, run_id: str) -> Any | None:
        """A 404 may be a gateway's: only the service's own, about this run, says that there is none."""
        from azureml.core import Run

        try:
            return Run.get(workspace, run_id)
        except Exception as error:
            ours = named(error, f"read run {run_id}")
            if not isinstance(ours, NotThere):
                raise ours from error
            if f"/runs/{run_id}" not in url_of(error):
                raise PlatformBusy(ours.what, next="nothing: it is asked again") from error
        return None

    def _status(self, run: Any) -> str:
        return str(run.get_status())

    def _details(self, workspace: Workspace, run: Any, run_id: str) -> Mapping[str, Any]:
        return dict(run.get_details())

    def _metrics(self, workspace: Workspace, run: Any, run_id: str) -> Mapping[str, float]:
        return logged_metrics(run)

    def _file(self, workspace: Workspace, run: Any, run_id: str, name: str) -> bytes | None:
        return file_of(run, name)

    def _trials(self, workspace: Workspace, run: Any, run_id: str) -> list[TrialSeen]:
        return trials_of(run, self._clock())

    def _stop(self, workspace: Workspace, run: Any, run_id: str) -> None:
        from azureml.core import Run

        if run.type == RUN_TYPE:
            run.cancel()  # HyperDrive's own, which cancels the trials
        else:
            Run.cancel(run)  # `ScriptRun.cancel` fails where the service does not repeat the run's configuration


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
