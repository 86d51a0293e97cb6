"""Databricks model serving through databricks-sdk against a server that speaks its wire: the endpoints' contract, and waiting."""

from __future__ import annotations

import json

import pytest

from shared.errors import CapacityRefused, PlatformBusy, TrafficMoved
from shared.platforms.databricks_errors import NotThere
from tests.contracts.databricks_bench import BODY, Bench, bench
from tests.contracts.test_endpoints_contract import (
    FIRST,
    SECOND,
    EndpointsContract,
    deploy,
    healthy,
    look,
    serve_first,
)
from tests.wire.databricks import FakeDatabricks

__all__ = ["bench"]


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
