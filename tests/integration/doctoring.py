"""What `baton doctor --azure` says of an installation at the wire, and ways to break one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken

from cli.cloud import doctor
from cli.cloud.arm import Arm
from cli.cloud.expected import CONTAINER_INSTANCES, ROLE_IDS
from cli.doctor import Finding, examine
from tests.wire import arm as wire
from tests.wire.arm import APP, ASSIGNED, AT, SUBSCRIPTION, Documents
from tests.wire.server import WireServer

Break = Callable[[Documents], None]
SETTINGS = f"POST {APP}/config/appsettings/list"


class Known:
    """A caller whose token the fake knows."""

    def get_token(self, *_scopes: str, **_more: Any) -> AccessToken:
        return AccessToken("a-token", int(time.time()) + 3600)


def found(documents: Documents, only: str = "", **faults: Any) -> dict[str, Finding]:
    """What the doctor says of an installation, by check: of all, or of one alone."""
    server = WireServer()
    wire.serve(server, documents)
    for fault in faults.get("orders", ()):
        server.fail(*fault["words"], **fault.get("more", {}))
    with server.running():
        arm = Arm(Known(), server.url)
        return {name: examine(name, check) for name, check in doctor.checks(arm, AT) if only in ("", name)}


def wrong(findings: dict[str, Finding]) -> dict[str, Finding]:
    return {name: one for name, one in findings.items() if not one.is_well}


def gone(path: str) -> Break:
    return lambda documents: documents.pop(path) and None


def without(path: str, name: str) -> Break:
    """A list without the entry of this name."""

    def broken(documents: Documents) -> None:
        left = [one for one in documents[path]["value"] if not str(one["name"]).endswith(name)]
        assert len(left) < len(documents[path]["value"])
        documents[path]["value"] = left

    return broken


def put(path: str, *steps: Any) -> Break:
    """A document with another value at this place."""
    return lambda documents: set_at(documents[path], *steps)


def set_at(place: Any, *steps: Any) -> None:
    """Another value at this place; the last step is the value, `None` takes the key away."""
    for step in steps[:-2]:
        place = place[step]
    if steps[-1] is None:
        del place[steps[-2]]
    else:
        place[steps[-2]] = steps[-1]


def on_containers(state: str) -> Break:
    """Versions are served on container instances, whose provider is in this state."""

    def broken(documents: Documents) -> None:
        documents[SETTINGS]["properties"] |= {"BATON_SERVING": "aci"}
        provider = {"namespace": CONTAINER_INSTANCES, "registrationState": state}
        documents[f"/subscriptions/{SUBSCRIPTION}/providers/{CONTAINER_INSTANCES}"] = provider

    return broken


def on_endpoints(lacking: str = "") -> Break:
    """Versions are served on managed endpoints; one of their providers is not registered in the workspace's subscription."""

    def broken(documents: Documents) -> None:
        documents[SETTINGS]["properties"] |= {"BATON_PLATFORM": "azureml_v2"}
        if lacking:
            documents[f"/subscriptions/{SUBSCRIPTION}/providers/{lacking}"]["registrationState"] = "NotRegistered"

    return broken


def unassigned(scope: str, role: str, principal: str = "") -> Break:
    def broken(documents: Documents) -> None:
        given = documents[f"{scope}{ASSIGNED}"]["value"]
        left = [
            one
            for one in given
            if not one["properties"]["roleDefinitionId"].endswith(ROLE_IDS[role])
            or principal not in one["properties"]["principalId"]
        ]
        assert len(left) == len(given) - 1
        documents[f"{scope}{ASSIGNED}"]["value"] = left

    return broken
