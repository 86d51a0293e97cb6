"""A web service of Azure ML (SDK v1) as its own document says it is, and what is sent along to make one, or a version of one.

The document is read and not the SDK's object for it: that asks twice more for each model, and hides what went wrong.
Its keys are those that azureml-core reads (core/webservice/aks.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.platforms.azureml_errors import AzureMLRefused, NameTaken, named
from shared.platforms.port import Deployment, DeploymentState, DeployRequest
from shared.runs.environments import requirements

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.model import InferenceConfig

ENTRY = Path(__file__).with_name("azureml_entry")
CLOSED = "closed"  # the version that serves while none of the model's does
VERSION_TAG = "baton.version"
AKS_ENDPOINT = "AKSENDPOINT"
STATES: Mapping[str, DeploymentState] = {"Healthy": "healthy", "Failed": "failed"}
SERVER = ("azureml-defaults>=1.61", "azureml-inference-server-http==1.5.1")


def endpoint_name(model: str) -> str:
    """The service's name; Azure ML wants 3 to 32 characters.

    >>> endpoint_name("diabetes"), endpoint_name("ab")
    ('diabetes', 'ab-endpoint')
    """
    return model if len(model) >= 3 else f"{model}-endpoint"


def versions_of(service: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The service's versions by name; a service without versions is its own only one."""
    if service.get("computeType") != AKS_ENDPOINT:
        return {str(service["name"]): service}
    return {name: version for name, version in (service.get("versions") or {}).items() if name != CLOSED}


def shares(service: Mapping[str, Any]) -> dict[str, int]:
    """Percent of each version, also of `CLOSED`. What no version has goes to the default one.

    Source: learn.microsoft.com/azure/machine-learning/v1/how-to-deploy-azure-kubernetes-service, controlled rollout.

    >>> shares({"computeType": AKS_ENDPOINT, "versions": {
    ...     "a": {"trafficPercentile": 10}, "b": {"trafficPercentile": 0, "isDefault": True}}})
    {'a': 10, 'b': 90}
    """
    if service.get("computeType") != AKS_ENDPOINT:
        return {str(service["name"]): 100}
    versions = service.get("versions") or {}
    said = {name: round(version.get("trafficPercentile") or 0) for name, version in versions.items()}
    for name, version in versions.items():
        if version.get("isDefault"):
            said[name] += max(0, 100 - sum(said.values()))
            break
    return said


def deployment_of(
    name: str, document: Mapping[str, Any], model: str, share: int, counted: tuple[int, int]
) -> Deployment:
    """One version as the port has it. One that does not answer has failed if it has traffic, and else still starts."""
    said = str(document.get("state") or "Transitioning")
    state = STATES.get(said, "failed" if said == "Unhealthy" and share else "starting")
    told = document.get("error") or {}
    reason = "" if state == "healthy" else str(told.get("message") or f"Azure ML says that it is {said}")[:1000]
    return Deployment(name, _version(name, document, model), state, share, *counted, reason)


def _version(name: str, document: Mapping[str, Any], model: str) -> str:
    """Which version it is: by the model that it holds, else by our tag; both must agree where both are there."""
    tagged = str((document.get("kvTags") or {}).get(VERSION_TAG, ""))
    held = {str(one["version"]) for one in document.get("models") or [] if one.get("name") == model}
    if len(held) > 1 or (held and tagged and held != {tagged}):
        raise AzureMLRefused(
            f"{name} of {model} holds version {' and '.join(sorted(held))}, and its tag says {tagged or 'none'}.",
            next="see in the studio who deployed it; remove it, then `baton retry`",
        )
    if not held and not tagged:
        raise AzureMLRefused(
            f"{name} serves {model}, but holds no registered version of it.",
            next=f"deploy a registered version, or tag it {VERSION_TAG}",
        )
    return held.pop() if held else tagged


def is_version(name: str, version: str, tags: Mapping[str, Any]) -> None:
    """Nothing if the tags of the deployment with this name say this version, or none; else `NameTaken`."""
    tagged = tags.get(VERSION_TAG)
    if tagged not in (None, version):
        raise NameTaken(f"{name} serves version {tagged}, and not {version}.", next="remove it first")


def inference(request: DeployRequest, code: Path) -> InferenceConfig:
    """What is sent along to serve a version: the published folder in `code`, with our entry script beside score.py."""
    shutil.copy2(ENTRY / "serve.py.txt", code / "baton_entry.py")
    names = {"BATON_ENDPOINT": endpoint_name(request.model), "BATON_DEPLOYMENT": request.name}
    packages = [
        *SERVER,
        *(line for line in requirements(code, "serving") if not line.startswith(("azureml-", "gunicorn"))),
    ]
    return _inference(code, "baton_entry.py", packages, {**names, "BATON_VERSION": request.version})


def closed_inference(scratch: Path) -> InferenceConfig:
    """What is sent along for the version that answers that there is none."""
    shutil.copy2(ENTRY / "closed.py.txt", scratch / "closed.py")
    return _inference(scratch, "closed.py", list(SERVER), {})


def _inference(source: Path, entry: str, packages: list[str], settings: Mapping[str, str]) -> InferenceConfig:
    from azureml.core import Environment
    from azureml.core.conda_dependencies import CondaDependencies
    from azureml.core.model import InferenceConfig

    environment = Environment("baton-serving")
    dependencies = CondaDependencies.create(python_version="3.11", pip_packages=packages, pin_sdk_version=False)
    for option in ("--find-links", "--extra-index-url"):
        dependencies.remove_pip_option(option)
    environment.python.conda_dependencies = dependencies
    environment.environment_variables = {**settings, "AML_APP_INSIGHTS_ENABLED": "true"}
    return InferenceConfig(entry_script=entry, source_directory=str(source), environment=environment)


def made(workspace: Workspace, name: str, models: Sequence[str], sent: InferenceConfig, configuration: object) -> None:
    """Begin to make a web service that serves these model ids. Whoever comes second finds it."""
    from azureml.core import Model

    try:
        Model.deploy(
            workspace,
            name,
            models=[Model(workspace, id=identity, expand=False) for identity in models],
            inference_config=sent,
            deployment_config=configuration,
        )
    except Exception as error:
        ours = named(error, f"make the web service {name}")
        if not isinstance(ours, NameTaken):
            raise ours from error
