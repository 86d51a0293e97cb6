"""Batch endpoints through azure-ai-ml against a server that speaks Azure ML's wire: one for each model, on what serves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from shared.errors import CapacityRefused
from shared.model_yaml.served_spec import BatchScoring
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_v2_batches import batch_name
from shared.platforms.azureml_v2_endpoints import AzureMLV2Endpoints
from shared.platforms.azureml_v2_serving import Serving
from shared.platforms.following import Following, Monitoring
from tests.contracts.test_azureml_v2_endpoints import publish
from tests.wire.azureml import SCOPE
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_batches import NAME
from tests.wire.azureml_v2_models import WHERE

ASKED = BatchScoring(files=5, instances=2, max_minutes=3.0, bad_files=1)
NONE = BatchScoring()
ENDPOINT = "/batchEndpoints/[^/]+$"
DEPLOYMENT = "/batchEndpoints/.*/deployments/pulse-0001$"


class Bench:
    def __init__(self, fake: FakeAzureMLV2) -> None:
        self.fake = fake
        fake.operation_seconds = 0.0
        self.endpoints = self.adapter()
        uri = f"azureml://{WHERE}/datastores/workspaceblobstore/paths/m"
        self.versions = [fake.models.register("pulse", uri) for _ in range(4)]

    def adapter(self, wait_seconds: float = 25.0) -> AzureMLV2Endpoints:
        serving = Serving(compute="cpu-2")
        return AzureMLV2Endpoints(
            self.fake.service(), publish, serving, wait_seconds=wait_seconds, pause=lambda _seconds: None
        )

    def follow(self, number: int, asked: BatchScoring = ASKED) -> None:
        serves = Following(f"pulse-{number:04d}", self.versions[number - 1], "f" * 16, batch=asked)
        self.endpoints.follow("pulse", serves)

    @property
    def endpoint(self) -> str:
        (name,) = self.fake.batches.endpoints
        return name

    @property
    def default(self) -> str:
        return self.fake.batches.default(self.endpoint)

    @property
    def deployments(self) -> list[str]:
        return self.fake.batches.names(self.endpoint)


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2) -> Bench:
    return Bench(azureml_v2)


def test_jobs_go_to_a_deployment_of_the_version_that_serves_with_our_scripts_beside_its_code(bench: Bench) -> None:
    bench.follow(1)
    assert (bench.default, bench.deployments) == ("pulse-0001", ["pulse-0001"])
    one = bench.fake.batches.deployments[bench.endpoint, "pulse-0001"]["properties"]
    assert one["model"]["assetId"] == f"{SCOPE}/models/pulse/versions/{bench.versions[0]}"
    assert one["compute"] == f"{SCOPE}/computes/cpu-2"
    assert (one["miniBatchSize"], one["resources"]["instanceCount"], one["errorThreshold"]) == (5, 2, 1)
    assert (one["outputAction"], one["maxConcurrencyPerInstance"]) == ("SummaryOnly", 1)
    assert one["retrySettings"] == {"maxRetries": 2, "timeout": "PT3M"}
    assert one["codeConfiguration"]["scoringScript"] == "baton_batch.py"
    code = bench.fake.assets[one["codeConfiguration"]["codeId"]]["properties"]["codeUri"]
    sent = {
        f"https://ws1account.blob.core.windows.net/{place}/{name}": (place, name)
        for place, name in bench.fake.blobs.files
    }
    ours = ("baton_batch.py", "baton_batch_rows.py", "baton_score_rows.py", "baton_requirements.txt")
    assert set(sent) == {f"{code}/{name}" for name in (*ours, "score.py", "requirements.txt")}
    packages = bench.fake.blobs.files[sent[f"{code}/baton_requirements.txt"]]
    assert packages.decode().split() == ["scikit-learn==1.7.2"]
    around = bench.fake.assets[one["environmentId"]]["properties"]["condaFile"]
    assert "azureml-dataset-runtime[fuse]==" in around
    assert "scikit-learn" not in around


def test_the_same_again_changes_nothing(bench: Bench) -> None:
    for _ in range(3):
        bench.follow(1)
    assert bench.fake.batches.writes == ["endpoint", "deployment pulse-0001", "endpoint pulse-0001"]


def test_the_default_follows_what_serves_and_goes_back_without_a_deployment_made_anew(bench: Bench) -> None:
    for number in (1, 2, 1):
        bench.follow(number)
        assert bench.default == f"pulse-{number:04d}"
    assert bench.fake.batches.writes[-1] == "endpoint pulse-0001"
    assert bench.deployments == ["pulse-0001", "pulse-0002"]


def test_of_the_deployments_before_only_the_latest_is_kept(bench: Bench) -> None:
    for number in (1, 2, 3, 4):
        bench.follow(number)
    assert bench.deployments == ["pulse-0003", "pulse-0004"]


def test_another_rule_changes_the_deployment_and_its_own_cluster_is_taken(bench: Bench) -> None:
    bench.follow(1)
    bench.follow(1, replace(ASKED, compute="big", bad_files=-1))
    one = bench.fake.batches.deployments[bench.endpoint, "pulse-0001"]["properties"]
    assert (one["compute"], one["errorThreshold"]) == (f"{SCOPE}/computes/big", -1)
    assert bench.fake.batches.writes.count("deployment pulse-0001") == 2


def test_who_asks_for_none_has_none_however_often_with_all_its_deployments_gone(bench: Bench) -> None:
    bench.follow(1, NONE)
    bench.follow(1)
    bench.follow(2)
    for _ in range(2):
        bench.follow(3, NONE)
        assert (bench.fake.batches.endpoints, bench.fake.batches.deployments) == ({}, {})


@pytest.mark.parametrize(
    ("method", "path", "after"),
    [
        ("PUT", ENDPOINT, False),
        ("PUT", ENDPOINT, True),
        ("PUT", DEPLOYMENT, False),
        ("PUT", DEPLOYMENT, True),
        ("GET", "/deployments$", False),
    ],
)
def test_whatever_call_is_lost_the_next_look_mends_it(bench: Bench, method: str, path: str, after: bool) -> None:
    bench.fake.wire.fail(method, path, 500, after=after)
    with pytest.raises(Exception, match="pulse"):
        bench.follow(1)
    bench.follow(1)
    assert (bench.default, bench.deployments) == ("pulse-0001", ["pulse-0001"])
    bench.follow(1)
    assert bench.fake.batches.writes[-1] == "endpoint pulse-0001"


def test_a_caller_that_died_before_the_default_moved_leaves_the_old_one_until_the_next_look(bench: Bench) -> None:
    bench.follow(1)
    bench.fake.wire.fail("PUT", ENDPOINT, 503)
    with pytest.raises(Exception, match="use pulse-0002"):
        bench.follow(2)
    assert (bench.default, bench.deployments) == ("pulse-0001", ["pulse-0001", "pulse-0002"])
    bench.follow(2)
    assert bench.default == "pulse-0002"
    assert bench.fake.batches.writes.count("deployment pulse-0002") == 1


def test_reads_that_are_late_end_in_the_same_state(bench: Bench) -> None:
    bench.fake.lag = 1
    for late in ("Endpoint", "Deployment"):
        with pytest.raises(CapacityRefused, match=f"{late} .* was not found"):
            bench.follow(1)
    bench.follow(1)
    bench.fake.hide(f"batchEndpoints/{bench.endpoint}")
    bench.fake.hide("batch deployment pulse-0001")
    bench.follow(1)
    assert (bench.default, bench.deployments) == ("pulse-0001", ["pulse-0001"])


def test_a_cluster_that_is_not_there_is_told_and_not_waited_for(bench: Bench) -> None:
    bench.follow(1)
    bench.fake.wire.fail("PUT", DEPLOYMENT, 404)
    with pytest.raises(AzureMLRefused, match="make batch deployment pulse-0001"):
        bench.follow(1, replace(ASKED, compute="gone"))
    assert bench.default == "pulse-0001"


def test_what_takes_longer_is_looked_at_again_and_the_default_moves_only_when_it_is_ready(bench: Bench) -> None:
    bench.follow(1)
    bench.endpoints = bench.adapter(wait_seconds=0.0)
    bench.fake.operation_seconds = 3600.0
    for _ in range(2):
        with pytest.raises(CapacityRefused):
            bench.follow(2)
        assert bench.default == "pulse-0001"
    assert bench.fake.batches.writes.count("deployment pulse-0002") == 1


@pytest.mark.parametrize(("method", "path"), [("GET", ENDPOINT), ("PUT", ENDPOINT), ("PUT", DEPLOYMENT)])
def test_a_throttled_call_says_how_long_to_wait(bench: Bench, method: str, path: str) -> None:
    bench.fake.wire.fail(method, path, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        bench.follow(1)
    assert refused.value.after_seconds == 7
    bench.follow(1)
    assert bench.default == "pulse-0001"


def test_a_deployment_that_failed_moves_no_default_and_is_made_anew(bench: Bench) -> None:
    bench.follow(1)
    bench.fake.batches.broken.add("pulse-0002")
    with pytest.raises(AzureMLRefused, match="pulse-0002 is Failed"):
        bench.follow(2)
    assert bench.default == "pulse-0001"
    bench.fake.batches.broken.clear()
    bench.follow(2)
    assert bench.default == "pulse-0002"


def test_an_endpoint_of_somebody_elses_with_the_name_is_left_alone(bench: Bench) -> None:
    bench.follow(1)
    bench.fake.batches.endpoints[bench.endpoint]["tags"] = {"who": "a person"}
    with pytest.raises(AzureMLRefused, match="Baton did not make it") as refused:
        bench.follow(2)
    where = f"{bench.endpoint} --resource-group rg-1 --workspace-name ws-1"
    assert f"`az ml batch-endpoint delete --name {where}`" in str(refused.value.next)
    bench.follow(2, NONE)
    assert bench.deployments == ["pulse-0001"]


def test_a_monitor_that_cannot_be_made_keeps_no_batch_endpoint_from_following_nor_the_other_way_round(
    bench: Bench,
) -> None:
    watched = Monitoring(("data",), "0 6 * * *")
    serves = Following("pulse-0001", bench.versions[0], "f" * 16, watched, ASKED)
    with pytest.raises(AzureMLRefused, match="monitor"):
        bench.endpoints.follow("pulse", serves)  # there is no online deployment to watch
    assert bench.default == "pulse-0001"
    bench.fake.wire.fail("GET", ENDPOINT, 503)
    with pytest.raises(Exception, match="read batch endpoint") as raised:
        bench.endpoints.follow("pulse", serves)
    assert not isinstance(raised.value, AzureMLRefused), "what passes by itself is told first: it is tried again"


def test_the_longest_models_batch_endpoint_has_a_name_that_the_service_takes(azureml_v2: FakeAzureMLV2) -> None:
    name = azureml_v2.service().ask("name it", partial(batch_name, "m" * 20))
    assert len(name) == 32
    assert NAME.fullmatch(name)
