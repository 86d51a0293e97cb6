"""azureml-core itself, against a server that speaks Azure ML's wire: endpoints on container instances, and their traps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared.errors import CapacityRefused, Permanent, PlatformBusy, TrafficMoved
from shared.platforms.azureml_containers import AzureMLContainers
from shared.platforms.azureml_endpoints import Counts, Folders
from shared.platforms.azureml_errors import AzureMLRefused, NameTaken, NotThere
from shared.platforms.azureml_service import Service
from shared.platforms.port import DeployRequest
from tests.contracts.test_azureml_endpoints import BODY, ServicesBench, fake
from tests.contracts.test_azureml_serving_traps import single
from tests.contracts.test_endpoints_contract import (
    FIRST,
    SECOND,
    EndpointsBench,
    EndpointsContract,
    deploy,
    healthy,
    look,
    serve_first,
)
from tests.wire.azureml import PATIENCE, FakeAzureML

__all__ = ["fake"]


class ContainersBench(ServicesBench[AzureMLContainers]):
    def adapter(self, folders: Folders, counts: Counts) -> AzureMLContainers:
        return AzureMLContainers(Service(self.fake.connect, seconds=PATIENCE), folders, counts=counts)

    @property
    def front(self) -> dict[str, Any]:
        return self.fake.services.found["pulse"]

    def switch(self, name: str, *, before: str = "") -> None:
        self.endpoints.set_traffic("pulse", {name: 100}, expected={before: 100} if before else {})

    def both(self) -> None:
        """Version 1 serves, version 2 is there."""
        serve_first(self)
        deploy(self, SECOND, "2")
        healthy(self, SECOND)


@pytest.fixture
def bench(fake: FakeAzureML) -> ContainersBench:
    return ContainersBench(fake)


class TestAzureMLContainers(EndpointsContract):
    @pytest.fixture
    def bench(self, fake: FakeAzureML) -> ContainersBench:
        return ContainersBench(fake)

    def test_the_split_is_what_was_set(self, bench: EndpointsBench) -> None:
        """The one promise of the port that cannot be kept here: traffic is not divided, and that is said."""
        serve_first(bench)
        deploy(bench, SECOND, "2")
        healthy(bench, SECOND)
        with pytest.raises(Permanent, match=r"all traffic to one version\. Next: write `rollout: \{steps: \[100\]\}`"):
            bench.endpoints.set_traffic(bench.model, {FIRST: 90, SECOND: 10}, expected={FIRST: 100})
        assert look(bench).split == {FIRST: 100}


def test_people_keep_their_address_and_key_when_another_version_serves(bench: ContainersBench) -> None:
    bench.both()
    before = (bench.front["scoringUri"], bench.fake.services.keys["pulse"])
    bench.switch(SECOND, before=FIRST)
    assert (bench.front["scoringUri"], bench.fake.services.keys["pulse"]) == before
    assert bench.endpoints.score("pulse", BODY).version == "2"
    bench.switch(FIRST, before=SECOND)
    assert bench.endpoints.score("pulse", BODY).version == "1"


def test_image_and_tags_change_in_one_request(bench: ContainersBench) -> None:
    serve_first(bench)
    [changes] = bench.fake.services.patches
    assert {change["path"] for change in changes if ".git." not in change["path"]} == {
        "/environmentImageRequest",
        "/kvTags",
    }
    assert (bench.front["kvTags"]["baton.serves"], bench.front["kvTags"]["baton.version"]) == (FIRST, "1")


def test_a_service_is_never_open_to_everybody_and_is_large_enough(bench: ContainersBench) -> None:
    """The SDK's own would have no key, a tenth of a core, and half a gigabyte."""
    deploy(bench, FIRST, "1")
    for service in bench.fake.services.found.values():
        assert (service["computeType"], service["authEnabled"], service["appInsightsEnabled"]) == ("ACI", True, True)
        assert service["containerResourceRequirements"] == {"cpu": 1.0, "memoryInGB": 2.0}


def test_a_list_that_lags_does_not_hide_what_serves(bench: ContainersBench) -> None:
    bench.both()
    bench.fake.services.unlisted = {FIRST, SECOND}
    assert look(bench).split == {FIRST: 100}
    assert [d.version for d in look(bench).deployments] == ["1"]


def test_all_pages_of_the_list_are_read(bench: ContainersBench) -> None:
    """The last one says `nextLink: null`, which the SDK's own list would ask for."""
    bench.both()
    bench.fake.services.page_size = 1
    assert sorted(d.name for d in look(bench).deployments) == [FIRST, SECOND]


def test_a_container_that_still_answers_as_the_one_before_is_waited_for(bench: ContainersBench) -> None:
    """The service's document says healthy, and has the new tags."""
    bench.both()
    bench.fake.services.late = 1
    with pytest.raises(CapacityRefused, match=f"still answers as {FIRST}") as refused:
        bench.switch(SECOND, before=FIRST)
    assert refused.value.after_seconds > 0
    bench.switch(SECOND, before=FIRST)
    assert len(bench.fake.services.patches) == 2, "the second call found what the first one began"


def test_a_service_that_has_no_address_for_a_while_is_waited_for(bench: ContainersBench) -> None:
    """Seen while a service is updated: github.com/MicrosoftDocs/azure-docs/issues/16841."""
    bench.both()
    bench.fake.services.without_address = 2
    with pytest.raises(CapacityRefused, match="being updated"):
        bench.switch(SECOND, before=FIRST)
    bench.switch(SECOND, before=FIRST)
    assert bench.endpoints.score("pulse", BODY).version == "2"


def test_an_update_takes_its_time_and_no_try(bench: ContainersBench) -> None:
    bench.both()
    bench.fake.services.starting = 4
    for _ in range(2):
        with pytest.raises(CapacityRefused, match="is Transitioning"):
            bench.switch(SECOND, before=FIRST)
    bench.switch(SECOND, before=FIRST)
    assert look(bench).split == {SECOND: 100}


def test_nothing_is_changed_while_an_update_goes_on(bench: ContainersBench) -> None:
    bench.both()
    bench.fake.services.starting = 9
    with pytest.raises(CapacityRefused):
        bench.switch(SECOND, before=FIRST)
    with pytest.raises(CapacityRefused, match="still being made or updated"):
        bench.switch(FIRST, before=SECOND)
    assert bench.front["kvTags"]["baton.serves"] == SECOND


def test_an_update_whose_answer_was_lost_is_found(bench: ContainersBench) -> None:
    bench.both()
    bench.fake.wire.fail("PATCH", "/services/pulse$", 500, after=True)
    with pytest.raises(PlatformBusy):
        bench.switch(SECOND, before=FIRST)
    bench.switch(SECOND, before=FIRST)
    assert len(bench.fake.services.patches) == 2
    assert look(bench).split == {SECOND: 100}


def test_an_update_that_failed_is_told_and_the_way_back_is_open(bench: ContainersBench) -> None:
    bench.both()
    said = bench.fake.services.serving
    state = said.state

    def fails(service: str, version: Mapping[str, Any]) -> tuple[str, str]:
        tags = version["kvTags"]
        is_second = (service, tags.get("baton.serves")) == ("pulse", SECOND)
        return ("Failed", "the image was not pulled") if is_second else state(service, version)

    said.state = fails  # type: ignore[method-assign]
    with pytest.raises(AzureMLRefused, match=f"could not be updated to serve {SECOND}: the image was not pulled"):
        bench.switch(SECOND, before=FIRST)
    assert [(d.state, d.reason) for d in look(bench).deployments if d.share] == [("failed", "the image was not pulled")]
    bench.switch(FIRST, before=SECOND)
    assert [(d.name, d.state) for d in look(bench).deployments if d.share] == [(FIRST, "healthy")]


def test_asking_who_answers_counts_nothing(bench: ContainersBench) -> None:
    serve_first(bench)
    assert [d.requests for d in look(bench).deployments] == [0]


def test_removing_does_not_wait_until_it_is_done(bench: ContainersBench) -> None:
    """The SDK's own `delete` asks for the operation until it ends, however long that takes."""
    bench.both()
    bench.endpoints.remove("pulse", SECOND)
    assert bench.fake.wire.count("DELETE", f"/services/{SECOND}$") == 1
    assert bench.fake.wire.count("GET", "/operations/") == 0


def test_a_deployment_that_is_gone_gets_no_traffic(bench: ContainersBench) -> None:
    bench.both()
    bench.endpoints.remove("pulse", SECOND)
    with pytest.raises(NotThere, match=f"no deployment {SECOND}"):
        bench.switch(SECOND, before=FIRST)
    assert look(bench).split == {FIRST: 100}


def test_what_serves_stays_to_be_seen_when_its_own_service_was_deleted(bench: ContainersBench) -> None:
    serve_first(bench)
    del bench.fake.services.found[FIRST]
    assert look(bench).split == {FIRST: 100}
    assert bench.endpoints.score("pulse", BODY).version == "1"


def test_a_service_whose_answer_was_lost_or_that_somebody_just_made_is_found(bench: ContainersBench) -> None:
    bench.fake.wire.fail("POST", "/services$", 500, after=True)
    with pytest.raises(PlatformBusy):
        deploy(bench, FIRST, "1")
    bench.fake.wire.fail("POST", "/services$", 409, after=True)
    deploy(bench, FIRST, "1")
    assert bench.fake.services.made == ["pulse", FIRST]
    assert healthy(bench, FIRST).version == "1"


def test_a_name_that_serves_another_version_is_taken(bench: ContainersBench) -> None:
    deploy(bench, FIRST, "1")
    with pytest.raises(NameTaken, match="serves version 1, and not 2"):
        deploy(bench, FIRST, "2")


def test_a_model_that_is_called_like_a_deployment_of_another_one_stops_it(bench: ContainersBench) -> None:
    """Names are those of the whole workspace, and pulse-0001 is a model's name too."""
    bench.fake.models.register(FIRST, "ExperimentRun/dcid.r/outputs/model")
    bench.endpoints.deploy(DeployRequest(FIRST, f"{FIRST}-0001", "1", "f" * 16))
    with pytest.raises(AzureMLRefused, match=f"{FIRST} is no deployment of pulse"):
        deploy(bench, FIRST, "1")
    with pytest.raises(AzureMLRefused, match=f"{FIRST} is no deployment of pulse"):
        bench.endpoints.remove("pulse", FIRST)
    assert FIRST in bench.fake.services.found


def test_a_service_that_was_there_before_is_the_champion_and_is_never_touched(bench: ContainersBench) -> None:
    model = bench.fake.models.found["pulse:1"]
    bench.fake.services.found["pulse"] = single("ACI", [model], bench.fake.wire.url)
    assert [(d.version, d.share) for d in look(bench).deployments] == [("1", 100)]
    for change in (lambda: deploy(bench, SECOND, "2"), lambda: bench.switch(SECOND, before="pulse")):
        with pytest.raises(AzureMLRefused, match="was not made by Baton"):
            change()
    with pytest.raises(TrafficMoved):
        bench.endpoints.remove("pulse", "pulse")
    assert (bench.fake.services.made, bench.fake.services.patches) == ([], [])


def test_a_tag_does_not_say_which_version_serves_if_the_model_says_otherwise(bench: ContainersBench) -> None:
    serve_first(bench)
    bench.front["kvTags"]["baton.version"] = "2"
    with pytest.raises(AzureMLRefused, match="holds version 1, and its tag says 2"):
        look(bench)


@pytest.mark.parametrize("model", ["ab", "a" * 20])
def test_the_shortest_and_the_longest_name_are_allowed(bench: ContainersBench, model: str) -> None:
    bench.fake.models.register(model, "ExperimentRun/dcid.r/outputs/model")
    bench.endpoints.deploy(DeployRequest(model, f"{model}-0001", "1", "f" * 16))
    seen = bench.endpoints.look(model)
    assert seen is not None
    assert [d.name for d in seen.deployments] == [f"{model}-0001"]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_throttled_change_waits_as_long_as_it_is_told(bench: ContainersBench, method: str) -> None:
    bench.both()
    bench.fake.wire.fail(method, "/services/pulse$", 429, headers={"Retry-After": "17"}, times=9)
    with pytest.raises(CapacityRefused) as refused:
        bench.switch(SECOND, before=FIRST)
    assert refused.value.after_seconds == 17
