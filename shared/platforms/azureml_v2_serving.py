"""What a managed online endpoint and its deployments are, in the words of azure-ai-ml (SDK v2) and in the port's."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import PlatformBusy
from shared.names import digest
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_v2 import IMAGE, environment
from shared.platforms.azureml_v2_counts import Counted
from shared.platforms.azureml_v2_service import Workspace, word
from shared.platforms.port import Deployment, DeploymentState, DeployRequest
from shared.runs.environments import requirements

ENTRY, ENTRY_SCRIPT = Path(__file__).with_name("azureml_entry") / "serve.py.txt", "baton_entry.py"
COLLECT, COLLECT_SCRIPT = ENTRY.with_name("collect.py.txt"), "baton_collect.py"
COLLECTING = "azureml-ai-monitoring==1.0.0"
LOG_LINES = 40
COLLECTED = ("model_inputs", "model_outputs")
STATES: Mapping[str, DeploymentState] = {
    **dict.fromkeys(("Creating", "Updating", "Scaling"), "starting"),
    "Succeeded": "healthy",
    **dict.fromkeys(("Failed", "Canceled"), "failed"),
}


@dataclass(frozen=True, slots=True)
class Serving:
    """What every deployment has in common: its machines and its image. `settings` are environment variables.

    `compute` is the cluster of batch jobs whose model names none.
    """

    instance_type: str = "Standard_DS3_v2"
    instances: int = 1
    image: str = IMAGE
    compute: str = "cpu"
    settings: Mapping[str, str] = field(default_factory=dict)


def definition(endpoint: str, request: DeployRequest, code: Path, serving: Serving) -> Any:
    """The deployment of a version whose published folder lies in `code`, with our entry script put beside its score.py.

    The service mounts a model that was registered as a folder in a folder of its name below AZUREML_MODEL_DIR, where
    score.py does not look for it; the entry script moves the variable.
    """
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

    shutil.copy2(ENTRY, code / ENTRY_SCRIPT)
    names = {"BATON_ENDPOINT": endpoint, "BATON_DEPLOYMENT": request.name, "BATON_VERSION": request.version}
    packages = requirements(code, "serving")
    if request.collect:
        shutil.copy2(COLLECT, code / COLLECT_SCRIPT)
        names, packages = {**names, "BATON_COLLECT": "1"}, (*packages, COLLECTING)
    return ManagedOnlineDeployment(
        name=request.name,
        endpoint_name=endpoint,
        model=f"azureml:{request.model}:{request.version}",
        code_configuration=CodeConfiguration(code=str(code), scoring_script=ENTRY_SCRIPT),
        environment=environment("baton-serving", serving.image, packages),
        environment_variables={**serving.settings, **names},
        instance_type=serving.instance_type,
        instance_count=serving.instances,
        tags={"baton.model": request.model, "baton.folder": request.folder},
        data_collector=collector() if request.collect else None,
    )


def collector() -> Any:
    """What a deployment keeps for a monitor, of what the entry script hands to the service's `Collector`."""
    from azure.ai.ml.entities import DataCollector, DeploymentCollection

    return DataCollector(collections={name: DeploymentCollection(enabled="true") for name in COLLECTED})


def seen(endpoint: str, one: Any, share: int, counted: Counted, workspace: Workspace) -> Deployment:
    """What the port calls a deployment; `PlatformBusy` for a state that nobody knows."""
    state = STATES.get(word(one.provisioning_state))
    if state is None:
        raise PlatformBusy(
            f"Azure ML says that deployment {one.name} is {word(one.provisioning_state)!r}.",
            next="look at it in the studio; it is asked again",
        )
    reason = last_words(endpoint, one.name, workspace) if state == "failed" else ""
    return Deployment(one.name, version(one), state, share, counted.requests, counted.errors, reason)


def endpoint_name(model: str, workspace: Workspace) -> str:
    """The name of a model's endpoint; at most 27 of the 32 characters that the service allows."""
    return f"{model}-{digest(workspace.resource_id.lower())[:6]}"


def shares(model: str, split: Mapping[str, int]) -> dict[str, int]:
    wanted = live(split)
    if wanted and (sum(wanted.values()) != 100 or min(wanted.values()) < 0):
        raise AzureMLRefused(
            f"the split {dict(split)} of {model} does not sum to 100.", next="give every deployment its share"
        )
    return wanted


def live(split: Mapping[str, int] | None) -> dict[str, int]:
    return {name: int(share) for name, share in (split or {}).items() if share}


def version(one: Any) -> str:
    """The version that a deployment serves, by its definition: .../models/<name>/versions/<version>."""
    return str(one.model or "").rpartition("/")[2].rpartition(":")[2]


def last_words(endpoint: str, name: str, workspace: Workspace) -> str:
    """The end of a failed deployment's log, on one line; what else is known where it cannot be read."""
    with suppress(Exception):
        said = workspace.client.online_deployments.get_logs(name, endpoint, LOG_LINES)
        if lines := [line.strip() for line in said.splitlines() if line.strip()]:
            return " | ".join(lines)[-1000:]
    return "the service gives no reason; its logs are in the studio"
