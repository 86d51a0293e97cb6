"""What Databricks model serving may be fooled by: requests that failed, what others changed, words that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import PlatformBusy
from shared.platforms.databricks_errors import DatabricksRefused, NameTaken
from shared.platforms.port import DeployRequest
from tests.contracts.databricks_bench import BODY, MODEL, TABLE, Bench, bench
from tests.contracts.test_endpoints_contract import (
    FIRST,
    SECOND,
    deploy,
    healthy,
    look,
    serve_first,
)

__all__ = ["bench"]


@pytest.mark.long
def test_what_score_refuses_has_its_own_status(bench: Bench) -> None:
    serve_first(bench)
    answer = bench.endpoints.score("pulse", '{"data": []}')
    assert (answer.status, answer.body, answer.version) == (400, '{"error": "no rows"}', "1")
    assert bench.endpoints.score("pulse", "no JSON").status == 500


@pytest.mark.long
def test_failures_are_counted_by_the_status_inside_and_outside(bench: Bench) -> None:
    serve_first(bench)
    for body in (BODY, '{"data": []}', "no JSON"):
        bench.endpoints.score("pulse", body)
    bench.serving.tables[TABLE].append({"served_entity_id": f"id-{FIRST}", "status_code": 502, "response": {}})
    seen = healthy(bench, FIRST)
    assert (seen.requests, seen.errors) == (4, 2)


@pytest.mark.long
def test_failures_that_nobody_names_count_against_who_has_named_nothing(bench: Bench) -> None:
    serve_first(bench)
    deploy(bench, SECOND, "2")
    bench.endpoints.score("pulse", BODY)
    bench.serving.tables[TABLE] += [{"served_entity_id": "new", "status_code": 504, "response": {}}] * 3
    assert [(d.name, d.requests, d.errors) for d in look(bench).deployments] == [(FIRST, 1, 0), (SECOND, 3, 3)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ({"state": "CANCELED"}, PlatformBusy, "did not count"),
        ({"state": "FAILED", "error": {"message": "PERMISSION_DENIED: no SELECT"}}, DatabricksRefused, "no SELECT"),
    ],
)
def test_counts_that_cannot_be_read_are_told_and_never_zero(
    bench: Bench, status: dict[str, Any], kind: type[Exception], words: str
) -> None:
    serve_first(bench)
    bench.serving.warehouse = status
    with pytest.raises(kind, match=words):
        look(bench)


@pytest.mark.long
def test_nothing_is_counted_before_anybody_has_traffic(bench: Bench) -> None:
    """Asking keeps a warehouse awake, which costs."""
    deploy(bench, FIRST, "1")
    healthy(bench, FIRST)
    assert bench.fake.wire.count("POST", "/sql/statements") == 0


@pytest.mark.long
def test_an_endpoint_that_somebody_else_made_has_a_champion_and_its_own_versions(bench: Bench) -> None:
    serve_first(bench)
    (entity,) = [one for one in bench.document["config"]["served_entities"] if one["name"] == FIRST]
    entity.update(entity_name=MODEL, entity_version="2")
    assert [(d.version, d.share) for d in look(bench).deployments] == [("2", 100)]


@pytest.mark.long
def test_an_endpoint_without_the_entity_that_answers_503_keeps_its_traffic(bench: Bench) -> None:
    serve_first(bench)
    config = bench.document["config"]
    config["served_entities"] = [one for one in config["served_entities"] if one["name"] == FIRST]
    config["traffic_config"]["routes"] = [{"served_model_name": FIRST, "traffic_percentage": 100}]
    with pytest.raises(DatabricksRefused, match="was not made by Baton"):
        bench.endpoints.set_traffic("pulse", {}, expected={FIRST: 100})


@pytest.mark.long
def test_a_name_that_serves_another_version_is_taken(bench: Bench) -> None:
    deploy(bench, FIRST, "1")
    with pytest.raises(NameTaken, match="serves version 1, and not 2"):
        bench.again().deploy(DeployRequest("pulse", FIRST, "2", "f" * 16))


@pytest.mark.long
def test_words_that_the_sdk_does_not_know_are_no_state(bench: Bench) -> None:
    serve_first(bench)
    bench.document["config"]["served_entities"][0]["state"]["deployment"] = "DEPLOYMENT_PONDERING"
    with pytest.raises(PlatformBusy, match="no state that the SDK knows"):
        look(bench)
    bench.document["state"]["config_update"] = "PONDERING"
    with pytest.raises(PlatformBusy, match="does not say whether"):
        look(bench)


def test_mirroring_is_refused_with_a_way_out_and_none_is_fine(bench: Bench) -> None:
    bench.endpoints.mirror("pulse", FIRST, 0)
    with pytest.raises(DatabricksRefused, match="cannot mirror 10 %.* serve on Azure ML"):
        bench.endpoints.mirror("pulse", FIRST, 10)
