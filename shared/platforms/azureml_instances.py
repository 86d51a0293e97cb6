"""Web services on Azure Container Instances through azureml-core (SDK v1): made, updated, listed and deleted.

No call waits for a long operation: the SDK's own `delete` waits without an end, its `list` asks for the page "None", and
makes an object of each service that hides what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_versions import made

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.model import InferenceConfig

ACI = "ACI"
CORES, MEMORY_GB = 1.0, 2.0  # of each service, from its making on: an update cannot change them
ASK_SECONDS = 40.0


def begin_service(
    workspace: Workspace, name: str, models: Sequence[str], inference: InferenceConfig, tags: Mapping[str, str]
) -> None:
    """Begin to make a service that serves these model ids. Whoever comes second finds it."""
    from azureml.core.webservice import AciWebservice

    configuration = AciWebservice.deploy_configuration(
        cpu_cores=CORES, memory_gb=MEMORY_GB, auth_enabled=True, enable_app_insights=True, tags=dict(tags)
    )
    made(workspace, name, models, inference, configuration)


def replace(
    workspace: Workspace, name: str, models: Sequence[str], inference: InferenceConfig, tags: Mapping[str, str]
) -> None:
    """Begin to have a service serve something else, under the same address and key; its tags are these afterwards."""
    from azureml.core import Model
    from azureml.core.webservice import Webservice

    service: Any = Webservice(workspace, name)
    if service.compute_type != ACI or service.environment is None:
        raise AzureMLRefused(
            f"{name} is a web service on {service.compute_type}, or one made of an image: it cannot be updated.",
            next="delete it, then `baton retry`: Baton makes its own; docs/azure.md",
        )
    held = [Model(workspace, id=identity, expand=False) for identity in models]
    service.update(models=held, inference_config=inference, tags=dict(tags))


def services_of(workspace: Workspace, tag: str) -> list[Mapping[str, Any]]:
    """The documents of all container instances with this tag (`name=value`), page by page."""
    from azureml._model_management._util import _get_mms_url

    address: str | None = f"{_get_mms_url(workspace)}/services"
    asked: dict[str, str] | None = {"expand": "true", "computeType": ACI, "tags": tag}
    found: list[Mapping[str, Any]] = []
    while address:
        page = _ask(workspace, "get", address, asked).json()
        found += page["value"]
        address, asked = page.get("nextLink"), None  # which has the question in it
    return found


def begin_delete(workspace: Workspace, name: str) -> None:
    """Begin to delete a service; one that is gone is fine."""
    from azureml._model_management._util import _get_mms_url

    _ask(workspace, "delete", f"{_get_mms_url(workspace)}/services/{name}", None)


def _ask(workspace: Workspace, method: str, address: str, asked: Mapping[str, str] | None) -> Any:
    from azureml._model_management._util import get_requests_session

    headers = workspace._auth_object.get_authentication_header()
    answer = get_requests_session().request(method, address, params=asked, headers=headers, timeout=ASK_SECONDS)
    if method != "delete" or answer.status_code != 404:
        answer.raise_for_status()
    return answer
