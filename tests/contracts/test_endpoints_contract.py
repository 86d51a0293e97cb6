"""What every endpoints adapter must keep to. An adapter subclasses `EndpointsContract` and offers its own bench."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pytest

from local.daemon import wait_until
from shared.errors import Permanent, PlatformBusy, TrafficMoved
from shared.platforms.following import Following
from shared.platforms.port import Deployment, DeployRequest, Endpoints, EndpointSeen
from tests.fakes.platform import FakeEndpoints

FIRST, SECOND = "pulse-0001", "pulse-0002"


class EndpointsBench(Protocol):
    """Endpoints, and a model of which versions "1" and "2" are registered and its folder is published."""

    @property
    def endpoints(self) -> Endpoints: ...

    @property
    def model(self) -> str: ...

    @property
    def folder(self) -> str:
        """The hash of the published folder."""
        ...

    @property
    def body(self) -> str:
        """A request that the model answers with status 200."""
        ...

    def unreachable(self) -> Endpoints:
        """Endpoints that do not answer."""
        ...


class EndpointsContract:
    @pytest.fixture
    def bench(self) -> EndpointsBench:
        raise NotImplementedError

    def test_a_model_that_was_never_deployed_has_no_endpoint(self, bench: EndpointsBench) -> None:
        assert bench.endpoints.look(bench.model) is None

    def test_endpoints_that_do_not_answer_are_busy_and_never_none(self, bench: EndpointsBench) -> None:
        with pytest.raises(PlatformBusy):
            bench.unreachable().look(bench.model)

    def test_a_deployment_becomes_healthy_with_its_version_and_without_traffic(self, bench: EndpointsBench) -> None:
        deploy(bench, FIRST, "1")
        deployment = healthy(bench, FIRST)
        assert (deployment.version, deployment.share, deployment.requests) == ("1", 0, 0)

    def test_deploying_again_under_the_same_name_finds_the_first(self, bench: EndpointsBench) -> None:
        deploy(bench, FIRST, "1")
        deploy(bench, FIRST, "1")
        assert [d.name for d in look(bench).deployments] == [FIRST]

    def test_eight_callers_at_once_make_one_deployment(self, bench: EndpointsBench) -> None:
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(lambda _: deploy(bench, FIRST, "1"), range(8)))
        assert [d.name for d in look(bench).deployments] == [FIRST]

    def test_where_nothing_is_asked_for_nothing_follows_however_often(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        for _ in range(2):
            bench.endpoints.follow(bench.model, Following(FIRST, "1", bench.folder))
        assert look(bench).split == {FIRST: 100}

    def test_the_split_is_what_was_set(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        bench.endpoints.set_traffic(bench.model, {FIRST: 90, SECOND: 10}, expected={FIRST: 100})
        assert look(bench).split == {FIRST: 90, SECOND: 10}

    def test_another_deployment_leaves_the_traffic_where_it_is(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        assert look(bench).split == {FIRST: 100}

    def test_setting_the_same_split_again_is_fine_whatever_is_expected(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        bench.endpoints.set_traffic(bench.model, {FIRST: 100}, expected={})
        assert look(bench).split == {FIRST: 100}

    def test_traffic_that_moved_meanwhile_is_not_overwritten(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        with pytest.raises(TrafficMoved):
            bench.endpoints.set_traffic(bench.model, {SECOND: 100}, expected={FIRST: 50, SECOND: 50})
        assert look(bench).split == {FIRST: 100}

    def test_a_zero_in_a_split_means_no_traffic(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        bench.endpoints.set_traffic(bench.model, {FIRST: 0, SECOND: 100}, expected={FIRST: 100, SECOND: 0})
        assert look(bench).split == {SECOND: 100}

    def test_an_empty_split_takes_all_traffic_away(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        bench.endpoints.set_traffic(bench.model, {}, expected={FIRST: 100})
        assert look(bench).split == {}
        assert bench.endpoints.score(bench.model, bench.body).status >= 400

    def test_a_split_that_is_not_whole_is_refused(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        with pytest.raises(Permanent):
            bench.endpoints.set_traffic(bench.model, {FIRST: 60}, expected={FIRST: 100})
        assert look(bench).split == {FIRST: 100}

    def test_a_deployment_with_traffic_is_not_removed(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        with pytest.raises(TrafficMoved):
            bench.endpoints.remove(bench.model, FIRST)
        assert look(bench).split == {FIRST: 100}

    def test_a_deployment_without_traffic_is_removed_also_twice(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        bench.endpoints.remove(bench.model, SECOND)
        bench.endpoints.remove(bench.model, SECOND)
        assert [d.name for d in look(bench).deployments] == [FIRST]

    def test_an_endpoint_whose_last_deployment_was_removed_is_still_an_endpoint(self, bench: EndpointsBench) -> None:
        deploy(bench, FIRST, "1")
        healthy(bench, FIRST)
        bench.endpoints.remove(bench.model, FIRST)
        assert look(bench).deployments == ()

    def test_the_serving_deployment_answers_and_names_its_version(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        answer = bench.endpoints.score(bench.model, bench.body)
        assert (answer.status, answer.version, answer.deployment) == (200, "1", FIRST)

    def test_a_pinned_request_reaches_a_deployment_without_traffic(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        answer = bench.endpoints.score(bench.model, bench.body, deployment=SECOND)
        assert (answer.status, answer.version, answer.deployment) == (200, "2", SECOND)

    def test_answered_requests_are_counted(self, bench: EndpointsBench) -> None:
        serve_first(bench)
        for _ in range(3):
            bench.endpoints.score(bench.model, bench.body)
        assert healthy(bench, FIRST).requests == 3

    def test_an_endpoint_without_traffic_answers_with_an_error_status(self, bench: EndpointsBench) -> None:
        deploy(bench, FIRST, "1")
        healthy(bench, FIRST)
        assert bench.endpoints.score(bench.model, bench.body).status >= 400


def deploy(bench: EndpointsBench, name: str, version: str) -> None:
    bench.endpoints.deploy(DeployRequest(bench.model, name, version, bench.folder))


def look(bench: EndpointsBench) -> EndpointSeen:
    seen = bench.endpoints.look(bench.model)
    assert seen
    return seen


def healthy(bench: EndpointsBench, name: str) -> Deployment:
    """Look until the deployment is no longer starting; it must be healthy then."""

    def now() -> Deployment:
        return next(d for d in look(bench).deployments if d.name == name)

    wait_until(lambda: now().state != "starting", timeout_seconds=90, what=f"{name} did not start")
    assert now().state == "healthy", now().reason
    return now()


def serve_first(bench: EndpointsBench) -> None:
    """Version 1 has all the traffic."""
    deploy(bench, FIRST, "1")
    healthy(bench, FIRST)
    bench.endpoints.set_traffic(bench.model, {FIRST: 100}, expected={})


class FakeBench:
    model = "pulse"
    folder = "f" * 16
    body = '{"data": [{"x": 1}]}'

    def __init__(self) -> None:
        self.endpoints = FakeEndpoints()

    def unreachable(self) -> Endpoints:
        endpoints = FakeEndpoints()
        endpoints.busy = True
        return endpoints


class TestFakeEndpoints(EndpointsContract):
    @pytest.fixture
    def bench(self) -> FakeBench:
        return FakeBench()
