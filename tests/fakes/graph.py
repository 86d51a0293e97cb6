"""Microsoft Graph as infra/sign_in.py meets it: what is just made is not found at once, and some changes are refused.

Rules as the reference of application and servicePrincipal has them (learn.microsoft.com/graph/api/resources): `appRole.origin` may not be
written, a role that is enabled may not be taken away, and a client is allowed only scopes that the application has.
"""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any
from urllib.parse import unquote

from infra.sign_in import MICROSOFT_GRAPH, Refused

Document = dict[str, Any]


class FakeGraph:
    """One tenant. `late`: how many requests about a new application find nothing yet."""

    def __init__(self, *, late: int = 0, may_consent: bool = True) -> None:
        self.applications: dict[str, Document] = {}
        self.principals: dict[str, Document] = {}
        self.grants: list[Document] = []
        self.assigned: list[Document] = []
        self.late, self.may_consent = late, may_consent
        self._not_yet: dict[str, int] = {}
        self._principal(MICROSOFT_GRAPH)

    def __call__(self, method: str, path: str, body: Document | None = None) -> Document:
        kind, _, rest = path.lstrip("/").partition("/")
        if method == "GET" and "?" in kind:
            return {"value": self._filtered(*kind.split("?$filter="))}
        if method == "POST" and not rest:
            return self._made(kind, copy.deepcopy(body or {}))
        return self._of_one(method, kind, rest, copy.deepcopy(body or {}))

    def application(self, client: str) -> Document:
        return next(one for one in self.applications.values() if one["appId"] == client)

    def principal(self, client: str) -> Document:
        return next(one for one in self.principals.values() if one["appId"] == client)

    def _filtered(self, kind: str, condition: str) -> list[Document]:
        found = re.fullmatch(r"(\w+) eq '(.*)'", unquote(condition))
        assert found, condition
        places = {"applications": self.applications, "servicePrincipals": self.principals}
        known = list(places[kind].values()) if kind in places else self.grants
        return [copy.deepcopy(one) for one in known if one.get(found[1]) == found[2].replace("''", "'")]

    def _made(self, kind: str, body: Document) -> Document:
        if kind == "applications":
            made = {**body, "id": str(uuid.uuid4()), "appId": str(uuid.uuid4()), "appRoles": [], "identifierUris": []}
            made |= {"api": {"requestedAccessTokenVersion": None}, "web": {"redirectUris": []}}
            self.applications[made["id"]] = made
            self._not_yet[made["id"]] = self._not_yet[made["appId"]] = self.late
            return copy.deepcopy(made)
        if kind == "servicePrincipals":
            self._found(body["appId"], "NoBackingApplicationObject")
            return copy.deepcopy(self._principal(body["appId"]))
        assert kind == "oauth2PermissionGrants", kind
        if not self.may_consent:
            raise Refused("Forbidden: Authorization_RequestDenied, insufficient privileges")
        assert body["resourceId"] == self.principal(MICROSOFT_GRAPH)["id"]
        self.grants.append(body)
        return body

    def _of_one(self, method: str, kind: str, rest: str, body: Document) -> Document:
        identity, _, below = rest.partition("/")
        self._found(identity, "Request_ResourceNotFound")
        one = (self.applications if kind == "applications" else self.principals)[identity]
        if below == "appRoleAssignedTo":
            if method == "GET":
                return {"value": copy.deepcopy(self.assigned)}
            assert body["appRoleId"] in {role["id"] for role in one["appRoles"]}
            self.assigned.append(body)
        elif method == "PATCH":
            self._changed(one, body)
        return copy.deepcopy(one)

    def _changed(self, one: Document, body: Document) -> None:
        if any("origin" in role for role in body.get("appRoles", ())):
            raise Refused("Bad Request: Property 'origin' is read-only and cannot be set")
        if "appRoles" in body and {role["id"] for role in one["appRoles"]} - {role["id"] for role in body["appRoles"]}:
            raise Refused("Bad Request: CannotDeleteOrUpdateEnabledEntitlement")
        known = {scope["id"] for scope in (one.get("api") or {}).get("oauth2PermissionScopes", ())}
        for client in body.get("api", {}).get("preAuthorizedApplications", ()):
            if not set(client["delegatedPermissionIds"]) <= known:
                raise Refused("Bad Request: InvalidValue, a permission id that does not exist")
        one |= body
        one["appRoles"] = [{**role, "origin": "Application"} for role in one.get("appRoles", ())]
        for principal in self.principals.values():
            if principal["appId"] == one["appId"]:
                principal["appRoles"] = one["appRoles"]

    def _principal(self, client: str) -> Document:
        roles: list[Document] = next(
            (one["appRoles"] for one in self.applications.values() if one["appId"] == client), []
        )
        made: Document = {"id": str(uuid.uuid4()), "appId": client, "appRoles": roles}
        self.principals[str(made["id"])] = made
        return made

    def _found(self, identity: str, code: str) -> None:
        if self._not_yet.get(identity, 0) > 0:
            self._not_yet[identity] -= 1
            raise Refused(f"Not Found: {code}")
