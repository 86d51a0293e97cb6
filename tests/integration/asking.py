"""Asking the site for something as its people do, over the storybook's three models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.testclient import TestClient

from tests.integration.command_line import ASKED, FAILED, HELD
from tests.world import World

HOST = "http://127.0.0.1:7071"
OPERATIONS = {"authorization": "Bearer operations-key"}
AUTHOR = {"authorization": "Bearer author-key"}
GUEST = {"authorization": "Bearer guest-key"}
READS = (
    "/api/health",
    "/api/models",
    "/api/models/diabetes",
    "/api/models/diabetes/journal",
    f"/api/releases/{ASKED}",
    f"/api/releases/{ASKED}/story",
    "/api/deadletters",
    "/api/deadletters/churn/command-3",
    "/api/deadletters/churn/command-3/foreseen",
    "/api/ignored",
    "/api/freeze",
    "/api/breakers",
    "/",
    "/models/diabetes",
    f"/releases/{ASKED}",
    f"/releases/{HELD}",
    f"/releases/{FAILED}",
    "/deadletters",
    "/deadletters/churn/command-3",
    "/ignored",
    "/sign-in",
)


def ask(http: TestClient, path: str, body: object = None, headers: Mapping[str, str] = OPERATIONS) -> httpx.Response:
    return http.post(f"/api{path}", json={"why": "because"} if body is None else body, headers=headers)


def waiting(world: World, model: str = "diabetes") -> list[Any]:
    return [waiting.event for waiting in world.app.book.read(model).inbox]
