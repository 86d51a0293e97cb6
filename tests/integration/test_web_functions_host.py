"""The site by the way that the Functions host takes: its request, its middleware, its response."""

from __future__ import annotations

import asyncio
import json

import azure.functions as func
from starlette.testclient import TestClient

from shared.web.site import site
from tests.integration.asking import HOST, waiting
from tests.world import World


def through_functions(world: World, method: str, path: str, body: bytes = b"", **headers: str) -> func.HttpResponse:
    """One request by the way that the Functions host takes: its request, its middleware, its response."""
    request = func.HttpRequest(method, f"{HOST}{path}", headers=headers, body=body)
    return asyncio.run(func.AsgiMiddleware(site(world.app)).handle_async(request, None))


def test_behind_the_functions_host_a_request_is_answered_the_same(world: World, http: TestClient) -> None:
    answer = through_functions(world, "GET", "/api/models/wine", Host="127.0.0.1:7071")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert json.loads(answer.get_body()) == http.get("/api/models/wine").json()


def test_behind_the_functions_host_a_person_is_known_by_their_key(world: World) -> None:
    body = b'{"why": "audit"}'
    path = "/api/models/wine/retrain"
    answer = through_functions(world, "POST", path, body, Host="127.0.0.1:7071", Authorization="Bearer operations-key")
    assert answer.status_code == 202
    assert [event.why for event in waiting(world, "wine")] == ["audit"]


def test_behind_the_functions_host_a_page_keeps_its_headers(world: World) -> None:
    answer = through_functions(world, "GET", "/sign-in?key=operations-key", Host="127.0.0.1:7071")
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith("baton_session=")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
