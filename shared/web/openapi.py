"""The API's OpenAPI document, made from its routes: for programs that want a client, and for the test that drives them all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.routing import Route

from shared import names

FOUND: dict[str, Any] = {"description": "what was asked for", "content": {"application/json": {"schema": {}}}}
GOES_ON = {**FOUND, "description": "it goes on; ask again at `Location` after `Retry-After`"}
RECORDED = {**FOUND, "description": "recorded as an event; it is decided on within seconds"}
NOT_DONE = {
    "description": "what happened, and what to do next",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["what", "next"],
                "properties": {"what": {"type": "string"}, "next": {"type": "string"}},
            }
        }
    },
}
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT, "maxItems": 50}
KINDS = ("files", "quarantine", "scored")
PARAMETERS: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "pattern": f"^{names.MODEL_NAME.pattern}$", "maxLength": names.MODEL_NAME_MAX},
    "release": {"type": "string", "pattern": f"^{names.MODEL_NAME.pattern}-[0-9]{{4,12}}$"},
}
QUERIES: dict[str, dict[str, Any]] = {
    "/models/{model}/journal": {"from": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999}},
    "/deadletters": {"model": PARAMETERS["model"]},
    "/models/{model}/data": {"file": TEXT},
    "/models/{model}/requests/{event}": {"until": {"type": "string", "enum": ["approval", "end"]}},
}
BODIES: dict[str, dict[str, Any]] = {
    "publish": {"type": "object", "required": ["folder"], "properties": {"folder": TEXT, "why": TEXT}},
    "approve": {"type": "object", "required": ["why"], "properties": {"why": TEXT, "nonce": TEXT}},
    "pin": {"type": "object", "required": ["version", "why"], "properties": {"version": TEXT, "why": TEXT}},
    "forget": {"type": "object", "required": ["why"], "properties": {**dict.fromkeys(KINDS, TEXTS), "why": TEXT}},
    "reject": {"type": "object", "required": ["why"], "properties": {"why": TEXT, "nonce": TEXT}},
}
WHY: dict[str, Any] = {"type": "object", "required": ["why"], "properties": {"why": TEXT}}


def document(routes: Sequence[Route], *, under: str = "/api") -> dict[str, Any]:
    """The document of these routes, which stand under a prefix."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        method = "post" if "POST" in (route.methods or ()) else "get"
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        paths.setdefault(under + path, {})[method] = _operation(route, asks=method == "post")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Baton",
            "version": "1",
            "description": "What happened to models, and what people ask of them.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route, *, asks: bool) -> dict[str, Any]:
    said = (route.endpoint.__doc__ or "").strip().splitlines()
    placed = [("path", name, PARAMETERS.get(name, TEXT)) for name in re.findall(r"{(\w+)", route.path)]
    placed += [("query", name, schema) for name, schema in QUERIES.get(route.path, {}).items()]
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{'post' if asks else 'get'}{route.path}").strip("_"),
        "summary": said[0] if said else f"Ask to {route.path.rsplit('/', 1)[1]}.",
        "parameters": [
            {"in": place, "name": name, "required": place == "path", "schema": schema} for place, name, schema in placed
        ],
        "responses": {"202": RECORDED, "4XX": NOT_DONE} if asks else {"200": FOUND, **_waited(route), "4XX": NOT_DONE},
    }
    if asks:
        schema = BODIES.get(route.path.rsplit("/", 1)[1], WHY)
        found |= {"requestBody": {"content": {"application/json": {"schema": schema}}}, "security": [{"token": []}]}
    return found


def _waited(route: Route) -> dict[str, Any]:
    return {"202": GOES_ON} if route.path.endswith("/requests/{event}") else {}
