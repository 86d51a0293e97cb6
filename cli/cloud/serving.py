"""What versions are served on, as far as it is no part of the app."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cli.cloud import app, around
from cli.cloud.arm import Arm, Missing
from cli.cloud.expected import CONTAINER_INSTANCES, MANAGED_ENDPOINTS
from cli.cloud.installation import Installation
from cli.doctor import Check
from cli.machine import Wrong


def checks(arm: Arm, at: Installation) -> Iterator[tuple[str, Check]]:
    """Name and check."""
    yield "serving", partial(serving, arm, at)


def serving(arm: Arm, at: Installation) -> str:
    """What versions are served on is there: a cluster, or the providers of what the service makes for each version."""
    told = app.told(arm, at)
    if told.get("BATON_PLATFORM") != "azureml":
        return f"managed endpoints, {', '.join(_managed(arm, at, name) for name in MANAGED_ENDPOINTS)}"
    if told.get("BATON_SERVING") == "aci":
        return f"container instances, {around.provider(arm, _subscription(arm, at), CONTAINER_INSTANCES)}"
    name = told.get("BATON_AKS", "")
    try:
        found = arm.get(f"{around.workspace_id(arm, at)}/computes/{name}", around.LEARNING)["properties"]
    except Missing as missing:
        todo = "attach it in the studio: Compute, Kubernetes clusters; or azd env set BATON_SERVING aci; azd provision"
        raise Wrong(f"no cluster {name!r} is attached to the workspace", next=todo) from missing
    if found.get("provisioningState") != "Succeeded":
        raise Wrong(f"the cluster {name} is {found.get('provisioningState')}", next="look at it in the studio: Compute")
    return f"on {name}"


def _managed(arm: Arm, at: Installation, name: str) -> str:
    """A provider that the service of managed endpoints uses by itself."""
    try:
        return f"{name} {around.provider(arm, _subscription(arm, at), name)}"
    except Wrong as wrong:
        raise Wrong(f"no endpoint can be made: {name}: {wrong.what}", next=wrong.next) from wrong


def _subscription(arm: Arm, at: Installation) -> str:
    """The workspace's, which may be another than the app's."""
    return around.workspace_id(arm, at).split("/")[2]
