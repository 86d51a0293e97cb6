"""What the JSON API and the pages tell: the same to everybody, and nothing is written by reading."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.integration.asking import READS
from tests.integration.command_line import ASKED, FAILED
from tests.world import World


@pytest.mark.parametrize("path", READS)
def test_reading_writes_nothing(world: World, http: TestClient, path: str) -> None:
    rows, blobs, rings = dict(world.table.rows), dict(world.blobs.blobs), list(world.bells.rung)
    assert http.get(path).status_code == 200
    assert (world.table.rows, world.blobs.blobs, world.bells.rung) == (rows, blobs, rings)


@pytest.mark.parametrize("path", READS)
def test_head_answers_like_get_without_a_body(http: TestClient, path: str) -> None:
    asked, read = http.head(path), http.get(path)
    assert (asked.status_code, asked.headers["content-type"]) == (200, read.headers["content-type"])
    assert asked.content == b""


def test_models_tell_champion_state_and_waits(http: TestClient) -> None:
    models = {model["name"]: model for model in http.get("/api/models").json()}
    diabetes = models["diabetes"]
    assert diabetes["champion"]["version"] == "1"
    assert diabetes["state"] == f"{ASKED} waits for approval by operations"
    assert [(wait["of"], wait["owner"]) for wait in diabetes["waiting"]] == [(ASKED, "operations")]
    assert models["churn"]["dead"] == 1


def test_a_model_lists_its_releases_newest_first(http: TestClient) -> None:
    releases = http.get("/api/models/diabetes").json()["releases"]
    assert [(release["id"], release["state"]) for release in releases] == [
        (ASKED, "awaiting approval"),
        ("diabetes-0001", "live"),
    ]


def test_a_release_carries_its_small_documents(http: TestClient) -> None:
    found = http.get(f"/api/releases/{ASKED}").json()
    assert found["evidence_document"]["candidate"]["value"] == 2950.1
    assert found["certificate_document"]["cases"]["passed"] == 3


def test_a_story_is_told_in_order_with_the_actor(http: TestClient) -> None:
    told = http.get("/api/releases/diabetes-0001/story").json()
    assert [told[0]["what"], told[-1]["what"]] == ["release opened", "release live"]
    assert {entry["actor"] for entry in told} == {"Baton", "operations"}


def test_the_journal_is_paged_by_line_number(http: TestClient) -> None:
    page = http.get("/api/models/diabetes/journal?from=5").json()
    assert page["lines"][0]["n"] == 5
    assert page["next"] == page["lines"][-1]["n"] + 1


def test_beyond_the_journals_end_the_next_line_stays_the_same(http: TestClient) -> None:
    assert http.get("/api/models/diabetes/journal?from=9999").json() == {"lines": [], "next": 9999}


def test_dead_letters_can_be_asked_for_one_model(http: TestClient) -> None:
    (letter,) = http.get("/api/deadletters?model=churn").json()
    assert (letter["what"], letter["release"], letter["tries"]) == ("start_run", FAILED, 5)
    assert http.get("/api/deadletters?model=wine").json() == []


def test_ignored_events_have_their_reason(http: TestClient) -> None:
    assert "no model is published under the name housing" in {
        entry["reason"] for entry in http.get("/api/ignored").json()
    }


def test_a_model_that_was_never_published_but_is_listed_is_starting(world: World, http: TestClient) -> None:
    world.app.book.list_model("new")
    assert http.get("/api/models/new").json()["status"] == "starting"
    assert http.get("/models/new").status_code == 200
