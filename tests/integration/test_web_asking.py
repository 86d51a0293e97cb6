"""What people ask for over the JSON API: recorded in their name, once, and what becomes of it; and a freeze of everything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from shared.approvals import is_genuine
from shared.events import ApprovalGiven
from tests.integration.asking import AUTHOR, OPERATIONS, ask, waiting
from tests.integration.command_line import ASKED, HELD
from tests.world import KEY, World


@pytest.mark.parametrize("action", ["retrain", "rollback", "pause", "resume"])
def test_what_people_ask_waits_in_the_inbox_with_name_and_reason(world: World, http: TestClient, action: str) -> None:
    answer = ask(http, f"/models/diabetes/{action}", {"why": "audit"})
    (event,) = waiting(world)
    assert answer.status_code == 202
    assert (event.id, event.by, event.why) == (answer.json()["event"], "operations", "audit")
    assert type(event).__name__.lower().startswith(action)
    assert world.bells.rung[-1][:2] == ("advance", "diabetes")


def test_an_approval_is_signed_and_bound_to_what_was_asked(world: World, http: TestClient) -> None:
    assert ask(http, f"/releases/{ASKED}/approve").status_code == 202
    (event,) = waiting(world)
    release = world.release(ASKED)
    assert isinstance(event, ApprovalGiven)
    assert is_genuine(event, KEY)
    assert (event.version, event.evidence, event.nonce) == (release.version, release.evidence, release.nonce)


def test_an_approved_release_goes_live(world: World, http: TestClient) -> None:
    ask(http, f"/releases/{ASKED}/approve")
    world.wait(timedelta(minutes=5), "diabetes")
    assert http.get(f"/api/releases/{ASKED}").json()["state"] == "live"
    assert http.get("/api/models/diabetes").json()["champion"]["version"] == "2"


def test_a_rejected_release_ends_with_the_persons_reason(world: World, http: TestClient) -> None:
    ask(http, f"/releases/{ASKED}/reject", {"why": "the clinic changed its scale"})
    world.settle("diabetes")
    found = http.get(f"/api/releases/{ASKED}").json()
    assert (found["state"], found["why"]) == ("rejected", "operations: the clinic changed its scale")


def test_a_retry_of_an_ended_release_is_taken(world: World, http: TestClient) -> None:
    assert ask(http, f"/releases/{HELD}/retry").status_code == 202
    world.settle("wine")
    assert "wine-0003" in world.states("wine")


def test_the_same_key_is_the_same_event(world: World, http: TestClient) -> None:
    headers = {**OPERATIONS, "idempotency-key": "once"}
    first, again = (ask(http, "/models/diabetes/retrain", headers=headers).json() for _ in range(2))
    assert (first["event"], first["new"], again["new"]) == (again["event"], True, False)
    assert len(waiting(world)) == 1


def test_without_a_key_every_request_is_its_own_event(world: World, http: TestClient) -> None:
    assert len({ask(http, "/models/diabetes/retrain").json()["event"] for _ in range(2)}) == 2


def test_a_freeze_is_told_to_all_models_and_says_when_it_is_settled(world: World, http: TestClient) -> None:
    asked = ask(http, "/freeze", {"why": "incident 42"})
    assert asked.status_code == 202
    assert (asked.json()["holds"], asked.json()["settled"]) == (True, False)
    for model in ("diabetes", "wine", "churn"):
        world.settle(model)
    world.now += timedelta(seconds=1)

    found = http.get("/api/freeze").json()

    assert (found["settled"], found["told"], found["models"]) == (True, 3, 3)
    assert (found["by"], found["why"]) == ("operations", "incident 42")
    assert http.get("/api/models/diabetes").json()["status"] == "frozen"
    assert "Everything is frozen" in http.get("/").text


def test_what_is_asked_during_a_freeze_is_recorded_and_says_that_it_waits(world: World, http: TestClient) -> None:
    ask(http, "/freeze", {"why": "incident 42"})
    asked = ask(http, "/models/diabetes/rollback")
    assert asked.status_code == 202
    assert asked.json()["waits"] == (
        f"everything is frozen by operations since {world.now:%Y-%m-%d %H:%M} UTC: incident 42; "
        "nothing is done before baton unfreeze --why ..."
    )


def test_a_second_freeze_or_an_end_of_none_is_refused_and_says_how_it_stands(http: TestClient) -> None:
    assert ask(http, "/unfreeze").status_code == 409
    ask(http, "/freeze", {"why": "incident 42"})
    refused = ask(http, "/freeze", headers=AUTHOR)
    assert refused.status_code == 409
    assert "Everything is frozen already, by operations since" in refused.json()["what"]


def test_the_same_freeze_asked_again_under_its_key_is_one(http: TestClient) -> None:
    headers = {**OPERATIONS, "idempotency-key": "once"}
    assert [ask(http, "/freeze", headers=headers).json()["number"] for _ in range(2)] == [1, 1]


def test_nobody_freezes_without_a_reason_or_signing_in(http: TestClient) -> None:
    assert ask(http, "/freeze", {"why": ""}).status_code == 400
    assert ask(http, "/freeze", headers={}).status_code == 401
    assert http.get("/api/freeze").json()["holds"] is False
