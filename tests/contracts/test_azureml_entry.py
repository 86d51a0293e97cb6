"""Our entry script under Microsoft's inference server, sent along by azureml-core as for AKS: what serves and counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.daemon import wait_until
from shared.errors import CapacityRefused
from shared.platforms.azureml_counts import Counts
from tests.contracts.test_azureml_containers import ContainersBench
from tests.contracts.test_azureml_endpoints import AzureMLEndpointsBench, ServicesBench, fake
from tests.contracts.test_endpoints_contract import FIRST, deploy, healthy, look, serve_first
from tests.wire.azureml import FakeAzureML
from tests.wire.azureml_machines import PROJECT, Servers

__all__ = ["fake"]
B = TypeVar("B", bound=ServicesBench[Any])
SCORE = """
import json, os
from pathlib import Path
def init(): globals()["weight"] = float((Path(os.environ["AZUREML_MODEL_DIR"]) / "weight.txt").read_text())
def run(data): return {"predictions": [weight * row for row in json.loads(data)["data"]]}
"""


def published(_model: str, _folder: str, into: Path) -> None:
    """Its requirements are those of an example, whose environment is there."""
    (into / "score.py").write_text(SCORE)
    shutil.copy2(PROJECT / "models/diabetes/requirements.txt", into)


@contextmanager
def really_served(bench: B, home: Path) -> Iterator[B]:
    """The bench, whose services are processes of this machine, and are counted by what they print."""
    bench.fake.files["dcid.r", "outputs/model/weight.txt"] = b"2.5"
    servers = Servers(bench.fake, home)
    counts = Counts("a-1", bench.fake.token, clock=iter(range(0, 9000, 100)).__next__)
    bench.endpoints = bench.adapter(published, counts)
    yield bench
    servers.end()


@pytest.fixture
def bench(fake: FakeAzureML, tmp_path: Path) -> Iterator[AzureMLEndpointsBench]:
    with really_served(AzureMLEndpointsBench(fake), tmp_path / "aks") as bench:
        yield bench


@pytest.fixture
def containers(fake: FakeAzureML, tmp_path: Path) -> Iterator[ContainersBench]:
    with really_served(ContainersBench(fake), tmp_path / "aci") as bench:
        yield bench


def is_switched(bench: ContainersBench) -> bool:
    """Asked for again, as `perform` does, until the container that was replaced answers no more."""
    try:
        bench.switch(FIRST)
    except CapacityRefused:
        return False
    return True


def test_a_container_instance_answers_as_what_it_was_updated_to_and_asking_who_is_not_counted(
    containers: ContainersBench,
) -> None:
    deploy(containers, FIRST, "1")
    healthy(containers, FIRST)
    wait_until(
        lambda: containers.endpoints.score("pulse", '{"data": [2]}').status == 503, timeout_seconds=90, what="closed"
    )
    wait_until(lambda: is_switched(containers), timeout_seconds=90, what="the front did not answer as asked")
    assert [(d.requests, d.errors) for d in look(containers).deployments] == [(0, 0)]
    answer = containers.endpoints.score("pulse", '{"data": [2]}')
    assert (answer.status, answer.body, answer.version) == (200, '{"predictions": [5.0]}', "1")
    pinned = containers.endpoints.score("pulse", "no JSON", deployment=FIRST)
    assert (pinned.status, pinned.deployment) == (500, FIRST)
    assert [(d.requests, d.errors) for d in look(containers).deployments] == [(2, 1)]


def is_deployed(bench: AzureMLEndpointsBench) -> bool:
    """Asked for again, as `perform` does, for as long as the endpoint is being made."""
    try:
        deploy(bench, FIRST, "1")
    except CapacityRefused:
        return False
    return True


def test_score_py_answers_with_the_version_in_the_headers_and_is_counted(bench: AzureMLEndpointsBench) -> None:
    wait_until(lambda: is_deployed(bench), timeout_seconds=90, what="the endpoint did not become healthy")
    healthy(bench, FIRST)
    closed = bench.endpoints.score("pulse", '{"data": [2]}')
    assert (closed.status, closed.version) == (503, "")
    serve_first(bench)
    answer = bench.endpoints.score("pulse", '{"data": [2]}')
    assert (answer.status, answer.body, answer.version, answer.deployment) == (
        200,
        '{"predictions": [5.0]}',
        "1",
        FIRST,
    )
    failed = bench.endpoints.score("pulse", "no JSON", deployment=FIRST)
    assert (failed.status, failed.version) == (500, "1")
    assert [(d.requests, d.errors) for d in look(bench).deployments] == [(2, 1)]
