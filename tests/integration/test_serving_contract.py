"""The laptop's endpoints keep the contract of `Endpoints`: the same suite as the fake's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.platforms.local_endpoints import LocalEndpoints
from shared.platforms.port import Registry
from tests.contracts.test_endpoints_contract import EndpointsContract
from tests.fakes.platform import FakeRegistry
from tests.integration.serving import KEY, Bench, bench, publish

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("contract") / "home") as started:
        yield started


@dataclass
class LocalBench:
    """One router for all tests, and a model of its own for each."""

    router: Bench
    model: str
    registry: Registry
    folder: str = "scores"
    body: str = '{"data": [{"x": 1}]}'

    @property
    def endpoints(self) -> LocalEndpoints:
        return LocalEndpoints(self.router.url, KEY, self.router.home, self.registry, publish)

    def unreachable(self) -> LocalEndpoints:
        return LocalEndpoints("http://127.0.0.1:9", KEY, self.router.home, self.registry, publish)


class TestLocalEndpoints(EndpointsContract):
    @pytest.fixture
    def bench(self, router: Bench) -> Iterator[LocalBench]:
        model = f"pulse-{next(NUMBERS)}"
        yield LocalBench(router, model, _two_versions(model))
        split = router.admin("GET", f"/{model}").document.get("split", {})
        router.admin("DELETE", f"/{model}", {"expected": split})


def _two_versions(model: str) -> Registry:
    registry = FakeRegistry()
    for number in ("1", "2"):
        registry.made[f"{model}-{number}"] = {"version.txt": number.encode()}
        registry.register(model, run_id=f"{model}-{number}", tags={})
    return registry
