"""`python infra/sign_in.py make NAME [ROLE ...]`: the app registration that people and programs sign in to, whole; prints its client id.

`open CLIENT URL` lets people come back to the app at that address; `give CLIENT ROLE OBJECT` gives an app role to a user, a group or
an identity by its object id, which the portal does for people only. Each is safe to repeat, adds what is missing and takes nothing
away. What it sets is what App Service's sign-in and `az account get-access-token --resource api://CLIENT` need: a service
principal, an application id URI with a scope that the Azure CLI may ask for, tokens of version 2 (their issuer is the
one that authsettingsV2 names; those of version 1 are answered 401), ID tokens, app roles, assignment required, and with that the
consent for everybody that users then cannot give themselves. Asks Microsoft Graph as who is signed in to `az`, who must be an
Application Administrator, and a Cloud Application Administrator or above for the consent. Needs Python and az.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

GRAPH = "https://graph.microsoft.com/v1.0"
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
OPERATOR = "Baton.Operator"
SCOPE = "user_impersonation"
CONSENT = "openid profile email"
LATE = re.compile(r"Request_ResourceNotFound|NoBackingApplicationObject|does not reference a valid application object")
TRIES, WAIT_SECONDS = 12, 5.0
Document = dict[str, Any]
Graph = Callable[..., Document]


class Refused(Exception):
    """What az or Graph said."""


def az(method: str, path: str, body: Document | None = None) -> Document:
    """The document that Graph answers with; `Refused` if it does not do it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [shutil.which("az") or "az", "rest", "--method", method, "--url", f"{GRAPH}{path}"]
        if body is not None:
            file = Path(folder, "body.json")
            file.write_text(json.dumps(body))
            command += ["--headers", "Content-Type=application/json", "--body", f"@{file}"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise Refused(said.stderr.strip() or f"az rest ended with {said.returncode}")
    found: Document = json.loads(said.stdout or "{}")
    return found


def patiently(graph: Graph, sleep: Callable[[float], None] = time.sleep) -> Graph:
    """The same, tried again where Graph does not find yet what was just made."""

    def ask(method: str, path: str, body: Document | None = None) -> Document:
        for left in range(TRIES - 1, -1, -1):
            try:
                return graph(method, path, body)
            except Refused as refused:
                if not left or not LATE.search(str(refused)):
                    raise
                sleep(WAIT_SECONDS)
        raise AssertionError

    return ask


def make(graph: Graph, name: str, roles: Sequence[str]) -> str:
    """The registration of this name with these roles beside the operators'; its client id."""
    found = listed(graph, "applications", f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'")
    if len(found) > 1:
        raise SystemExit(f"{len(found)} app registrations are called {name}. Next: take another name")
    made = (
        found[0] if found else graph("POST", "/applications", {"displayName": name, "signInAudience": "AzureADMyOrg"})
    )
    client, place = made["appId"], f"/applications/{made['id']}"
    made = graph("GET", place)
    api = {**(made.get("api") or {}), "requestedAccessTokenVersion": 2}
    api["oauth2PermissionScopes"] = scopes = joined(api.get("oauth2PermissionScopes"), [scope()], "value")
    web = {**(made.get("web") or {}), "implicitGrantSettings": {"enableIdTokenIssuance": True}}
    change = {
        "identifierUris": sorted({*made.get("identifierUris", ()), f"api://{client}"}),
        "web": {key: web[key] for key in ("redirectUris", "implicitGrantSettings") if key in web},
        "appRoles": joined(
            [{key: value for key, value in one.items() if key != "origin"} for one in made.get("appRoles", ())],
            [role(value) for value in dict.fromkeys((OPERATOR, *roles))],
            "value",
        ),
    }
    graph("PATCH", place, {**change, "api": api})
    asked = next(one["id"] for one in scopes if one["value"] == SCOPE)
    may = {"appId": AZURE_CLI, "delegatedPermissionIds": [asked]}
    api["preAuthorizedApplications"] = joined(api.get("preAuthorizedApplications"), [may], "appId")
    graph("PATCH", place, {"api": api})  # a scope must be there before a client may be allowed it
    principal = principal_of(graph, client) or graph("POST", "/servicePrincipals", {"appId": client})
    graph("PATCH", f"/servicePrincipals/{principal['id']}", {"appRoleAssignmentRequired": True})
    consent(graph, principal["id"], client)
    return str(client)


def consent(graph: Graph, principal: str, client: str) -> None:
    """Users of an app that asks for an assignment cannot consent themselves, not even to being signed in."""
    known = principal_of(graph, MICROSOFT_GRAPH)
    to = known["id"] if known else ""
    given = listed(graph, "oauth2PermissionGrants", f"clientId eq '{principal}'")
    if any(one["resourceId"] == to and one["consentType"] == "AllPrincipals" for one in given):
        return
    grant = {"clientId": principal, "consentType": "AllPrincipals", "resourceId": to, "scope": CONSENT}
    try:
        graph("POST", "/oauth2PermissionGrants", grant)
    except Refused as refused:
        todo = f'az ad app permission grant --id {client} --api {MICROSOFT_GRAPH} --scope "{CONSENT}"'
        print(f"Nobody can sign in before an administrator consents ({refused}). Next: {todo}", file=sys.stderr)


def come_back(graph: Graph, client: str, url: str) -> None:
    """People may come back to the app at this address once they signed in."""
    [found] = listed(graph, "applications", f"appId eq '{client}'") or [{}]
    if not found:
        raise SystemExit(f"There is no app registration {client}. Next: python infra/sign_in.py make NAME")
    back = f"{url.rstrip('/')}/.auth/login/aad/callback"
    addresses = sorted({*(found.get("web") or {}).get("redirectUris", ()), back})
    web = {"redirectUris": addresses, "implicitGrantSettings": {"enableIdTokenIssuance": True}}
    graph("PATCH", f"/applications/{found['id']}", {"web": web})


def give(graph: Graph, client: str, role_value: str, to: str) -> None:
    """This app role to whoever has this object id, once."""
    principal = principal_of(graph, client)
    roles = {one["value"]: one["id"] for one in (principal or {}).get("appRoles", ())}
    if not principal or role_value not in roles:
        raise SystemExit(
            f"{client} has no app role {role_value}, only {sorted(roles)}. Next: python infra/sign_in.py make"
        )
    place = f"/servicePrincipals/{principal['id']}/appRoleAssignedTo"
    wanted = {"principalId": to, "resourceId": principal["id"], "appRoleId": roles[role_value]}
    given = pages(graph, place)
    if not any(all(one.get(key) == value for key, value in wanted.items()) for one in given):
        graph("POST", place, wanted)


def principal_of(graph: Graph, client: str) -> Document | None:
    """The service principal of an application; None if there is none."""
    return next(iter(listed(graph, "servicePrincipals", f"appId eq '{client}'")), None)


def listed(graph: Graph, kind: str, condition: str) -> list[Document]:
    return pages(graph, f"/{kind}?$filter={quote(condition)}")


def pages(graph: Graph, path: str) -> list[Document]:
    """All entries of a list, page by page."""
    found: list[Document] = []
    while path:
        page = graph("GET", path)
        found += page.get("value", [])
        path = str(page.get("@odata.nextLink", "")).removeprefix(GRAPH)
    return found


def joined(there: list[Document] | None, wanted: Sequence[Document], key: str) -> list[Document]:
    """What is there, and what is wanted and not there yet."""
    have = {one[key] for one in there or ()}
    return [*(there or ()), *(one for one in wanted if one[key] not in have)]


def role(value: str) -> Document:
    """An app role that people and programs may have."""
    if not re.fullmatch(r"[\w.:-]{1,120}", value):
        raise SystemExit(f"{value!r} cannot be an app role's value. Next: use letters, digits, dots and dashes")
    return {"id": str(uuid.uuid4()), "value": value, "displayName": value, "description": f"{value} in Baton",
            "isEnabled": True, "allowedMemberTypes": ["User", "Application"]}  # fmt: skip


def scope() -> Document:
    """What a program may ask for in the name of who uses it."""
    told = {"adminConsentDisplayName": "Use Baton", "adminConsentDescription": "Use Baton as who is signed in"}
    return {"id": str(uuid.uuid4()), "value": SCOPE, "type": "User", "isEnabled": True, **told}


def main(arguments: Sequence[str], graph: Graph | None = None) -> int:
    asked = patiently(graph or az)
    try:
        match arguments:
            case ["make", name, *roles]:
                print(make(asked, name, roles))
            case ["open", client, url] if url.startswith("https://"):
                come_back(asked, client, url)
            case ["give", client, role_value, to]:
                give(asked, client, role_value, to)
            case _:
                raise SystemExit(__doc__)
    except Refused as refused:
        raise SystemExit(
            f"{refused}\nNext: sign in with `az login` as an Application Administrator, and run it again"
        ) from refused
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
