"""One step of a release as a run of Databricks, started by shared/platforms/databricks_entry/start.py.txt.

The run's folder is one of the volume, which is mounted where runs go: request.json in it says what to do, and `outputs`
is what the run leaves. Inputs come from the data account by the service credential that BATON_DATABRICKS_CREDENTIAL names
(https://learn.microsoft.com/azure/databricks/connect/unity-catalog/cloud-services/use-service-credentials), from the folders
of other runs, and from Unity Catalog as whoever the run goes for.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import SettingsRefused
from shared.files.published import InputMissing
from shared.platforms.azureml_run import MODEL_PATH
from shared.platforms.azureml_service import Service
from shared.platforms.databricks import EXPERIMENTS
from shared.platforms.databricks_errors import named, status_of
from shared.platforms.databricks_service import Workspace
from shared.runs.__main__ import main as do_step
from shared.runs.materialise import Sources
from shared.runs.on_azureml import carry_out
from shared.runs.provenance import IMAGE_SETTING

COPYING_SECONDS = 900.0
RUNTIME = "DATABRICKS_RUNTIME_VERSION"  # client.2.5, or 16.4 on a cluster (mlflow 3.17.2, databricks_utils.py:252)


def main(
    folder: str,
    *,
    access: Callable[[Workspace], Mapping[str, str]] | None = None,
    step: Callable[[list[str], Mapping[str, str]], int] = do_step,
) -> int:
    """Do the step that `folder`/request.json asks for, and keep its end in `folder`/outputs; returns the exit code."""
    place, here = Path(folder), Path.cwd()
    document = json.loads((place / "request.json").read_text())
    schema = ".".join(place.parts[-5:-3])  # .../<catalog>/<schema>/<volume>/runs/<run id>
    environment = {
        **os.environ,
        **document["settings"],
        **({IMAGE_SETTING: f"Databricks Runtime {os.environ[RUNTIME]}"} if RUNTIME in os.environ else {}),
        "BATON_REQUEST": json.dumps(document["request"]),
        "MLFLOW_TRACKING_URI": "databricks",
        "BATON_EXPERIMENTS": EXPERIMENTS,
        **(access or signed_in)(Workspace("", schema, None)),
    }
    code = carry_out(environment, here, sources=partial(of_the_volume, place.parent, schema), step=step)
    shutil.copytree(here / "outputs", place / "outputs", dirs_exist_ok=True)
    return code


def signed_in(workspace: Workspace) -> Mapping[str, str]:
    """What a process that this one starts needs to log into MLflow: only this one is signed in by the platform."""
    config = workspace.client.config
    bearer = config.authenticate()["Authorization"]
    return {"DATABRICKS_HOST": str(config.host), "DATABRICKS_TOKEN": bearer.removeprefix("Bearer ")}


def of_the_volume(runs: Path, schema: str, environment: Mapping[str, str], _here: Path) -> Sources:
    """Inputs from the data account, from the folders of other runs in `runs`, and from Unity Catalog."""
    from shared.platforms.databricks_registry import DatabricksRegistry
    from shared.storage.blobs import AzureBlobs
    from shared.storage.clients import blob_service

    missing = [name for name in ("BATON_DATA", "BATON_DATABRICKS_CREDENTIAL") if not environment.get(name)]
    if missing:
        raise SettingsRefused(
            f"{' and '.join(missing)} not set for the run.", next="start runs through Baton's trainer"
        )
    service = Service(
        lambda: Workspace("", schema, None),
        seconds=COPYING_SECONDS,
        who="Databricks",
        named=named,
        status_of=status_of,
    )
    credential = _service_credential(environment["BATON_DATABRICKS_CREDENTIAL"])
    return Sources(
        AzureBlobs(blob_service(environment["BATON_DATA"], credential=credential)),
        partial(copy_run_model, runs),
        lambda: DatabricksRegistry(service),
    )


def copy_run_model(runs: Path, run_id: str, into: Path) -> None:
    """Copy what a run left in outputs/model into an empty folder; `InputMissing` if it left nothing."""
    left = runs / run_id / MODEL_PATH
    if not left.is_dir() or not any(left.iterdir()):
        raise InputMissing(f"run {run_id} left no {MODEL_PATH}.", next="retry the release: it trains again")
    shutil.copytree(left, into, dirs_exist_ok=True)


def _service_credential(name: str) -> Any:
    """A credential as azure-identity's are, of the identity behind the service credential of Unity Catalog."""
    from databricks.sdk.runtime import dbutils

    credentials: Any = dbutils.credentials  # the SDK's description of it is older than the call
    return credentials.getServiceCredentialsProvider(name)
