"""Every HTTP route under requests that nobody foresaw, made from the routes' own description: no answer is a fault of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from starlette.types import ASGIApp

from shared.web import openapi
from shared.web.api import Api
from shared.web.rendering import Renderer
from shared.web.site import people, site
from shared.wiring import now
from tests.storybook import storied
from tests.world import World

HOST = {"host": "127.0.0.1:7071"}
TOKENS = ("operations-key", "author-key", "guest-key", "no such key", "")
EXAMPLES = 12
NOT_OURS: Any = None


KNOWN = {"model": ["diabetes", "wine", "churn"], "release": ["diabetes-0002", "wine-0002", "churn-0001"]}


def _described(routes: list[Any], *, under: str) -> dict[str, Any]:
    """The routes' description, with names that there are beside those that the generator thinks of."""
    document = openapi.document(routes, under=under)
    for operation in (found for path in document["paths"].values() for found in path.values()):
        for parameter in operation["parameters"]:
            if parameter["name"] in KNOWN:
                parameter["schema"] = {"anyOf": [{"enum": KNOWN[parameter["name"]]}, parameter["schema"]]}
    return document


API = _described(Api(NOT_OURS, NOT_OURS).routes()[:-1], under="/api")
PAGES = _described(people(NOT_OURS, NOT_OURS, Renderer(clock=now)), under="")


def _operations(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(method, path) for path, found in document["paths"].items() for method in found]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The storybook's three models, and people who can sign in."""
    return storied(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def served(world: World) -> ASGIApp:
    """The whole site over them."""
    return site(world.app)


def _cases(operation: Any) -> st.SearchStrategy[Any]:
    """Requests as the description wants them, and such as it does not."""
    right = operation.as_strategy()
    if operation.definition.raw["parameters"] or operation.body:
        return st.one_of(right, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    return st.one_of(right)


def _drive(served: ASGIApp, document: dict[str, Any], method: str, path: str) -> list[int]:
    """Ask one route in many ways; returns the statuses of the answers."""
    schema = schemathesis.openapi.from_dict(document)
    schema.app = served
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=_cases(schema[path][method]), token=st.sampled_from(TOKENS))
    def ask(case: schemathesis.Case, token: str) -> None:
        answer = case.call(base_url="http://127.0.0.1:7071", headers={**HOST, "authorization": f"Bearer {token}"})
        assert answer.status_code < 500, (answer.status_code, case.as_curl_command(), answer.text[:300])
        statuses.append(answer.status_code)

    ask()
    return statuses


@pytest.mark.parametrize(("method", "path"), _operations(API))
def test_no_request_to_the_api_is_answered_5xx(served: ASGIApp, method: str, path: str) -> None:
    assert _drive(served, API, method, path)


@pytest.mark.parametrize(("method", "path"), _operations(PAGES))
def test_no_request_to_a_page_is_answered_5xx(served: ASGIApp, method: str, path: str) -> None:
    assert _drive(served, PAGES, method, path)


def test_the_document_that_is_served_describes_every_route_of_the_api(served: ASGIApp) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", served, headers=HOST)
    assert schema.raw_schema == openapi.document(Api(NOT_OURS, NOT_OURS).routes()[:-1])
    assert ("get", "/api/models/{model}/journal") in _operations(API)
    assert ("post", "/api/releases/{release}/approve") in _operations(API)
