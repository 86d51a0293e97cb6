"""Who signed in at Azure's own door: the principal that App Service authentication puts before each request.

`X-MS-CLIENT-PRINCIPAL` is the Base64 of `{auth_typ, name_typ, role_typ, claims: [{typ, val}]}`, as "Work with user
identities in App Service authentication" has it (learn.microsoft.com/azure/app-service). The platform removes such headers
from what comes from outside, but only where its authentication is on: elsewhere anyone can write them. So they are read only
if this app was told its tenant and the platform itself says that it authenticates; otherwise nobody is signed in.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from shared import names
from shared.web.person import Person

HEADER = "x-ms-client-principal"
SIZE_LIMIT = 16 * 1024
SCHEMAS = "http://schemas.microsoft.com/identity/claims/"
TENANT, OBJECT = ("tid", f"{SCHEMAS}tenantid"), ("oid", f"{SCHEMAS}objectidentifier")
ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
NAMES = ("preferred_username", "name")


@dataclass(frozen=True, slots=True)
class Door:
    """The platform's sign-in for one tenant. `is_guarded`: the platform says that it lets nobody past who is not signed in."""

    tenant: str
    is_guarded: bool

    def person(self, request: Request) -> Person | None:
        """Who signed in, with the app roles given to them; None if nobody did, or if the header could be anyone's."""
        header = request.headers.getlist(HEADER)
        return principal(header[0], self.tenant) if self.is_guarded and len(header) == 1 else None


def principal(header: str, tenant: str) -> Person | None:
    """The person that a principal describes; None unless it is a user's or an app's of this tenant, whole and of one meaning.

    The name that is journalled holds the object id, since the sign-in name may be given to somebody else later.
    """
    claims, role_types = _claims(header)
    given = [_only(claims, kinds) for kinds in (TENANT, OBJECT)]
    if None in given or given[0] != tenant.lower() or not names.OBJECT_ID.fullmatch(given[1] or ""):
        return None
    shown = next((value for kind in NAMES for value in claims.get(kind, [])), "")
    roles = {value for kind in {*ROLES, *role_types} for value in claims.get(kind, [])}
    return Person(names.person(shown, given[1] or ""), frozenset(roles))


def _claims(header: str) -> tuple[dict[str, list[str]], list[str]]:
    """Claims by type, and the type that roles have here; none of what is too large or is no principal of Entra."""
    try:
        found: Any = json.loads(base64.b64decode(header, validate=True)) if len(header) <= SIZE_LIMIT else {}
    except (binascii.Error, ValueError, RecursionError):
        found = {}
    if not isinstance(found, dict) or found.get("auth_typ") != "aad" or not isinstance(found.get("claims"), list):
        return {}, []
    claims: dict[str, list[str]] = {}
    for claim in found["claims"]:
        match claim:
            case {"typ": str(kind), "val": str(value)}:
                claims.setdefault(kind, []).append(value)
    role_type = found.get("role_typ")
    return claims, [role_type] if isinstance(role_type, str) else []


def _only(claims: Mapping[str, list[str]], kinds: tuple[str, ...]) -> str | None:
    """The one value that these kinds of claim have, in lower case; None if there is none, or two that differ."""
    values = {value.lower() for kind in kinds for value in claims.get(kind, [])}
    return values.pop() if len(values) == 1 else None
