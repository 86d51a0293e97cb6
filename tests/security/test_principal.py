"""People whom Azure's own door lets through: who they are, what they may ask for, and that nobody can write it for them."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import SettingsRefused
from shared.journaling import journal
from shared.settings import Settings
from shared.web.person import OPERATOR
from shared.web.principal import SIZE_LIMIT, principal
from shared.web.site import site
from tests.storybook import world_with_users
from tests.world import World

TENANT = "7f0a0e3b-1c55-4d0c-9a55-3b1d6f6b2c11"
ANA, BEN = "0e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c11", "1e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c12"
URL = "https://baton.example"
TOKEN = {"authorization": "Bearer checked-by-the-platform"}


def claims(person: str = ANA, *roles: str, tenant: str = TENANT, **more: Any) -> dict[str, Any]:
    """A principal as the platform writes it for somebody with these app roles."""
    said = [("http://schemas.microsoft.com/identity/claims/tenantid", tenant), ("name", "Ana")]
    said += [("http://schemas.microsoft.com/identity/claims/objectidentifier", person)]
    said += [("preferred_username", "ana@contoso.com"), *(("roles", role) for role in roles)]
    kinds = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles"}
    return {**kinds, "claims": [{"typ": kind, "val": value} for kind, value in said], **more}


def header(document: object) -> dict[str, str]:
    """The header that the platform puts before a request."""
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(document).encode()).decode()}


def signed_in(person: str = ANA, *roles: str) -> dict[str, str]:
    """Headers of a request by somebody who signed in at the platform."""
    return header(claims(person, *roles))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A release waits for somebody who has the role `operations`; Ben published its folder."""
    made = world_with_users(tmp_path)
    made.publish(by=f"ben@contoso.com ({BEN})")
    made.settle()
    made.drop("rows")
    made.settle()
    assert made.states() == {"m-0001": "awaiting approval"}
    return made


def client(world: World, **settings: Any) -> TestClient:
    """A client of the site as it stands behind the platform's door."""
    known = {"tenant": TENANT, "is_guarded": True, "url": URL, **settings}
    app = dataclasses.replace(world.app, settings=dataclasses.replace(world.app.settings, **known))
    return TestClient(site(app), base_url=URL, raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def http(world: World) -> Iterator[TestClient]:
    """The site in Azure."""
    with client(world) as opened:
        yield opened


def approve(http: TestClient, headers: dict[str, str]) -> tuple[int, str]:
    """Approve over the API: status, and what was said."""
    answer = http.post("/api/releases/m-0001/approve", json={"why": "better"}, headers=headers)
    return answer.status_code, answer.json().get("what", "")


def journalled(world: World) -> list[str]:
    """By whom decisions were given, and as which approver."""
    lines = [journal.read(line)["event"] for line in world.app.book.journal("m")]
    return [f"{line['by']} as {line['role']}" for line in lines if line["kind"] == "ApprovalGiven"]


def test_who_has_the_approvers_role_approves_and_is_journalled_with_the_id_that_stays(
    world: World, http: TestClient
) -> None:
    assert approve(http, {**TOKEN, **signed_in(ANA, "operations")})[0] == 202
    world.settle()
    assert world.states() == {"m-0001": "rolling out"}
    assert journalled(world) == [f"ana@contoso.com ({ANA}) as operations"]


def test_who_has_no_role_of_an_approver_is_refused(world: World, http: TestClient) -> None:
    assert approve(http, {**TOKEN, **signed_in(ANA, "readers", OPERATOR)})[0] == 403
    assert world.states() == {"m-0001": "awaiting approval"}


def test_an_author_with_the_role_may_not_approve_their_own_under_any_name(world: World, http: TestClient) -> None:
    status, what = approve(http, {**TOKEN, **signed_in(BEN, "operations")})
    assert (status, what) == (
        403,
        f"ana@contoso.com ({BEN}) published this folder, so somebody else must approve it.",
    )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"is_guarded": False}, "the platform does not authenticate: anyone can write the header"),
        ({"tenant": ""}, "no tenant was told"),
        ({"tenant": ANA}, "another tenant's people"),
    ],
)
def test_where_the_door_is_open_a_principal_is_nobodys(world: World, settings: dict[str, Any], why: str) -> None:
    with client(world, **settings) as http:
        assert approve(http, {**TOKEN, **signed_in(ANA, "operations")})[0] == 401, why
        assert "Sign in" in http.get("/", headers=signed_in(ANA, "operations")).text, why


def test_a_cookie_of_the_platform_alone_asks_for_nothing_over_the_api(http: TestClient) -> None:
    """Another site's page can make a browser send the cookie, and never the Authorization header."""
    assert approve(http, signed_in(ANA, "operations"))[0] == 401


def test_two_principals_are_nobodys(http: TestClient) -> None:
    two = [*signed_in(ANA, "operations").items(), *signed_in(BEN, "operations").items(), *TOKEN.items()]
    assert http.post("/api/releases/m-0001/approve", json={"why": "w"}, headers=two).status_code == 401


def token_of(page: str) -> str:
    """The token that the page's forms carry."""
    return re.findall(r'name="token" value="(\w+)"', page)[0]


def test_a_page_is_answered_for_who_signed_in_and_its_forms_are_theirs(world: World, http: TestClient) -> None:
    ana = signed_in(ANA, "operations")
    page = http.get("/releases/m-0001", headers=ana).text
    assert f"ana@contoso.com ({ANA})" in page
    form = {"token": token_of(page), "why": "better", "nonce": world.release("m-0001").nonce}
    ours = {"origin": URL}
    assert http.post("/releases/m-0001/approve", data=form, headers={**ana, "origin": "https://evil.example"}).is_error
    assert http.post("/releases/m-0001/approve", data=form, headers={**signed_in(BEN, "operations"), **ours}).is_error
    assert http.post("/releases/m-0001/approve", data=form, headers={**ana, **ours}).status_code == 303


def test_other_requests_than_decisions_need_the_operators_role(http: TestClient) -> None:
    for action in ("pause", "rollback", "retrain"):
        answer = http.post(
            f"/api/models/m/{action}", json={"why": "w"}, headers={**TOKEN, **signed_in(ANA, "operations")}
        )
        assert (answer.status_code, OPERATOR in answer.json()["next"]) == (403, True)
    allowed = http.post("/api/models/m/pause", json={"why": "w"}, headers={**TOKEN, **signed_in(ANA, OPERATOR)})
    assert allowed.status_code == 202


def test_signing_in_and_out_is_the_platforms(http: TestClient) -> None:
    assert (
        http.get("/sign-in?next=/models/m").headers["location"] == "/.auth/login/aad?post_login_redirect_uri=/models/m"
    )
    ana = signed_in(ANA, OPERATOR)
    form = {"token": token_of(http.get("/", headers=ana).text)}
    assert http.post("/sign-out", data=form, headers={**ana, "origin": URL}).headers["location"] == "/.auth/logout"


@pytest.mark.parametrize(
    "document",
    [
        claims(auth_typ="github"),
        claims(tenant=BEN),
        claims("not an id"),
        {**claims(), "claims": [*claims()["claims"], {"typ": "oid", "val": BEN}]},
        {**claims(), "claims": "all"},
        {**claims(), "claims": [["tid", TENANT]]},
        {**claims(), "padding": "x" * SIZE_LIMIT},
        [claims()],
        None,
    ],
)
def test_what_is_no_whole_principal_of_one_meaning_is_nobodys(document: object) -> None:
    assert principal(header(document)["X-MS-CLIENT-PRINCIPAL"], TENANT) is None


@pytest.mark.parametrize("text", ["", "%%%", "é", base64.b64encode(b"[" * 10_000).decode(), "e30", "e30="])
def test_what_cannot_be_read_is_nobodys(text: str) -> None:
    assert principal(text, TENANT) is None


def test_roles_are_read_under_the_type_that_the_principal_names_too() -> None:
    document = claims(role_typ="urn:role")
    document["claims"] += [{"typ": "urn:role", "val": "risk"}, {"typ": "roles", "val": "operations"}]
    found = principal(header(document)["X-MS-CLIENT-PRINCIPAL"], TENANT)
    assert found is not None
    assert found.roles == {"risk", "operations"}


def test_a_tenant_that_is_no_id_stops_the_start() -> None:
    with pytest.raises(SettingsRefused, match="BATON_TENANT is 'contoso.com', must be the id"):
        Settings.from_env({"BATON_TENANT": "contoso.com"})
