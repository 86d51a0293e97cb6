"""Checks of the Databricks workspace: does it answer, does it know the app, and may the app do there what it does?

Asked as who calls, who must see what is asked for: an admin of the workspace does. Commands are those of the Databricks CLI.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cli.cloud import app, around
from cli.cloud.arm import Arm
from cli.cloud.expected import GRANTS, ROLES_OF_RUNS
from cli.cloud.installation import Installation
from cli.doctor import Check
from cli.machine import Wrong
from shared.errors import PlatformBusy
from shared.platforms.azureml_service import Service
from shared.platforms.databricks_errors import DatabricksRefused, NotThere, PlaceMissing
from shared.platforms.databricks_service import VOLUME, Workspace
from shared.platforms.databricks_settings import Databricks

Connect = Callable[[str, str], Service]
CONNECTORS, IDENTITIES = "2024-05-01", "2024-11-30"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ALL = "ALL_PRIVILEGES"


def as_the_caller(host: str, schema: str) -> Service:
    """The workspace as whoever is signed in to `az` sees it."""
    from shared.platforms.databricks_service import service_by_identity

    return service_by_identity(host, schema)


def checks(arm: Arm, at: Installation, connect: Connect) -> Iterator[tuple[str, Check]]:
    """Name and check, in the order in which faults should be mended."""
    door = Door(arm, at, connect)
    yield "databricks", door.answers
    yield "databricks identity", door.knows_the_app
    yield "databricks catalog", door.catalog
    yield "databricks schema", door.schema
    yield "databricks volume", door.volume
    for privilege, kind in GRANTS:
        yield f"databricks {privilege} on the {kind}", partial(door.granted, privilege, kind)
    yield "databricks credential", door.credential
    yield "databricks ACCESS on the credential", partial(door.granted, "ACCESS", "credential")
    for role, container in ROLES_OF_RUNS:
        yield f"role {role} of runs on {container}", partial(door.role_of_runs, role, container)
    yield "databricks warehouse", door.warehouse
    yield "databricks CAN_USE on the warehouse", door.may_count
    yield "databricks endpoints", door.may_serve


class Door:
    """The workspace that the app's settings name. It is opened by the first check that asks it."""

    def __init__(self, arm: Arm, at: Installation, connect: Connect) -> None:
        self._arm, self._at, self._connect = arm, at, connect
        self._service: Service | None = None

    @property
    def _told(self) -> Databricks:
        return Databricks.from_env(app.told(self._arm, self._at))

    @property
    def _app(self) -> str:
        """The application id of the app's identity, under which Databricks knows it."""
        given = (app.site(self._arm, self._at).get("identity") or {}).get("userAssignedIdentities") or {}
        found = [str(one.get("clientId") or "") for one in given.values()]
        if not any(found):
            raise Wrong("the app has no identity, so Databricks cannot know it", next=around.PROVISION)
        return found[0]

    def _ask(self, doing: str, call: Callable[[Workspace], Any], missing: str = "", mends: str = "") -> Any:
        """What the workspace answers; `missing` is what a "there is none" means, and `mends` what makes it."""
        if self._service is None:
            self._service = self._connect(self._told.host, self._told.schema)
        try:
            return self._service.ask(doing, call)
        except (NotThere, PlaceMissing) as gone:
            raise Wrong(missing or gone.what, next=mends or gone.next) from gone
        except DatabricksRefused as refused:
            todo = "let an admin of the workspace ask, or make you one; az login if it does not know you"
            raise Wrong(refused.what, next=todo) from refused
        except PlatformBusy as silent:
            todo = "look at the address: azd env set BATON_DATABRICKS_HOST https://...; azd provision"
            raise Wrong(silent.what, next=todo) from silent

    def answers(self) -> str:
        """It is reached, and knows who asks."""
        me = self._ask("say who you are", lambda workspace: workspace.client.current_user.me())
        return f"{self._told.host} knows you as {me.user_name}"

    def knows_the_app(self) -> str:
        """The app's identity is a service principal there, and active."""
        wanted = f"applicationId eq {self._app}"
        found = self._ask("list it", lambda one: list(one.client.service_principals.list(filter=wanted)))
        if not found:
            todo = f"databricks service-principals create --application-id {self._app} --display-name baton"
            raise Wrong(f"the app's identity {self._app} is no service principal of the workspace", next=todo)
        if not found[0].active:
            change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": True}]}
            todo = f"databricks service-principals patch {found[0].id} --json '{json.dumps(change)}'"
            raise Wrong(f"the app's service principal {found[0].id} is not active", next=todo)
        return f"{found[0].display_name}, active"

    def catalog(self) -> str:
        """There."""
        name = self._name("catalog")
        mends = f"databricks catalogs create {name}, or azd env set BATON_DATABRICKS_SCHEMA ...; azd provision"
        self._ask("read the catalog", lambda one: one.client.catalogs.get(name), f"no catalog {name}", mends)
        return name

    def schema(self) -> str:
        """There."""
        full, (catalog, name) = self._told.schema, self._told.schema.split(".")
        mends = f"databricks schemas create {name} {catalog}"
        self._ask("read the schema", lambda one: one.client.schemas.get(full), f"no schema {full}", mends)
        return full

    def volume(self) -> str:
        """There: runs and their source lie in it."""
        full = f"{self._told.schema}.{VOLUME}"
        mends = f"databricks volumes create {self._told.schema.replace('.', ' ')} {VOLUME} MANAGED"
        self._ask("read the volume", lambda one: one.client.volumes.read(full), f"no volume {full}", mends)
        return full

    def _name(self, kind: str) -> str:
        """The full name of what a privilege is given on."""
        told = self._told
        return {"catalog": told.schema.split(".")[0], "schema": told.schema, "credential": told.credential}[kind]

    def granted(self, privilege: str, kind: str) -> str:
        """Given to the app's identity, be it on a thing above, or as the owner of the schema."""
        name, who = self._name(kind), self._app
        seen = self._ask("read grants", lambda one: one.client.grants.get_effective(kind, name, principal=who))
        given = seen.as_dict().get("privilege_assignments", ())
        held = {each["privilege"] for one in given if one.get("principal") == who for each in one.get("privileges", ())}
        if not held & {privilege, ALL} and not self._owns(kind, name, who):
            change = {"changes": [{"principal": who, "add": [privilege]}]}
            todo = f"databricks grants update {kind} {name} --json '{json.dumps(change)}'"
            raise Wrong(f"the app's identity has no {privilege} on the {kind} {name}", next=todo)
        return "given"

    def _owns(self, kind: str, name: str, who: str) -> bool:
        return kind == "schema" and self._ask("read", lambda one: one.client.schemas.get(name)).owner == who

    def _credential(self) -> Any:
        name = self._told.credential
        body = {"purpose": "SERVICE", "azure_managed_identity": {"access_connector_id": "CONNECTOR"}}
        mends = f"databricks credentials create-credential {name} --json '{json.dumps(body)}'"
        what = f"no service credential {name}: runs cannot read the data account"
        return self._ask("read it", lambda one: one.client.credentials.get_credential(name), what, mends).as_dict()

    def credential(self) -> str:
        """There, and for services: one for storage gives no tokens."""
        found = self._credential()
        if found.get("purpose") != "SERVICE":
            todo = "make one with purpose SERVICE; azd env set BATON_DATABRICKS_CREDENTIAL ...; azd provision"
            raise Wrong(f"the credential {self._told.credential} is for {found.get('purpose')}", next=todo)
        if not found.get("azure_managed_identity"):
            todo = "make one of an access connector, whose identity Azure can give roles"
            raise Wrong(f"the credential {self._told.credential} stands for no managed identity", next=todo)
        return str(found["name"])

    def role_of_runs(self, role: str, container: str) -> str:
        """Given to the identity behind the credential."""
        behind = self._credential().get("azure_managed_identity") or {}
        if own := behind.get("managed_identity_id"):
            principal = self._arm.get(own, IDENTITIES)["properties"]["principalId"]
        elif connector := behind.get("access_connector_id"):
            principal = (self._arm.get(connector, CONNECTORS).get("identity") or {}).get("principalId", "")
        else:
            what = f"the credential {self._told.credential} stands for no identity that could have it"
            raise Wrong(what, next="see the check databricks credential")
        place = f"{self._at.data_account}/blobServices/default/containers/{container}"
        around.assigned(self._arm, place, str(principal), role)
        return "given"

    def warehouse(self) -> str:
        """There. One that sleeps wakes when it is asked."""
        wanted = self._told.warehouse
        mends = "databricks warehouses list; azd env set BATON_DATABRICKS_WAREHOUSE ID; azd provision"
        what = f"no SQL warehouse {wanted}: requests are not counted, so no roll-out goes on"
        found = self._ask("read it", lambda one: one.client.warehouses.get(wanted), what, mends).as_dict()
        if found.get("state") in ("DELETED", "DELETING"):
            raise Wrong(what, next=mends)
        return f"{found.get('name')}, {str(found.get('state')).lower()}"

    def may_count(self) -> str:
        """The app may use it."""
        wanted = self._told.warehouse
        seen = self._ask("read permissions", lambda one: one.client.warehouses.get_permissions(wanted))
        self._permitted(seen, ("CAN_USE", "CAN_MANAGE", "IS_OWNER"), "warehouses", wanted, "CAN_USE")
        return "given"

    def may_serve(self) -> str:
        """The app may change each endpoint that carries the schema's mark."""
        mark = self._ask("name endpoints", lambda one: one.mark)
        every = self._ask("list endpoints", lambda one: list(one.client.serving_endpoints.list()))
        ours = [one for one in every if str(one.name).endswith(f"-{mark}")]
        for endpoint in ours:
            seen = self._ask(
                "read permissions", partial(_permissions_of, endpoint.id), f"endpoint {endpoint.name} went just now"
            )
            self._permitted(seen, ("CAN_MANAGE",), "serving-endpoints", endpoint.id, "CAN_MANAGE", endpoint.name)
        return f"{len(ours)}, each may be changed" if ours else "none yet"

    def _permitted(
        self, seen: Any, enough: tuple[str, ...], kind: str, wanted: str, level: str, called: str = ""
    ) -> None:
        listed = seen.as_dict().get("access_control_list", ())
        own = [one for one in listed if one.get("service_principal_name") == self._app]
        if not {each["permission_level"] for one in own for each in one.get("all_permissions", ())} & set(enough):
            change = {"access_control_list": [{"service_principal_name": self._app, "permission_level": level}]}
            todo = f"databricks {kind} update-permissions {wanted} --json '{json.dumps(change)}'"
            raise Wrong(f"the app's identity has no {level} on {called or wanted}", next=todo)


def _permissions_of(endpoint: str, workspace: Workspace) -> Any:
    return workspace.client.serving_endpoints.get_permissions(endpoint)
