"""What serving on Azure ML (SDK v1) gets wrong or leaves open, each met by the adapter: azureml-core itself, over its wire."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from shared.errors import CapacityRefused, PlatformBusy
from shared.platforms.azureml_counts import Counts
from shared.platforms.azureml_errors import AzureMLRefused, NameTaken
from shared.platforms.port import DeployRequest
from tests.contracts.test_azureml_endpoints import AzureMLEndpointsBench, fake
from tests.contracts.test_endpoints_contract import FIRST, SECOND, deploy, healthy, look, serve_first
from tests.wire.azureml import FakeAzureML
from tests.wire.azureml_services import REPLICA
from tests.wire.server import Answer, Asked

__all__ = ["fake"]


@pytest.fixture
def bench(fake: FakeAzureML) -> AzureMLEndpointsBench:
    return AzureMLEndpointsBench(fake)


def test_the_default_version_is_never_a_candidate(bench: AzureMLEndpointsBench) -> None:
    deploy(bench, FIRST, "1")
    versions = bench.fake.services.found["pulse"]["versions"]
    assert {name: version.get("isDefault", False) for name, version in versions.items()} == {
        "closed": True,
        FIRST: False,
    }
    assert bench.endpoints.score("pulse", bench.body).status == 503


def test_a_split_is_set_by_one_request(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    deploy(bench, SECOND, "2")
    before = len(bench.fake.services.patches)
    bench.endpoints.set_traffic("pulse", {FIRST: 90, SECOND: 10}, expected={FIRST: 100})
    sent = bench.fake.services.patches[before:]
    assert [{change["path"]: change["value"] for change in changes} for changes in sent] == [
        {f"/versions/{FIRST}/trafficPercentile": 90, f"/versions/{SECOND}/trafficPercentile": 10}
    ]


def test_an_endpoint_whose_answer_was_lost_is_found(bench: AzureMLEndpointsBench) -> None:
    bench.fake.wire.fail("POST", "/services$", 500, after=True)
    with pytest.raises(PlatformBusy):
        deploy(bench, FIRST, "1")
    deploy(bench, FIRST, "1")
    assert bench.fake.services.made == ["pulse"]
    assert healthy(bench, FIRST).version == "1"


def test_an_endpoint_that_somebody_else_just_made_is_used(bench: AzureMLEndpointsBench) -> None:
    bench.fake.wire.fail("POST", "/services$", 409, after=True)
    deploy(bench, FIRST, "1")
    assert healthy(bench, FIRST).version == "1"


def test_a_version_waits_for_its_endpoint_without_using_up_a_try(bench: AzureMLEndpointsBench) -> None:
    bench.fake.services.starting = 2
    with pytest.raises(CapacityRefused, match="Transitioning") as refused:
        deploy(bench, FIRST, "1")
    assert refused.value.after_seconds > 0
    deploy(bench, FIRST, "1")
    assert [d.state for d in look(bench).deployments] == ["starting"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/services/pulse$"), ("PATCH", "/services/pulse$")])
def test_a_throttled_change_waits_as_long_as_it_is_told(bench: AzureMLEndpointsBench, method: str, path: str) -> None:
    serve_first(bench)
    bench.fake.wire.fail(method, path, 429, headers={"Retry-After": "17"}, times=9)
    with pytest.raises(CapacityRefused) as refused:
        bench.endpoints.set_traffic("pulse", {}, expected={FIRST: 100})
    assert refused.value.after_seconds == 17


def test_a_token_that_expired_is_fetched_once_more_for_an_endpoint(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    bench.fake.wire.fail("GET", "/services/pulse$", 401)
    assert look(bench).split == {FIRST: 100}


def test_a_seventh_version_is_refused_before_anything_is_sent(bench: AzureMLEndpointsBench) -> None:
    deploy(bench, FIRST, "1")
    versions = bench.fake.services.found["pulse"]["versions"]
    for number in range(2, 6):
        versions[f"pulse-000{number}"] = versions[FIRST]
    with pytest.raises(AzureMLRefused, match="has 6 versions"):
        deploy(bench, "pulse-0009", "2")


def test_a_name_that_serves_another_version_is_taken(bench: AzureMLEndpointsBench) -> None:
    deploy(bench, FIRST, "1")
    with pytest.raises(NameTaken, match="serves version 1, and not 2"):
        deploy(bench, FIRST, "2")


def test_a_key_that_was_changed_is_asked_for_again(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    bench.endpoints.score("pulse", bench.body)
    bench.fake.services.keys["pulse"] = "changed"
    assert bench.endpoints.score("pulse", bench.body).status == 200


def test_a_refused_key_is_an_answer(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    bench.fake.wire.fail("POST", "/score$", 401, times=9)
    assert bench.endpoints.score("pulse", bench.body).status == 401


def test_a_version_that_serves_and_does_not_answer_has_failed(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    said = bench.fake.services.serving
    said.state = lambda service, version: ("Unhealthy", "liveness probe failed")  # type: ignore[method-assign]
    assert [(d.state, d.reason) for d in look(bench).deployments] == [("failed", "liveness probe failed")]


def test_a_tag_does_not_say_which_version_serves_if_the_model_says_otherwise(bench: AzureMLEndpointsBench) -> None:
    serve_first(bench)
    bench.fake.services.found["pulse"]["versions"][FIRST]["kvTags"]["baton.version"] = "2"
    with pytest.raises(AzureMLRefused, match="holds version 1, and its tag says 2"):
        look(bench)


def test_a_service_without_versions_is_the_champion_and_no_roll_out_begins_on_it(bench: AzureMLEndpointsBench) -> None:
    model = bench.fake.models.found["pulse:1"]
    bench.fake.services.found["pulse"] = single("ACI", [model], bench.fake.wire.url)
    assert [(d.version, d.share) for d in look(bench).deployments] == [("1", 100)]
    with pytest.raises(AzureMLRefused, match="needs an AKS endpoint"):
        deploy(bench, SECOND, "2")


def single(kind: str, models: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """A web service of one version, as somebody made it before Baton came."""
    own = {"name": "pulse", "computeType": kind, "state": "Healthy", "models": models, "kvTags": {}, "properties": {}}
    when = {"createdTime": "2026-01-01T00:00:00Z", "updatedTime": "2026-01-01T00:00:00Z", "description": ""}
    return {**REPLICA, **own, **when, "scoringUri": f"{url}/api/v1/service/pulse/score", "authEnabled": True}


@pytest.mark.parametrize("model", ["ab", "a" * 20])
def test_the_shortest_and_the_longest_name_are_allowed(bench: AzureMLEndpointsBench, model: str) -> None:
    bench.fake.models.register(model, "ExperimentRun/dcid.r/outputs/model")
    bench.endpoints.deploy(DeployRequest(model, f"{model}-0001", "1", "f" * 16))
    seen = bench.endpoints.look(model)
    assert seen is not None
    assert [d.name for d in seen.deployments] == [f"{model}-0001"]


def test_requests_are_counted_by_application_insights(fake: FakeAzureML) -> None:
    """Its answer's form: learn.microsoft.com/rest/api/application-insights/query/execute."""
    asked: list[Asked] = []

    def query(one: Asked) -> Answer:
        asked.append(one)
        kinds = {"deployment": "string", "requests": "long", "errors": "long"}
        columns = [{"name": name, "type": kind} for name, kind in kinds.items()]
        table = {"name": "PrimaryResult", "columns": columns, "rows": [[FIRST, 40, 1], [SECOND, 4, 0]]}
        return Answer(document={"tables": [table]})

    fake.wire.route("POST", "/v1/apps/a-1/query", query)
    counts = Counts("a-1", fake.token)
    assert counts("pulse") == counts("pulse") == {FIRST: (40, 1), SECOND: (4, 0)}
    assert [one.host for one in asked] == ["api.applicationinsights.io"]
    assert 'startswith "baton-scored pulse "' in asked[0].body["query"]


def test_counts_that_cannot_be_read_are_told_and_never_zero(fake: FakeAzureML) -> None:
    fake.wire.fail("POST", "/v1/apps/", 403)
    with pytest.raises(AzureMLRefused, match="403"):
        Counts("a-1", fake.token)("pulse")


def test_an_upload_needs_tls_to_the_account(bench: AzureMLEndpointsBench) -> None:
    """That the SDK forces https on uploads is why the fake speaks TLS: it got the entry script that way."""
    deploy(bench, FIRST, "1")
    assert any(path.endswith(".tar.gz") for path in bench.fake.services.uploads)
    assert requests.get(f"{bench.fake.wire.url}/discovery", timeout=5).status_code == 200
