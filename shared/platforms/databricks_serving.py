"""What a Databricks serving endpoint is, in the words of databricks-sdk's documents and in the port's.

An endpoint has an active config and, while it is changed or after that failed, a pending one. A config has served
entities and a traffic config whose shares sum to 100, so one entity of ours answers 503 and has the traffic that
nobody else has (public REST reference, servingendpoints/get, /create and /updateconfig).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import CapacityRefused, PlatformBusy
from shared.platforms.databricks_errors import DatabricksRefused
from shared.platforms.port import DeploymentState

CLOSED = "closed"
AGAIN_SECONDS = 15.0
NOT_YET = "DEPLOYMENT_CREATING"
STATES: Mapping[str, DeploymentState] = {
    "DEPLOYMENT_READY": "healthy",
    **dict.fromkeys((NOT_YET, "DEPLOYMENT_RECOVERING"), "starting"),
    **dict.fromkeys(("DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"), "failed"),
}
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Serving:
    """What every deployment has in common. `warehouse` is the id of the SQL warehouse that counts requests."""

    warehouse: str
    workload_size: str = "Small"


@dataclass(frozen=True, slots=True)
class Config:
    """Entities by name, and their shares in percent."""

    entities: Mapping[str, Document]
    shares: Mapping[str, int]

    @property
    def split(self) -> dict[str, int]:
        """Shares of deployments, without the zeros and without the entity that answers 503."""
        return {name: share for name, share in self.shares.items() if share and name != CLOSED}


def active(one: Document) -> Config:
    """What serves."""
    return _config(one.get("config") or {})


def pending(one: Document) -> Config | None:
    """What the endpoint is being changed to, or could not be; None if it is neither."""
    return _config(one["pending_config"]) if one.get("pending_config") else None


def _config(document: Document) -> Config:
    routes = (document.get("traffic_config") or {}).get("routes") or ()
    return Config(
        {str(entity["name"]): entity for entity in document.get("served_entities") or ()},
        {str(route.get("served_model_name") or route.get("served_entity_name")): int(route["traffic_percentage"])
         for route in routes},
    )  # fmt: skip


def updating(one: Document) -> bool:
    """Whether it is being changed; `PlatformBusy` for a word that the SDK does not know, which it reads as none."""
    said = (one.get("state") or {}).get("config_update")
    if said is None:
        raise PlatformBusy(
            f"Databricks does not say whether endpoint {one.get('name')} is being changed.",
            next="look at it in the workspace; it is asked again",
        )
    return bool(said == "IN_PROGRESS")


def until_still(one: Document) -> None:
    """`CapacityRefused` while the endpoint is being changed: it takes no other change until then."""
    if updating(one):
        raise busy(f"endpoint {one.get('name')} is being changed, which takes minutes.")


def busy(what: str) -> CapacityRefused:
    return CapacityRefused(what, next="nothing: it is tried again", after_seconds=AGAIN_SECONDS)


def deployments(one: Document) -> dict[str, tuple[Document, DeploymentState, str]]:
    """Name to entity, state and reason. What the pending config has no more is on its way out, and is not shown.

    An entity of the pending config alone is healthy only once it is active, for it can have no traffic before.
    """
    now, next, changing = active(one), pending(one), updating(one)
    leaving = set(now.entities) - set(next.entities) if next and changing else set()
    shown = {name: (entity, *_state(entity)) for name, entity in now.entities.items() if name not in leaving}
    for name, entity in (next.entities if next else {}).items():
        if name not in now.entities:
            state, reason = _state(entity)
            if changing and state == "healthy":
                state = "starting"
            elif not changing:
                state, reason = "failed", reason or "the update of its endpoint failed; its build logs have the reason"
            shown[name] = (entity, state, reason)
    return {name: found for name, found in shown.items() if name != CLOSED}


def _state(entity: Document) -> tuple[DeploymentState, str]:
    said = entity.get("state") or {}
    state = STATES.get(str(said.get("deployment")))
    if state is None:
        raise PlatformBusy(
            f"Databricks gives {entity['name']} no state that the SDK knows.",
            next="look at the endpoint in the workspace; it is asked again",
        )
    return state, str(said.get("deployment_state_message") or "") if state == "failed" else ""


def entity(name: str, full_name: str, version: str, serving: Serving) -> dict[str, Any]:
    """A served entity to make. The one that answers 503 costs nothing while nobody asks it."""
    return {
        "name": name,
        "entity_name": full_name,
        "entity_version": version,
        "workload_size": serving.workload_size if name != CLOSED else "Small",
        "scale_to_zero_enabled": name == CLOSED,
    }


def routes(entities: Mapping[str, Document], split: Mapping[str, int]) -> dict[str, int]:
    """A share for every entity; what the split leaves goes to the one that answers 503."""
    left = 100 - sum(split.values())
    if left and CLOSED not in entities:
        raise DatabricksRefused(
            "the endpoint was not made by Baton: it has no entity that answers while nobody has traffic.",
            next="give all traffic to one of its entities, or delete the endpoint and let Baton make it",
        )
    return {name: split.get(name, 0) + (left if name == CLOSED else 0) for name in entities}


def whole(model: str, split: Mapping[str, int]) -> dict[str, int]:
    """The split without its zeros; `DatabricksRefused` unless it sums to 100, or is empty."""
    wanted = {name: int(share) for name, share in split.items() if share}
    if wanted and (sum(wanted.values()) != 100 or min(wanted.values()) < 0):
        raise DatabricksRefused(
            f"the split {dict(split)} of {model} does not sum to 100.", next="give every deployment its share"
        )
    return wanted
