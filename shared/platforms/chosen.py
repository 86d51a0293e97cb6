"""The composition root's part for ML platforms: which adapters stand behind the name in the settings. Each is imported when chosen."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.files.published import fetch_folder
from shared.settings import Settings
from shared.storage.port import Blobs

if TYPE_CHECKING:
    from shared.platforms.azureml_run import Job
    from shared.platforms.port import Endpoints, Registry, Trainer


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


def _azureml(settings: Settings, blobs: Blobs) -> tuple[Trainer, Registry, Endpoints]:
    """Azure ML through SDK v1. Nothing is asked yet, and the SDK is imported at the first call."""
    from shared.platforms import azureml, azureml_counts, azureml_endpoints, azureml_registry
    from shared.platforms.azureml_service import service_by_identity
    from shared.platforms.packages import check_package

    check_package(settings.platform)
    service = service_by_identity(settings.workspace_topic, client_id=settings.client_id)
    counts = azureml_counts.counts_by_identity(settings.scoring_logs, client_id=settings.client_id)
    folders = functools.partial(fetch_folder, blobs)
    endpoints = azureml_endpoints.AzureMLEndpoints(service, folders, settings.aks, counts=counts)
    return azureml.AzureMLTrainer(service, _job(settings)), azureml_registry.AzureMLRegistry(service), endpoints


def _azureml_v2(settings: Settings, blobs: Blobs) -> tuple[Trainer, Registry, Endpoints]:
    """Azure ML through SDK v2, likewise."""
    from shared.platforms import azureml_v2, azureml_v2_endpoints, azureml_v2_registry, azureml_v2_serving
    from shared.platforms.azureml_v2_service import service_by_identity
    from shared.platforms.packages import check_package

    check_package(settings.platform)
    service = service_by_identity(settings.workspace_topic, client_id=settings.client_id)
    serving = azureml_v2_serving.Serving(settings.instance_type, settings.instances)
    folders = functools.partial(fetch_folder, blobs)
    endpoints = azureml_v2_endpoints.AzureMLV2Endpoints(service, folders, serving)
    trainer = azureml_v2.AzureMLV2Trainer(service, _job(settings))
    return trainer, azureml_v2_registry.AzureMLV2Registry(service), endpoints


def _job(settings: Settings) -> Job:
    from shared.platforms import azureml_run, azureml_source

    return azureml_run.Job(
        settings.compute,
        functools.partial(azureml_source.source_folder, settings.home),
        packages=azureml_source.run_packages(),
        settings={"BATON_DATA": settings.data_of_runs},
    )


WORKSPACES = {"azureml": _azureml, "azureml_v2": _azureml_v2}
