"""Bad input to the JSON API, what does not exist, and faults behind it: each answered with what to do next."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from shared.storage.port import StorageBusy
from tests.integration.asking import OPERATIONS, waiting
from tests.world import World


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"[]",
            b'"why"',
            b"[" * 50_000,
            b'{"why": NaN',
            b"\xff\xfe",
            b'{"why": 1}',
            b'{"why": "  "}',
            b"{}",
        ),
        *(json.dumps({"why": "x" * 1001}).encode(), b'{"why": "\\ud800"}', b'{"why": "a\\u0000b"}', b'{"why": null}'),
    ],
)
def test_a_bad_body_is_refused_with_what_to_send(world: World, http: TestClient, body: bytes) -> None:
    answer = http.post("/api/models/diabetes/retrain", content=body, headers=OPERATIONS)
    assert (answer.status_code, sorted(answer.json())) == (400, ["next", "what"])
    assert waiting(world) == []


def test_a_body_of_more_than_64_kib_is_too_large(http: TestClient) -> None:
    answer = http.post("/api/models/diabetes/retrain", content=b" " * 65_537, headers=OPERATIONS)
    assert (answer.status_code, answer.json()["what"]) == (413, "The body has more than 65536 bytes.")


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/nobody",
        "/api/models/~models",
        "/api/models/%00",
        "/api/models/a%2fb",
        "/api/models/wine/x",
        "/api/releases/x",
        "/api/releases/diabetes-9999",
        "/api/releases/diabetes-" + "9" * 30,
        "/api/releases/~unrouted-0001",
        "/api/releases/diabetes-0002%00",
        "/api/deadletters?model=nobody",
        "/api/nothing",
        "/api/",
    ],
)
def test_what_does_not_exist_is_a_404_with_a_next_step(http: TestClient, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, sorted(answer.json())) == (404, ["next", "what"])


def test_a_mistyped_model_is_told_the_nearest_one(http: TestClient) -> None:
    assert http.get("/api/models/diabetis").json()["next"] == "did you mean diabetes?"


@pytest.mark.parametrize("first", ["x", "-1", "1.5", "9" * 50, "", "١"])
def test_a_line_number_that_is_none_is_refused(http: TestClient, first: str) -> None:
    assert http.get("/api/models/diabetes/journal", params={"from": first}).status_code == 400


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
def test_a_method_that_is_not_possible_is_named_with_those_that_are(http: TestClient, method: str) -> None:
    answer = http.request(method, "/api/models/diabetes/retrain")
    assert (answer.status_code, answer.json()["next"]) == (405, "use POST")


def test_a_storage_that_does_not_answer_is_told_as_such(world: World, http: TestClient) -> None:
    def broken(call: str) -> None:
        raise StorageBusy("the table does not answer", next="try again")

    world.table.trap = broken
    answer = http.get("/api/models")
    assert (answer.status_code, answer.json()) == (503, {"what": "the table does not answer", "next": "try again"})


def test_an_unforeseen_fault_is_answered_without_its_inside(world: World, http: TestClient) -> None:
    def broken(call: str) -> None:
        raise RuntimeError("secret detail")

    world.table.trap = broken
    for path in ("/api/models", "/"):
        answer = http.get(path)
        assert answer.status_code == 500
        assert "secret detail" not in answer.text
