"""Databricks model serving through databricks-sdk against a server that speaks its wire: the endpoints' contract, and traps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import CapacityRefused, PlatformBusy, TrafficMoved
from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.databricks_errors import DatabricksRefused, NameTaken, NotThere
from shared.platforms.databricks_serving import Serving
from shared.platforms.port import DeployRequest, Endpoints
from tests.contracts.test_endpoints_contract import (
    FIRST,
    SECOND,
    EndpointsContract,
    deploy,
    healthy,
    look,
    serve_first,
)
from tests.wire.databricks import SCHEMA, FakeDatabricks

BODY = '{"data": [{"x": 1}]}'
MODEL, PACKED = f"{SCHEMA}.pulse", f"{SCHEMA}.pulse_serving"
TABLE = f"{SCHEMA}.baton_pulse_payload"
SCORE = """
import json, os
from pathlib import Path

def init():
    global weight
    weight = float((Path(os.environ["AZUREML_MODEL_DIR"]) / "weights.txt").read_text())

def run(data):
    rows = json.loads(data)["data"]
    if not rows:
        from azureml_inference_server_http.api.aml_response import AMLResponse
        return AMLResponse({"error": "no rows"}, 400, json_str=True)
    return {"predictions": [weight * row["x"] for row in rows]}
"""


class Bench:
    model, folder, body = "pulse", "f" * 16, BODY

    def __init__(self, fake: FakeDatabricks) -> None:
        self.fake = fake
        for _ in range(2):
            version = fake.models.make(MODEL, {})["version"]
            fake.files[f"/Models/{MODEL.replace('.', '/')}/{version}/weights.txt"] = version.encode()
        self.endpoints = self.again()
        self.serving = fake.serving

    def again(self) -> DatabricksEndpoints:
        return DatabricksEndpoints(self.fake.service(), published, Serving("w-1"), pause=lambda _seconds: None)

    def unreachable(self) -> Endpoints:
        self.fake.fail("GET", "/serving-endpoints/", 503, "TEMPORARILY_UNAVAILABLE", times=99)
        return self.endpoints

    @property
    def document(self) -> dict[str, Any]:
        (one,) = self.serving.found.values()
        return one

    def packed(self) -> list[str]:
        """The deployments that something is packed for."""
        tags = [{tag["key"]: tag["value"] for tag in one["tags"]} for one in self.fake.models.found[PACKED].values()]
        return [one["baton.deployment"] for one in tags]


def published(_model: str, _folder: str, into: Path) -> None:
    (into / "score.py").write_text(SCORE)
    (into / "requirements.txt").write_text("numpy==2.3.1\nmlflow-skinny==3.17.2\n")


@pytest.fixture
def bench(databricks: FakeDatabricks) -> Bench:
    return Bench(databricks)


@pytest.mark.long
class TestDatabricksEndpoints(EndpointsContract):
    @pytest.fixture
    def bench(self, databricks: FakeDatabricks) -> Bench:
        return Bench(databricks)


def test_two_versions_are_served_split_counted_and_the_first_one_removed(bench: Bench) -> None:
    """The contract in one go, for the gate: its whole suite carries `long`."""
    serve_first(bench)
    deploy(bench, SECOND, "2")
    assert look(bench).split == {FIRST: 100}
    assert bench.endpoints.score("pulse", BODY, deployment=SECOND).version == "2"
    bench.endpoints.set_traffic("pulse", {FIRST: 10, SECOND: 90}, expected={FIRST: 100})
    with pytest.raises(TrafficMoved):
        bench.endpoints.remove("pulse", FIRST)
    bench.endpoints.set_traffic("pulse", {SECOND: 100}, expected={FIRST: 10, SECOND: 90})
    answer = bench.endpoints.score("pulse", BODY)
    assert (answer.status, answer.body, answer.deployment) == (200, '{"predictions": [2.0]}', SECOND)
    assert healthy(bench, SECOND).requests == 2
    bench.endpoints.remove("pulse", FIRST)
    assert [d.name for d in look(bench).deployments] == [SECOND]


def test_a_change_that_goes_on_is_waited_for_without_using_up_a_try(bench: Bench) -> None:
    serve_first(bench)
    bench.serving.takes = 9
    deploy(bench, SECOND, "2")
    with pytest.raises(CapacityRefused, match="is being changed") as refused:
        bench.endpoints.set_traffic("pulse", {SECOND: 100}, expected={FIRST: 100})
    assert refused.value.after_seconds > 0
    assert [(d.name, d.state, d.share) for d in look(bench).deployments] == [
        (FIRST, "healthy", 100),
        (SECOND, "starting", 0),
    ]


@pytest.mark.long
def test_a_new_endpoint_is_waited_for_and_found(bench: Bench) -> None:
    bench.serving.takes = 2
    with pytest.raises(CapacityRefused):
        deploy(bench, FIRST, "1")
    with pytest.raises(CapacityRefused):
        deploy(bench, FIRST, "1")
    deploy(bench, FIRST, "1")
    assert bench.fake.wire.count("POST", "/api/2.0/serving-endpoints$") == 1


@pytest.mark.long
def test_traffic_that_takes_minutes_to_move_is_asked_for_again_and_sent_once(bench: Bench) -> None:
    serve_first(bench)
    sent, bench.serving.takes = len(bench.serving.configs), 9
    for _ in range(2):
        with pytest.raises(CapacityRefused):
            bench.endpoints.set_traffic("pulse", {}, expected={FIRST: 100})
    bench.serving._settle(bench.document)
    bench.endpoints.set_traffic("pulse", {}, expected={FIRST: 100})
    assert len(bench.serving.configs) == sent + 1


@pytest.mark.long
def test_a_change_whose_answer_was_lost_is_waited_for(bench: Bench) -> None:
    serve_first(bench)
    bench.serving.takes = 1
    bench.fake.fail("PUT", "/config$", 500, "INTERNAL_ERROR", after=True)
    with pytest.raises(CapacityRefused):
        deploy(bench, SECOND, "2")
    deploy(bench, SECOND, "2")
    assert healthy(bench, SECOND).version == "2"


def test_a_deployment_that_cannot_be_built_has_failed_and_what_serves_goes_on(bench: Bench) -> None:
    serve_first(bench)
    bench.serving.failing = {SECOND}
    deploy(bench, SECOND, "2")
    assert [(d.name, d.state, d.share, d.reason) for d in look(bench).deployments] == [
        (FIRST, "healthy", 100, ""),
        (SECOND, "failed", 0, "pip failed: no such package"),
    ]
    bench.endpoints.remove("pulse", SECOND)
    assert [d.name for d in look(bench).deployments] == [FIRST]
    assert bench.packed() == ["closed", FIRST]


@pytest.mark.long
def test_what_was_packed_goes_with_its_deployment(bench: Bench) -> None:
    serve_first(bench)
    deploy(bench, SECOND, "2")
    healthy(bench, SECOND)
    bench.serving.takes = 1
    bench.endpoints.remove("pulse", SECOND)
    assert SECOND in bench.packed()
    look(bench)
    deploy(bench, "pulse-0003", "2")
    assert bench.packed() == ["closed", FIRST, "pulse-0003"]


@pytest.mark.long
def test_a_pack_that_was_left_half_written_is_filled_by_the_next_try(bench: Bench) -> None:
    bench.fake.fail("PUT", "/Models/.*/data/model/weights.txt$", 503)
    with pytest.raises(PlatformBusy):
        deploy(bench, FIRST, "1")
    serve_first(bench)
    assert bench.packed() == ["closed", FIRST]
    assert json.loads(bench.endpoints.score("pulse", BODY).body) == {"predictions": [1.0]}


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


@pytest.mark.long
def test_a_token_that_is_too_old_is_fetched_once_more_for_a_request(bench: Bench) -> None:
    serve_first(bench)
    bench.endpoints.score("pulse", BODY)
    bench.fake.revoked |= bench.fake.tokens
    assert bench.endpoints.score("pulse", BODY).status == 200


@pytest.mark.long
def test_there_is_nothing_to_ask_or_to_move_before_the_first_deployment(bench: Bench) -> None:
    bench.endpoints.remove("pulse", FIRST)
    with pytest.raises(NotThere, match="there is no endpoint"):
        bench.endpoints.score("pulse", BODY)
    with pytest.raises(NotThere, match="deploy a version first"):
        bench.endpoints.set_traffic("pulse", {FIRST: 100}, expected={})
    serve_first(bench)
    with pytest.raises(NotThere, match="no deployment pulse-0002"):
        bench.endpoints.set_traffic("pulse", {SECOND: 100}, expected={FIRST: 100})
    with pytest.raises(TrafficMoved, match="100 %"):
        bench.endpoints.remove("pulse", FIRST)
