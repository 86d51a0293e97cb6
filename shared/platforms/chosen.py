"""The composition root's part for ML platforms: which adapters stand behind the name in the settings. Each is imported when chosen."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import SettingsRefused
from shared.files.published import fetch_folder
from shared.settings import Settings
from shared.storage.port import Blobs

if TYPE_CHECKING:
    from shared.platforms.azureml_run import Job
    from shared.platforms.port import Carrier, Endpoints, Registry, Trainer


def platform(
    settings: Settings, blobs: Blobs, environment: Mapping[str, str] | None = None
) -> tuple[Trainer, Registry, Endpoints]:
    """The adapters of the platform that the settings name; `SettingsRefused` if this package was built for another.

    A run on this machine gets `environment`, otherwise that of this process.
    """
    if settings.platform in WORKSPACES:
        return WORKSPACES[settings.platform](settings, blobs)
    from shared.platforms.local import LocalRegistry, LocalTrainer
    from shared.platforms.local_endpoints import LocalEndpoints

    registry = LocalRegistry(settings.mlflow, settings.home)
    folders = functools.partial(fetch_folder, blobs)
    endpoints = LocalEndpoints(settings.router, settings.router_key, settings.home, registry, folders)
    return LocalTrainer(settings.home, environment=environment, runs_at_once=settings.runs_at_once), registry, endpoints


def carrier(env: Mapping[str, str], home: Path, place: str) -> tuple[Carrier, Registry]:
    """What carries versions to and from `place`, and this installation's registry: for a person or a pipeline, so by who is signed in.

    `place` is an Azure ML registry's name; on a laptop, whose state is in `home`, a folder. `env` needs BATON_PLATFORM and the
    platform's address only.
    """
    name = env.get("BATON_PLATFORM", "local")
    if name == "local":
        from shared.platforms.local_carrier import LocalCarrier
        from shared.platforms.local_registry import LocalRegistry

        registry = LocalRegistry(_needed(env, "MLFLOW_TRACKING_URI", "the MLflow server"), home)
        return LocalCarrier(registry, Path(place)), registry
    if name != "azureml_v2":
        why, todo = CARRIES_NOT.get(name, ("nobody knows it", "set BATON_PLATFORM to one of this installation's"))
        raise SettingsRefused(f"{name} carries no versions: {why}.", next=todo)
    from shared.platforms.azureml_v2_carrier import SHARE_SECONDS, AzureMLV2Carrier
    from shared.platforms.azureml_v2_registry import AzureMLV2Registry
    from shared.platforms.azureml_v2_service import service_by_identity

    service = service_by_identity(
        _needed(env, "BATON_WORKSPACE_SOURCE", "the workspace's resource id"), seconds=SHARE_SECONDS
    )
    return AzureMLV2Carrier(service, place), AzureMLV2Registry(service)


CARRIES_NOT = {
    "azureml": (
        "SDK v1 knows no registries",
        "BATON_PLATFORM=azureml_v2 for this command; a workspace of v1 is the same to it",
    ),
    "databricks": (
        "Unity Catalog shows a version to every workspace of its metastore",
        "nothing is to be carried there; give the other workspace the right to read the model",
    ),
}


def _needed(env: Mapping[str, str], name: str, what: str) -> str:
    if not env.get(name):
        raise SettingsRefused(f"{name} is missing ({what}).", next=f"set {name}, or start with `baton up`")
    return env[name]


def _azureml(settings: Settings, blobs: Blobs) -> tuple[Trainer, Registry, Endpoints]:
    """Azure ML through SDK v1. Nothing is asked yet, and the SDK is imported at the first call."""
    from shared.platforms import azureml, azureml_containers, azureml_counts, azureml_endpoints, azureml_registry
    from shared.platforms.azureml_service import service_by_identity
    from shared.platforms.packages import check_package

    check_package(settings.platform)
    service = service_by_identity(settings.workspace_topic, client_id=settings.client_id)
    counts = azureml_counts.counts_by_identity(settings.scoring_logs, client_id=settings.client_id)
    folders = functools.partial(fetch_folder, blobs)
    endpoints: Endpoints = (
        azureml_endpoints.AzureMLEndpoints(service, folders, settings.aks, counts=counts)
        if settings.serving == "aks"
        else azureml_containers.AzureMLContainers(service, folders, counts=counts)
    )
    return azureml.AzureMLTrainer(service, _job(settings)), azureml_registry.AzureMLRegistry(service), endpoints


def _azureml_v2(settings: Settings, blobs: Blobs) -> tuple[Trainer, Registry, Endpoints]:
    """Azure ML through SDK v2, likewise."""
    from shared.platforms import azureml_v2, azureml_v2_endpoints, azureml_v2_registry, azureml_v2_serving
    from shared.platforms.azureml_v2_service import service_by_identity
    from shared.platforms.packages import check_package

    check_package(settings.platform)
    service = service_by_identity(settings.workspace_topic, client_id=settings.client_id)
    serving = azureml_v2_serving.Serving(settings.instance_type, settings.instances, compute=settings.compute)
    folders = functools.partial(fetch_folder, blobs)
    endpoints = azureml_v2_endpoints.AzureMLV2Endpoints(service, folders, serving)
    trainer = azureml_v2.AzureMLV2Trainer(service, _job(settings))
    return trainer, azureml_v2_registry.AzureMLV2Registry(service), endpoints


def _databricks(settings: Settings, blobs: Blobs) -> tuple[Trainer, Registry, Endpoints]:
    """Databricks, likewise. Its runs go on serverless compute, which has no name."""
    from shared.platforms import azureml_source, databricks, databricks_endpoints, databricks_registry
    from shared.platforms.databricks_service import service_by_identity
    from shared.platforms.databricks_serving import Serving
    from shared.platforms.packages import check_package

    check_package(settings.platform)
    at = settings.databricks
    service = service_by_identity(at.host, at.schema, client_id=settings.client_id)
    packages = azureml_source.run_packages(azureml_source.PACKAGES.with_name("requirements-databricks-run.txt"))
    job = replace(
        _job(settings),
        compute="",
        packages=packages,
        settings={"BATON_DATA": settings.data_of_runs, "BATON_DATABRICKS_CREDENTIAL": at.credential},
    )
    folders = functools.partial(fetch_folder, blobs)
    endpoints = databricks_endpoints.DatabricksEndpoints(service, folders, Serving(at.warehouse, at.workload))
    return databricks.DatabricksTrainer(service, job), databricks_registry.DatabricksRegistry(service), endpoints


def _job(settings: Settings) -> Job:
    from shared.platforms import azureml_run, azureml_source

    return azureml_run.Job(
        settings.compute,
        functools.partial(azureml_source.source_folder, settings.home),
        packages=azureml_source.run_packages(),
        settings={"BATON_DATA": settings.data_of_runs},
    )


WORKSPACES = {"azureml": _azureml, "azureml_v2": _azureml_v2, "databricks": _databricks}
