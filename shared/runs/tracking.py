"""Where a training run's parameters, metrics and model are kept: the port, and MLflow behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.errors import PlatformBusy
from shared.platforms.port import RunRequest

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN_TAG = "baton.run_id"
MODEL_TAG = "baton.model"
MODEL_PATH = "model"
PARENT_TAG = "mlflow.parentRunId"


class Tracking(Protocol):
    """Keeps what a training run logs. What it cannot keep raises `PlatformBusy`."""

    def begin(self, request: RunRequest) -> str:
        """The tracked run's id; get-or-create under the request's run id."""
        ...

    def environment(self, tracked: str) -> Mapping[str, str]:
        """What the training script needs in its environment to log into the tracked run."""
        ...

    def begin_trial(self, tracked: str, number: int) -> str:
        """A tracked run for a trial of a search, below the tracked run; the trial's script logs into it."""
        ...

    def metrics(self, tracked: str) -> Mapping[str, float]:
        """The last value of each metric that the script logged."""
        ...

    def log(self, tracked: str, name: str, value: float) -> None:
        """Keep a metric of our own in the tracked run."""
        ...

    def store_model(self, tracked: str, folder: Path) -> None:
        """Keep the model's files under "model"."""
        ...

    def end(self, tracked: str, *, completed: bool) -> None:
        """Close the tracked run."""
        ...


class MlflowTracking:
    """MLflow under `uri`. A run is an MLflow run tagged `baton.run_id`, in the experiment named after the model.

    `experiments` begins the names of all experiments: on Databricks each is a path of the workspace.
    """

    def __init__(self, uri: str, experiments: str = "") -> None:
        from mlflow.tracking import MlflowClient

        self._uri = uri
        self._experiments = experiments
        self._client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def begin(self, request: RunRequest) -> str:
        with _busy_if_it_fails("open the run"):
            experiment = self._experiment(request.model)
            found = self._client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{request.run_id}'", max_results=1)
            if found:
                self._client.update_run(found[0].info.run_id, status="RUNNING")
                return str(found[0].info.run_id)
            tags = {**request.tags, RUN_TAG: request.run_id, MODEL_TAG: request.model}
            return str(self._client.create_run(experiment, tags=tags, run_name=request.run_id).info.run_id)

    def environment(self, tracked: str) -> Mapping[str, str]:
        return {"MLFLOW_TRACKING_URI": self._uri, "MLFLOW_RUN_ID": tracked}

    def begin_trial(self, tracked: str, number: int) -> str:
        """None of Baton's tags: no platform takes a trial for a run of the model's."""
        with _busy_if_it_fails("open a trial"):
            experiment = self._client.get_run(tracked).info.experiment_id
            tags = {PARENT_TAG: tracked}
            return str(self._client.create_run(experiment, tags=tags, run_name=f"trial-{number}").info.run_id)

    def metrics(self, tracked: str) -> Mapping[str, float]:
        with _busy_if_it_fails("read the metrics"):
            return dict(self._client.get_run(tracked).data.metrics)

    def log(self, tracked: str, name: str, value: float) -> None:
        with _busy_if_it_fails("keep a metric"):
            self._client.log_metric(tracked, name, value)

    def store_model(self, tracked: str, folder: Path) -> None:
        with _busy_if_it_fails("store the model's files"):
            self._client.log_artifacts(tracked, str(folder), MODEL_PATH)

    def end(self, tracked: str, *, completed: bool) -> None:
        with _busy_if_it_fails("close the run"):
            self._client.set_terminated(tracked, "FINISHED" if completed else "FAILED")

    def _experiment(self, model: str) -> str:
        from mlflow.exceptions import MlflowException

        name = f"{self._experiments}{model}"
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # another run made it just now
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)


class KeptElsewhere(MlflowTracking):
    """MLflow where the model's files are kept from the run's own outputs, so that MLflow need not keep them once more."""

    def store_model(self, tracked: str, folder: Path) -> None:
        """Nothing: the platform keeps what lies in the run's outputs."""


class PlatformTracking(KeptElsewhere):
    """MLflow under `uri` where moreover the platform itself made the tracked run, and ends it."""

    def __init__(self, uri: str, run: str) -> None:
        super().__init__(uri)
        self._run = run

    def begin(self, request: RunRequest) -> str:
        return self._run

    def end(self, tracked: str, *, completed: bool) -> None:
        """Nothing: the run ends when its process does."""


def tracking(environment: Mapping[str, str], uri: str) -> Tracking:
    """Where a run in this environment is tracked; Azure ML names its own run in AZUREML_RUN_ID, and Databricks has experiments by path."""
    if run := environment.get("AZUREML_RUN_ID"):
        return PlatformTracking(uri, run)
    experiments = environment.get("BATON_EXPERIMENTS", "")
    return KeptElsewhere(uri, experiments) if experiments else MlflowTracking(uri)


@contextmanager
def _busy_if_it_fails(doing: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise PlatformBusy(
            f"MLflow could not {doing}: {error}", next="see that MLflow answers and its disk has space: `baton doctor`"
        ) from error
