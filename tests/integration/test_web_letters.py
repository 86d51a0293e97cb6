"""Dead letters over API and pages: found by short keys, tried out, replayed and discarded by signed-in people only."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shared import events
from shared.journaling import journal
from shared.storage.port import StorageBusy
from tests.integration.asking import HOST, OPERATIONS
from tests.storybook import world_with_users
from tests.unit.test_letters import bury, mend, quiet
from tests.unit.test_undelivered import NAME, leave, lost_event
from tests.world import World

POST = {"origin": HOST, "content-type": "application/x-www-form-urlencoded"}
SAID = {"why": "the folder is there again"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Model `m`, and people who can sign in."""
    made = world_with_users(tmp_path)
    made.publish()
    made.settle()
    return made


def answers(world: World, kind: str) -> list[tuple[str, str]]:
    """By whom, and with which answer, events of a kind were decided."""
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    return [(line["event"]["by"], line["answer"]) for line in lines if line["event"]["kind"] == kind]


def test_the_list_names_each_letter_by_a_short_key(world: World, http: TestClient) -> None:
    bury(world, "0123456789abcdef")
    bury(world, "0123456788abcdef")
    leave(world, lost_event(world))
    found = {letter["id"]: letter["kind"] for letter in http.get("/api/deadletters").json()}
    assert found == {"m/0123456789": "event", "m/0123456788": "event", "ON-NEW-DATA/1f3c9a02": "undelivered"}


def test_the_list_of_a_model_has_its_undelivered_events_too(world: World, http: TestClient) -> None:
    leave(world, lost_event(world))
    world.publish("other")
    world.settle("other")
    assert [letter["model"] for letter in http.get("/api/deadletters?model=m").json()] == ["m"]
    assert http.get("/api/deadletters?model=other").json() == []


def test_a_key_that_begins_several_letters_is_refused_with_their_keys(world: World, http: TestClient) -> None:
    bury(world, "0123456789abcdef")
    bury(world, "0123456788abcdef")
    answer = http.get("/api/deadletters/m/0123")
    assert answer.status_code == 409
    assert "m/0123456788, m/0123456789" in answer.json()["what"]


@pytest.mark.parametrize("key", ["m/nothing", "nobody/x", "ON-NEW-DATA/1f", "OTHER/x", "m/%2e%2e", "m/%20"])
def test_an_unknown_key_is_not_found(http: TestClient, key: str) -> None:
    answer = http.get(f"/api/deadletters/{key}")
    assert answer.status_code == 404
    assert answer.json()["next"]


def test_one_letter_shows_all_that_is_kept_of_it(world: World, http: TestClient) -> None:
    bury(world)
    found = http.get("/api/deadletters/m/lost").json()
    assert found["content"]["event"]["kind"] == "ModelPublished"
    assert found["next"] == "baton deadletters replay m/lost --dry-run"


def test_what_a_replay_would_do_is_told_without_signing_in_and_writes_nothing(world: World, http: TestClient) -> None:
    bury(world)
    mend(world)
    before = dict(world.table.rows)
    found = http.get("/api/deadletters/m/lost/foreseen").json()
    assert {"of": "head", "field": "dead", "before": 1, "after": 0} in found["changes"]
    assert dict(world.table.rows) == before


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_only_signed_in_people_replay_and_discard(world: World, http: TestClient, action: str) -> None:
    bury(world)
    for letter in ("m/lost", "ON-NEW-DATA/1f3c"):
        answer = http.post(f"/api/deadletters/{letter}/{action}", json=SAID)
        assert answer.status_code == 401
    assert answers(world, "ReplayRequested") == []
    assert http.post(f"/api/deadletters/m/lost/{action}", json={}, headers=OPERATIONS).status_code == 400


def test_a_replay_is_recorded_in_the_name_of_who_asked(world: World, http: TestClient) -> None:
    bury(world)
    mend(world)
    asked = http.post("/api/deadletters/m/lost/replay", json=SAID, headers=OPERATIONS)
    assert (asked.status_code, asked.json()["new"]) == (202, True)
    quiet(world)
    assert answers(world, "ReplayRequested") == [("operations", "taken")]
    assert http.get("/api/deadletters").json() == []


def test_what_was_refused_again_is_told_and_stays(world: World, http: TestClient) -> None:
    leave(world, lost_event(world, topic="/subscriptions/other"))
    asked = http.post("/api/deadletters/ON-NEW-DATA/1f3c/replay", json=SAID, headers=OPERATIONS)
    assert asked.status_code == 409
    assert "is not the configured source" in asked.json()["what"]
    assert len(http.get("/api/deadletters").json()) == 1


def test_a_discard_takes_an_undelivered_blob_off_the_list_with_who_and_why(world: World, http: TestClient) -> None:
    leave(world, lost_event(world))
    asked = http.post("/api/deadletters/ON-NEW-DATA/1f3c/discard", json=SAID, headers=OPERATIONS)
    assert asked.status_code == 202
    assert http.get("/api/deadletters").json() == []
    (row,) = world.table.page("~system", "undelivered:", "undelivered:~", 10)
    kept = json.loads(row.body)
    assert (kept["by"], kept["why"], kept["blob"]) == ("operations", SAID["why"], NAME)


def test_the_first_page_counts_what_could_not_be_delivered(world: World, http: TestClient) -> None:
    leave(world, lost_event(world))
    page = http.get("/").text
    assert "1 dead letter must be looked at" in page
    assert "1 event could not be delivered" in page


def test_the_first_page_is_shown_while_the_container_does_not_answer(world: World, http: TestClient) -> None:
    def trap(call: str) -> None:
        raise StorageBusy("no", next="again")

    world.blobs.trap = trap
    assert http.get("/").status_code == 200


@pytest.mark.parametrize("letter", ["m/lost", "ON-NEW-DATA/1f3c9a02"])
def test_a_form_replays_a_letter_and_comes_back_to_the_list(world: World, http: TestClient, letter: str) -> None:
    bury(world)
    leave(world, lost_event(world))
    http.post("/sign-in", content="key=operations-key&next=/", headers=POST)
    page = http.get(f"/deadletters/{letter}").text
    token = re.search(r'name="token" value="([0-9a-f]+)"', page)
    assert token
    body = f"token={token[1]}&ticket=t1&why=mended"
    done = http.post(f"/deadletters/{letter}/replay", content=body, headers=POST, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/deadletters?asked=replay")
    assert "Your request to replay is recorded" in http.get("/deadletters?asked=replay").text
    forged = http.post(f"/deadletters/{letter}/replay", content="token=0&why=x", headers=POST)
    assert forged.status_code in (403, 404)


def test_a_letter_is_shown_escaped_and_without_forms_to_who_is_not_signed_in(world: World, http: TestClient) -> None:
    world.accept("m", events.ModelPublished(id="<b>x</b>", at=world.now, by="author", folder="f" * 16))
    quiet(world)
    page = http.get("/deadletters").text
    assert "<b>x" not in page
    (letter,) = http.get("/api/deadletters").json()
    one = http.get(f"/deadletters/{letter['id'].replace('<', '%3C').replace('>', '%3E')}").text
    assert "<b>x" not in one
    assert "Sign in" in one
    assert '<form method="post" action="/deadletters' not in one
