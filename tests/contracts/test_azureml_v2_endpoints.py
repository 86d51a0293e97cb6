"""azure-ai-ml's managed endpoints against a server that speaks Azure ML's wire: the endpoints' contract, and traps."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.daemon import wait_until
from shared.errors import CapacityRefused, Permanent, TrafficMoved
from shared.platforms.azureml_errors import AzureMLRefused, NotThere
from shared.platforms.azureml_v2_endpoints import AzureMLV2Endpoints
from shared.platforms.port import Deployment, Endpoints
from tests.contracts.test_endpoints_contract import (
    FIRST,
    SECOND,
    EndpointsContract,
    deploy,
    healthy,
    look,
    serve_first,
)
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_models import WHERE

DEPLOYMENTS = f"/deployments/{FIRST}$"
ENDPOINT = "/onlineEndpoints/[^/]+$"


def publish(_model: str, _folder: str, into: Path) -> None:
    (into / "score.py").write_text("def init(): ...\ndef run(data): return [1]\n")
    (into / "requirements.txt").write_text("scikit-learn==1.7.2\nmlflow==3.17.2\n")


class AzureMLV2Bench:
    model = "pulse"
    folder = "f" * 16
    body = '{"data": [{"x": 1}]}'

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self.fake = fake
        self.endpoints = AzureMLV2Endpoints(fake.service(), publish, pause=lambda _seconds: None)
        for _ in range(2):
            fake.models.register(self.model, f"azureml://{WHERE}/datastores/workspaceblobstore/paths/m")

    def unreachable(self) -> Endpoints:
        self.fake.wire.fail("GET", "/onlineEndpoints/", 503, times=99)
        return self.endpoints

    @property
    def endpoint(self) -> dict[str, object]:
        """The endpoint's properties as the service has them."""
        (only,) = self.fake.endpoints.endpoints.values()
        properties: dict[str, object] = only["properties"]
        return properties


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2) -> AzureMLV2Bench:
    return AzureMLV2Bench(azureml_v2)


def first(bench: AzureMLV2Bench) -> Deployment:
    return next(one for one in look(bench).deployments if one.name == FIRST)


class TestAzureMLV2Endpoints(EndpointsContract):
    @pytest.fixture
    def bench(self, azureml_v2: FakeAzureMLV2) -> AzureMLV2Bench:
        return AzureMLV2Bench(azureml_v2)


def test_a_deployment_is_defined_by_version_code_and_the_models_own_packages(bench: AzureMLV2Bench) -> None:
    deploy(bench, FIRST, "1")
    (definition,) = [one["properties"] for one in bench.fake.endpoints.deployments.values()]
    assert definition["model"].endswith("/models/pulse/versions/1")
    assert definition["codeConfiguration"]["scoringScript"] == "baton_entry.py"
    code = bench.fake.assets[definition["codeConfiguration"]["codeId"]]["properties"]["codeUri"]
    uploaded = {f"https://ws1account.blob.core.windows.net/{one}/{name}" for one, name in bench.fake.blobs.files}
    assert uploaded == {f"{code}/{name}" for name in ("score.py", "baton_entry.py", "requirements.txt")}
    conda = bench.fake.assets[definition["environmentId"]]["properties"]["condaFile"]
    assert "scikit-learn==1.7.2" in conda
    assert "azureml-inference-server-http" in conda
    assert "mlflow" not in conda


def test_an_endpoint_that_is_being_made_is_waited_for(bench: AzureMLV2Bench) -> None:
    bench.endpoints._wait_seconds, bench.fake.operation_seconds = 0.1, 600.0
    for reason in ("takes its time to make endpoint", "is Creating"):
        with pytest.raises(CapacityRefused, match=reason):
            deploy(bench, FIRST, "1")
    assert look(bench).deployments == ()


def test_a_deployment_that_the_service_is_too_busy_for_is_waited_for(bench: AzureMLV2Bench) -> None:
    bench.fake.wire.fail("PUT", DEPLOYMENTS, 409)
    with pytest.raises(CapacityRefused) as waiting:
        deploy(bench, FIRST, "1")
    assert waiting.value.after_seconds == 15
    deploy(bench, FIRST, "1")
    assert healthy(bench, FIRST).version == "1"


def test_a_deployment_whose_answer_was_lost_is_found_and_not_repeated(bench: AzureMLV2Bench) -> None:
    bench.fake.wire.fail("PUT", DEPLOYMENTS, 500, after=True)
    deploy(bench, FIRST, "1")
    assert bench.fake.endpoints.made == [FIRST]


def test_a_deployment_that_fails_says_the_end_of_its_log(bench: AzureMLV2Bench) -> None:
    bench.fake.endpoints.broken.add("1")
    deploy(bench, FIRST, "1")
    wait_until(lambda: first(bench).state != "starting", timeout_seconds=60, what="it did not end")
    assert (first(bench).state, first(bench).reason) == ("failed", "Instance status: SystemSetup | KeyError: 'w'")


def test_a_mirror_gets_copies_and_no_traffic(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    deploy(bench, SECOND, "2")
    healthy(bench, SECOND)
    bench.endpoints.mirror(bench.model, SECOND, 10)
    assert bench.endpoint["mirrorTraffic"] == {SECOND: 10}
    assert look(bench).split == {FIRST: 100}
    assert bench.endpoints.score(bench.model, bench.body).version == "1"
    assert bench.fake.endpoints.mirrored == {SECOND: 1}


def test_a_mirror_ends_where_traffic_begins_or_the_deployment_goes(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    deploy(bench, SECOND, "2")
    healthy(bench, SECOND)
    bench.endpoints.mirror(bench.model, SECOND, 10)
    bench.endpoints.set_traffic(bench.model, {FIRST: 90, SECOND: 10}, expected={FIRST: 100})
    assert bench.endpoint["mirrorTraffic"] == {}
    bench.endpoints.set_traffic(bench.model, {FIRST: 100}, expected={FIRST: 90, SECOND: 10})
    bench.endpoints.mirror(bench.model, SECOND, 10)
    bench.endpoints.remove(bench.model, SECOND)
    assert bench.endpoint["mirrorTraffic"] == {}


def test_what_the_service_refuses_is_told_in_its_words(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    with pytest.raises(AzureMLRefused, match="no deployment pulse-0009"):
        bench.endpoints.set_traffic(bench.model, {"pulse-0009": 100}, expected={FIRST: 100})
    with pytest.raises(AzureMLRefused, match="up to 50 percent"):
        bench.endpoints.mirror(bench.model, FIRST, 60)


def test_a_change_that_goes_on_is_waited_for(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    bench.fake.wire.fail("PUT", ENDPOINT, 409)
    with pytest.raises(CapacityRefused):
        bench.endpoints.set_traffic(bench.model, {}, expected={FIRST: 100})
    bench.fake.wire.fail("DELETE", DEPLOYMENTS, 409)
    bench.endpoints.set_traffic(bench.model, {}, expected={FIRST: 100})
    with pytest.raises(CapacityRefused):
        bench.endpoints.remove(bench.model, FIRST)


def test_a_throttled_change_says_how_long_to_wait(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    bench.fake.wire.fail("PUT", ENDPOINT, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        bench.endpoints.set_traffic(bench.model, {}, expected={FIRST: 100})
    assert refused.value.after_seconds == 7


def test_failures_of_the_model_are_errors_and_counted_apart(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    assert bench.endpoints.score(bench.model, "{}").status == 424
    bench.endpoints.score(bench.model, bench.body)
    assert (first(bench).requests, first(bench).errors) == (2, 1)


def test_the_few_errors_among_many_kinds_of_answers_are_counted(bench: AzureMLV2Bench) -> None:
    """Of a metric that is split, Azure Monitor gives the ten largest series unless it is asked for more, and errors are the small ones."""
    serve_first(bench)
    counts = bench.fake.endpoints.counts
    [name] = bench.fake.endpoints.endpoints
    counts |= {(name, FIRST, 424, 400 + number): 50 for number in range(20)} | {(name, FIRST, 503, 0): 2}
    assert (first(bench).requests, first(bench).errors) == (1002, 2)
    counts |= {(name, f"d-{number}", 200, 200): 1 for number in range(1000)}
    with pytest.raises(AzureMLRefused, match="1000 kinds of answers"):
        look(bench)


def test_counts_that_cannot_be_read_are_not_none(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    bench.fake.wire.fail("GET", "/Microsoft.Insights/metrics$", 403)
    with pytest.raises(Permanent):
        look(bench)


def test_a_scoring_token_that_is_refused_is_fetched_once_more(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    bench.endpoints.score(bench.model, bench.body)
    bench.fake.revoked |= {token for token, scope in bench.fake.tokens.items() if "ml.azure.com" in scope}
    assert bench.endpoints.score(bench.model, bench.body).status == 200


def test_a_token_that_resource_manager_refuses_is_fetched_once_more(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    bench.fake.revoked |= set(bench.fake.tokens)
    assert look(bench).split == {FIRST: 100}


def test_more_deployments_than_a_page_holds_are_all_seen(bench: AzureMLV2Bench) -> None:
    for name in (FIRST, SECOND, "pulse-0003"):
        deploy(bench, name, "1")
    assert [one.name for one in look(bench).deployments] == [FIRST, SECOND, "pulse-0003"]


def test_traffic_without_an_endpoint_is_refused(bench: AzureMLV2Bench) -> None:
    with pytest.raises(NotThere, match="pulse has no endpoint"):
        bench.endpoints.set_traffic(bench.model, {FIRST: 100}, expected={})
    bench.endpoints.remove(bench.model, FIRST)


def test_traffic_that_somebody_set_meanwhile_is_named(bench: AzureMLV2Bench) -> None:
    serve_first(bench)
    with pytest.raises(TrafficMoved, match=r"is \{'pulse-0001': 100\}, not \{'pulse-0002': 100\} as expected"):
        bench.endpoints.set_traffic(bench.model, {}, expected={SECOND: 100})
