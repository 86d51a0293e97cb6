"""Signing in with a key, sessions, and the forms of the pages, against other sites that would use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import httpx
import pytest
from starlette.testclient import TestClient

from tests.integration.asking import HOST, waiting
from tests.integration.command_line import ASKED
from tests.world import World


def signed_in(http: TestClient, key: str = "operations-key") -> None:
    assert http.get(f"/sign-in?key={key}", follow_redirects=False).status_code == 303


def fields(http: TestClient, path: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that sends to `action`."""
    page = http.get(path).text
    form = page.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def send(http: TestClient, path: str, data: Mapping[str, str], *, origin: str = HOST) -> httpx.Response:
    return http.post(path, data=dict(data), headers={"origin": origin}, follow_redirects=False)


APPROVE = f"/releases/{ASKED}/approve"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(http: TestClient) -> None:
    answer = http.get("/sign-in?key=operations-key", follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/"
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_key_opens_no_session(http: TestClient) -> None:
    answer = http.get("/sign-in?key=wrong")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:1"]
)
def test_signing_in_leads_to_this_site_only(http: TestClient, then: str) -> None:
    answer = http.get("/sign-in", params={"key": "operations-key", "next": then}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_a_form_approves_and_comes_back_to_the_release(world: World, http: TestClient) -> None:
    signed_in(http)
    answer = send(http, APPROVE, {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/releases/{ASKED}?asked=approve")
    assert [(event.by, event.why) for event in waiting(world)] == [("operations", "good numbers")]


def test_a_form_that_is_sent_twice_is_one_decision(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    for _ in range(2):
        send(http, APPROVE, data)
    assert len(waiting(world)) == 1


def test_a_form_from_another_site_is_refused(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    for origin in ("https://evil.example", "null", ""):
        assert send(http, APPROVE, data, origin=origin).status_code == 403
    assert waiting(world) == []


def test_a_form_with_the_token_of_another_session_is_refused(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    http.cookies.clear()
    signed_in(http)
    assert send(http, APPROVE, data).status_code == 403
    assert waiting(world) == []


def test_a_form_without_a_session_asks_to_sign_in(world: World, http: TestClient) -> None:
    assert send(http, APPROVE, {"why": "good numbers", "token": "x"}).status_code == 401
    assert waiting(world) == []


def test_a_session_ends_after_twelve_hours(world: World, http: TestClient) -> None:
    signed_in(http)
    assert "Sign out" in http.get("/").text
    world.now += timedelta(hours=12)
    assert "Sign out" not in http.get("/").text


def test_a_session_ends_when_its_person_is_removed(world: World, http: TestClient) -> None:
    signed_in(http)
    world.app.settings.users.write_text("{}")
    assert "Sign out" not in http.get("/").text


@pytest.mark.parametrize("cookie", ["x", "x.y", ".", "eyJuYW1lIjoib3BlcmF0aW9ucyJ9." + "0" * 64])
def test_a_forged_cookie_is_nobody(http: TestClient, cookie: str) -> None:
    assert "Sign out" not in http.get("/", headers={"cookie": f"baton_session={cookie}"}).text


def test_signing_out_ends_the_session(http: TestClient) -> None:
    signed_in(http)
    assert send(http, "/sign-out", fields(http, "/", "/sign-out")).status_code == 303
    assert "Sign out" not in http.get("/").text


def test_another_sites_name_for_this_laptop_is_refused(http: TestClient) -> None:
    assert http.get("/api/models", headers={"host": "evil.example:7071"}).status_code == 403
    assert http.get("/api/models", headers={"host": "localhost:7071"}).status_code == 200
