"""How a serving endpoint of Databricks is read, made and changed: a change has all entities and all shares in one request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from shared.platforms.databricks_counts import prefix
from shared.platforms.databricks_errors import NameTaken, NotThere, named
from shared.platforms.databricks_service import Workspace, found
from shared.platforms.databricks_serving import CLOSED, Document, busy, routes, updating


def endpoint_name(model: str, workspace: Workspace) -> str:
    """At most 27 of the 63 characters that the service allows. Names of endpoints are unique in a workspace."""
    return f"{model}-{workspace.mark}"


def read(model: str, workspace: Workspace) -> Document | None:
    """The endpoint's own document; None only if Databricks says that there is none."""
    name = endpoint_name(model, workspace)
    one = found(partial(workspace.client.serving_endpoints.get, name), f"read endpoint {name}")
    return None if one is None else dict(one.as_dict())


def there(model: str, workspace: Workspace) -> Document:
    """The same of an endpoint that must be there."""
    one = read(model, workspace)
    if one is None:
        raise NotThere(f"{model} has no endpoint {endpoint_name(model, workspace)}.", next="deploy a version first")
    return one


def make(model: str, closed: Document, workspace: Workspace) -> None:
    """Begin an endpoint with the entity that answers 503 and with its inference table. Whoever comes second finds it."""
    from databricks.sdk.service.serving import AiGatewayConfig, EndpointCoreConfigInput, EndpointTag

    catalog, schema = workspace.schema.split(".")
    where = {"catalog_name": catalog, "schema_name": schema, "table_name_prefix": prefix(model), "enabled": True}
    name = endpoint_name(model, workspace)
    try:
        workspace.client.serving_endpoints.create(
            name,
            config=EndpointCoreConfigInput.from_dict(_config({CLOSED: closed}, {CLOSED: 100})),
            ai_gateway=AiGatewayConfig.from_dict({"inference_table_config": where}),
            tags=[EndpointTag(key="baton_model", value=model)],
        )
    except Exception as error:
        ours = named(error, f"make endpoint {name}")
        if not isinstance(ours, NameTaken):
            raise ours from error


def change(model: str, entities: Mapping[str, Document], split: Mapping[str, int], workspace: Workspace) -> None:
    """Begin a change. After any error look whether one goes on: ours may have worked, or another's is waited for."""
    from databricks.sdk.service.serving import ServedEntityInput, TrafficConfig

    document, name = _config(entities, routes(entities, split)), endpoint_name(model, workspace)
    try:
        workspace.client.serving_endpoints.update_config(
            name,
            served_entities=[ServedEntityInput.from_dict(one) for one in document["served_entities"]],
            traffic_config=TrafficConfig.from_dict(document["traffic_config"]),
        )
    except Exception as error:
        ours = named(error, f"change endpoint {name}")
        if isinstance(ours, NameTaken) or updating(there(model, workspace)):
            raise busy(ours.what) from error
        raise ours from error


def _config(entities: Mapping[str, Document], shares: Mapping[str, int]) -> dict[str, Any]:
    split = [{"served_model_name": name, "traffic_percentage": share} for name, share in shares.items()]
    return {"served_entities": list(entities.values()), "traffic_config": {"routes": split}}
