"""Scoring through the router, and who may change its traffic: a real router, real servers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import PlatformBusy, TrafficMoved
from shared.platforms.local_router import DeploymentRefused
from shared.platforms.port import DeployRequest
from tests.integration.serving import BODY, FIRST, MODEL, SECOND, Bench, bench


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Versions 1 and 2 are healthy, behind a router that gives a server one second for an answer."""
    with bench(tmp_path_factory.mktemp("serving") / "home", "--score-seconds", "1") as started:
        started.serve()
        assert started.deploy(SECOND, "2").state == "healthy"
        yield started


@pytest.fixture
def serving(both: Bench) -> Bench:
    """The same, with all traffic at version 1."""
    seen = both.endpoints.look(MODEL)
    assert seen
    both.endpoints.set_traffic(MODEL, {FIRST: 100}, expected=seen.split)
    return both


def test_an_answer_names_the_version_and_the_deployment_that_gave_it(serving: Bench) -> None:
    answer = serving.score()
    assert (answer.status, answer.document) == (200, {"predictions": [2], "version": "1"})
    assert (answer.headers["x-baton-version"], answer.headers["x-baton-deployment"]) == ("1", FIRST)


def test_of_a_hundred_requests_each_deployment_gets_its_percent(serving: Bench) -> None:
    serving.endpoints.set_traffic(MODEL, {FIRST: 90, SECOND: 10}, expected={FIRST: 100})
    assert Counter(serving.score().headers["x-baton-version"] for _ in range(100)) == {"1": 90, "2": 10}


def test_a_pin_reaches_a_deployment_without_traffic(serving: Bench) -> None:
    assert serving.score(azureml_model_deployment=SECOND).document["version"] == "2"


def test_a_pin_to_no_deployment_names_those_that_there_are(serving: Bench) -> None:
    answer = serving.score(azureml_model_deployment="pulse-0009")
    assert (answer.status, answer.document["error"]) == (404, "pulse has no deployment 'pulse-0009'")
    assert f"{FIRST}, {SECOND}" in answer.document["next"]


def test_a_request_id_is_passed_on_and_back(serving: Bench) -> None:
    answer = serving.score(x_request_id="drop-17")
    assert answer.headers["x-request-id"] == "drop-17"
    assert answer.headers["x-ms-request-id"] == "drop-17"  # this one the server wrote


def test_a_request_without_an_id_gets_one(serving: Bench) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", serving.score().headers["x-request-id"])


def test_the_query_reaches_the_server_and_the_routers_key_does_not_matter(serving: Bench) -> None:
    path = f"/endpoints/{MODEL}/score?explain=1"
    assert serving.ask("POST", path, BODY).status == 200


def test_an_unknown_endpoint_is_not_found_and_the_known_ones_are_named(serving: Bench) -> None:
    answer = serving.ask("POST", "/endpoints/nobody/score", BODY)
    assert (answer.status, answer.document) == (
        404,
        {"error": "there is no endpoint 'nobody'", "next": f"use one of: {MODEL}"},
    )


def test_an_endpoint_without_traffic_says_what_to_do(serving: Bench) -> None:
    for part in ("code", "model"):
        (serving.home / "endpoints" / "quiet" / "quiet-0001" / part).mkdir(parents=True)
    (serving.home / "endpoints" / "quiet" / "quiet-0001" / "code" / "score.py").write_text("")
    serving.admin("PUT", "/quiet/deployments/quiet-0001", {"version": "1", "folder": "f"})
    answer = serving.ask("POST", "/endpoints/quiet/score", BODY)
    assert (answer.status, answer.document["error"]) == (503, "quiet has no traffic yet")
    assert "approve a release (`baton status quiet`)" in answer.document["next"]
    assert serving.admin("DELETE", "/quiet").status == 200


def test_only_post_scores(serving: Bench) -> None:
    answer = serving.ask("GET", f"/endpoints/{MODEL}/score")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_exception_in_run_is_the_servers_500_and_counts_as_an_error(serving: Bench) -> None:
    before = serving.look()
    assert serving.score("{}").status == 500
    after = serving.look()
    assert (after.requests - before.requests, after.errors - before.errors) == (1, 1)


def test_a_server_that_takes_too_long_is_a_504_that_says_so(serving: Bench) -> None:
    answer = serving.score(json.dumps({"sleep": 1.5, "data": []}), azureml_model_deployment=SECOND)
    assert (answer.status, answer.document["error"]) == (504, f"deployment {SECOND} took longer than 1 s")


def test_a_large_answer_comes_through_whole(serving: Bench) -> None:
    answer = serving.score(json.dumps({"bytes": 3_000_000}))
    assert len(answer.document) == 3_000_000


def test_the_owners_code_sees_none_of_batons_settings(serving: Bench) -> None:
    assert serving.score(json.dumps({"settings": True})).document == {"settings": []}


def test_the_state_tells_requests_errors_and_latency(serving: Bench) -> None:
    before = serving.state()["requests"]
    for _ in range(5):
        serving.score()
    state = serving.state()
    assert (state["version"], state["state"], state["share"], state["requests"]) == ("1", "healthy", 100, before + 5)
    assert 0 < state["latency_ms"]["p50"] <= state["latency_ms"]["p95"] <= state["latency_ms"]["p99"]


@pytest.mark.parametrize("key", ["", "wrong"])
def test_admin_routes_want_the_key(serving: Bench, key: str) -> None:
    assert serving.ask("GET", "/admin/endpoints", x_baton_key=key).status == 401


def test_a_split_is_set_only_over_the_expected_one(serving: Bench) -> None:
    answer = serving.admin("POST", f"/{MODEL}/traffic", {"split": {SECOND: 100}, "expected": {FIRST: 90, SECOND: 10}})
    assert (answer.status, answer.document["found"]) == (409, {FIRST: 100})


def test_a_split_that_is_set_already_is_fine(serving: Bench) -> None:
    answer = serving.admin("POST", f"/{MODEL}/traffic", {"split": {FIRST: 100, SECOND: 0}, "expected": {}})
    assert (answer.status, answer.document["split"]) == (200, {FIRST: 100})


@pytest.mark.parametrize(
    ("split", "why"),
    [
        ({FIRST: 90}, "sum to 90"),
        ({FIRST: 90, "pulse-0009": 10}, "no deployment 'pulse-0009'"),
        ({FIRST: 50.5, SECOND: 49.5}, "whole percents"),
        ({FIRST: 110, SECOND: -10}, "whole percents"),
    ],
)
def test_a_split_that_cannot_be_is_refused_and_nothing_changes(serving: Bench, split: dict[str, int], why: str) -> None:
    with pytest.raises(DeploymentRefused, match=why):
        serving.endpoints.set_traffic(MODEL, split, expected={FIRST: 100})
    seen = serving.endpoints.look(MODEL)
    assert seen
    assert seen.split == {FIRST: 100}


def test_a_name_serves_one_version_only(serving: Bench) -> None:
    with pytest.raises(DeploymentRefused, match="serves version 1"):
        serving.endpoints.deploy(DeployRequest(MODEL, FIRST, "2", "scores"))


def test_an_endpoint_with_traffic_is_removed_only_by_who_knows_its_split(serving: Bench) -> None:
    assert serving.admin("DELETE", f"/{MODEL}").document["found"] == {FIRST: 100}


def test_a_router_that_is_gone_is_busy(tmp_path: Path) -> None:
    with pytest.raises(PlatformBusy, match="did not answer"):
        Bench(tmp_path).unreachable().score(MODEL, BODY)


def test_traffic_moved_carries_what_was_found(serving: Bench) -> None:
    with pytest.raises(TrafficMoved, match=rf"is \{{'{FIRST}': 100\}}, not"):
        serving.endpoints.set_traffic(MODEL, {SECOND: 100}, expected={})
