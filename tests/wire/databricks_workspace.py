"""What `baton doctor --azure` asks a Databricks workspace: who is known there, what is there, and who may what.

Shapes: https://docs.databricks.com/api/azure/workspace/ currentuser/me, serviceprincipals/list, catalogs/get, schemas/get,
volumes/read, grants/geteffective, credentials/getcredential, warehouses/get, warehouses/getpermissions,
servingendpoints/list, servingendpoints/getpermissions. What is not in `found` is answered as the service says that there is none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.wire.databricks_models import error
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.databricks import FakeDatabricks

CATALOG = "/api/2.1/unity-catalog"
SCIM = "/api/2.0/preview/scim/v2"
PRINCIPALS, WAREHOUSE, SERVING = f"{SCIM}/ServicePrincipals", "/api/2.0/sql/warehouses", "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions"
GIVEN = ("USE_SCHEMA", "CREATE_MODEL", "READ_VOLUME", "WRITE_VOLUME", "CREATE_TABLE", "SELECT")
MISSING = {"catalogs": "CATALOG_DOES_NOT_EXIST", "schemas": "SCHEMA_DOES_NOT_EXIST", "volumes": "VOLUME_DOES_NOT_EXIST"}


def whole(app: str, connector: str, mark: str) -> dict[str, Any]:
    """Path to document of a workspace in which nothing is missing; `app` is the application id of the app's identity."""
    endpoints = [{"id": "e-1", "name": f"diabetes-{mark}"}, {"id": "e-2", "name": "somebodys-own"}]
    return {
        f"{SCIM}/Me": {"id": "7", "userName": "ana@contoso.com"},
        PRINCIPALS: {"Resources": [{"id": "9", "applicationId": app, "displayName": "baton", "active": True}]},
        f"{CATALOG}/catalogs/main": {"name": "main", "owner": "ana@contoso.com"},
        f"{CATALOG}/schemas/main.mlops": {"name": "mlops", "full_name": "main.mlops", "owner": "ana@contoso.com"},
        f"{CATALOG}/volumes/main.mlops.baton": {"name": "baton", "full_name": "main.mlops.baton"},
        f"{CATALOG}/effective-permissions/catalog/main": _effective(app, "USE_CATALOG"),
        f"{CATALOG}/effective-permissions/schema/main.mlops": _effective(app, *GIVEN),
        f"{CATALOG}/credentials/baton-data": {
            "name": "baton-data", "purpose": "SERVICE", "azure_managed_identity": {"access_connector_id": connector},
        },
        f"{CATALOG}/effective-permissions/credential/baton-data": _effective(app, "ACCESS"),
        f"{WAREHOUSE}/0123456789abcdef": {"id": "0123456789abcdef", "name": "counts", "state": "STOPPED"},
        f"{PERMISSIONS}/warehouses/0123456789abcdef": _allowed(app, "CAN_USE"),
        SERVING: {"endpoints": endpoints},
        f"{PERMISSIONS}/serving-endpoints/e-1": _allowed(app, "CAN_MANAGE"),
    }  # fmt: skip


def _effective(app: str, *privileges: str) -> dict[str, Any]:
    return {"privilege_assignments": [{"principal": app, "privileges": [{"privilege": one} for one in privileges]}]}


def _allowed(app: str, level: str) -> dict[str, Any]:
    admins = {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True}]}
    own = {"service_principal_name": app, "all_permissions": [{"permission_level": level, "inherited": False}]}
    return {"access_control_list": [admins, own]}


def serve(fake: FakeDatabricks, found: dict[str, Any]) -> None:
    """Answer with these documents."""

    def answer(asked: Asked) -> Answer:
        if asked.path in found:
            return Answer(document=_filtered(asked, found[asked.path]))
        kind = asked.path.split("/")[-2]
        return error(404, MISSING.get(kind, "RESOURCE_DOES_NOT_EXIST"), f"{asked.path} does not exist.")

    names = "catalogs|schemas|volumes|credentials|effective-permissions/[a-z]+"
    for pattern in (f"{CATALOG}/(?:{names})/[^/]+", f"{SCIM}/Me", PRINCIPALS, f"{WAREHOUSE}/[^/]+", SERVING):
        fake.route("GET", pattern, answer)
    fake.route("GET", f"{PERMISSIONS}/(?:warehouses|serving-endpoints)/[^/]+", answer)


def _filtered(asked: Asked, document: dict[str, Any]) -> dict[str, Any]:
    """A list of service principals by the one filter that is asked for, its second page empty; one principal's privileges."""
    if wanted := re.fullmatch("applicationId eq (.+)", asked.query.get("filter", "")):
        first = asked.query["startIndex"] == "1"
        shown = [one for one in document["Resources"] if first and one["applicationId"] == wanted[1]]
        return {"Resources": shown}
    if who := asked.query.get("principal"):
        return {"privilege_assignments": [one for one in document["privilege_assignments"] if one["principal"] == who]}
    return document
