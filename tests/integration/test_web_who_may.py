"""Who may ask for what over the JSON API, and what is told to whoever may not."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.integration.asking import GUEST, ask, waiting
from tests.integration.command_line import ASKED, HELD
from tests.world import World, evidence


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}, {"authorization": "Basic eDp5"}]
)
def test_without_a_known_key_nothing_can_be_asked(world: World, http: TestClient, headers: dict[str, str]) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", headers=headers)
    assert (answer.status_code, sorted(answer.json())) == (401, ["next", "what"])
    assert waiting(world) == []


def test_headers_of_a_sign_in_proxy_are_never_believed(world: World, http: TestClient) -> None:
    forged = {"x-ms-client-principal-name": "operations", "x-ms-client-principal": "eyJuYW1lIjoib3BlcmF0aW9ucyJ9"}
    assert ask(http, f"/releases/{ASKED}/approve", headers=forged).status_code == 401
    assert waiting(world) == []


def test_who_is_no_approver_is_told_whom_to_ask(world: World, http: TestClient) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", headers=GUEST)
    assert (answer.status_code, answer.json()["next"]) == (403, "ask an approver: operations")
    assert waiting(world) == []


def test_nobody_approves_a_folder_that_they_published_themselves(world: World, http: TestClient) -> None:
    world.trainer.script["judge"] = evidence(3000.0)
    world.publish("own", by="operations")
    world.settle("own")
    world.drop("rows", model="own")
    world.settle("own")
    assert ask(http, "/releases/own-0001/approve").status_code == 403
    assert ask(http, "/releases/own-0001/reject").status_code == 202


def test_what_does_not_wait_for_approval_cannot_be_approved(http: TestClient) -> None:
    answer = ask(http, f"/releases/{HELD}/approve")
    assert (answer.status_code, answer.json()["what"]) == (409, f"{HELD} does not wait for approval: it is held.")


def test_what_is_under_way_cannot_be_retried(http: TestClient) -> None:
    assert ask(http, f"/releases/{ASKED}/retry").status_code == 409


def test_a_decision_on_an_older_question_is_not_taken(http: TestClient) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", {"why": "fine", "nonce": "an older question"})
    assert (answer.status_code, answer.json()["next"]) == (409, "look at it again, then decide")
