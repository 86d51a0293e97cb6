"""Model monitors through azure-ai-ml against a server that speaks Azure ML's wire: one for each model, following what serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.errors import CapacityRefused, Permanent
from shared.monitoring.breach import read_breach
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_v2_endpoints import AzureMLV2Endpoints
from shared.platforms.following import Following, Monitoring
from shared.platforms.port import DeployRequest
from tests.contracts.test_azureml_v2_endpoints import publish
from tests.wire.azureml import SCOPE
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_models import WHERE

NAME = "baton-pulse"
ASKED = Monitoring(("data", "prediction"), "0 6 * * *", "Europe/Berlin", 0.2, "Regression")
PUT = f"/schedules/{NAME}$"


class Bench:
    def __init__(self, fake: FakeAzureMLV2) -> None:
        self.fake = fake
        fake.operation_seconds = 0.0
        self.endpoints = AzureMLV2Endpoints(fake.service(), publish, pause=lambda _seconds: None)

    def deploy(self, name: str, *, collect: bool = True) -> None:
        uri = f"azureml://{WHERE}/datastores/workspaceblobstore/paths/m"
        version = self.fake.models.register("pulse", uri)
        self.endpoints.deploy(DeployRequest("pulse", name, version, "", collect))

    def watch(self, name: str, asked: Monitoring = ASKED) -> None:
        self.endpoints.follow("pulse", Following(name, "1", "", asked))

    @property
    def schedules(self) -> list[str]:
        return sorted(self.fake.schedules.found)


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2) -> Bench:
    made = Bench(azureml_v2)
    made.deploy("pulse-0001")
    return made


def test_a_monitor_watches_the_deployment_with_signals_that_baton_reads_as_drift_of_the_model(bench: Bench) -> None:
    bench.watch("pulse-0001")
    assert bench.schedules == [NAME]
    assert bench.fake.schedules.deployment(NAME) == "pulse-0001"
    signals = bench.fake.schedules.signals(NAME)
    assert {name: one["signalType"] for name, one in signals.items()} == {
        "pulse_data_drift": "DataDrift",
        "pulse_prediction_drift": "PredictionDrift",
    }
    for name, kind in (("pulse_data_drift", "data"), ("pulse_prediction_drift", "prediction")):
        said = f"The signal '{name}' has failed due to one or more features violating metric thresholds."
        breach = read_breach(said)
        assert breach
        assert (breach.model, breach.kind) == ("pulse", kind)
        limits = {one["metric"].lower(): one["threshold"]["value"] for one in signals[name]["metricThresholds"]}
        assert limits == {"normalizedwassersteindistance": 0.2, "jensenshannondistance": 0.2}
    trigger = bench.fake.schedules.found[NAME]["properties"]["trigger"]
    assert (trigger["expression"], trigger["timeZone"]) == ("0 6 * * *", "Europe/Berlin")
    production = signals["pulse_data_drift"]["productionData"]
    endpoint = next(iter(bench.fake.endpoints.endpoints))
    assert production["uri"] == f"{SCOPE}/data/{endpoint}-pulse-0001-model_inputs/versions/1"


def test_watching_again_changes_nothing(bench: Bench) -> None:
    for _ in range(3):
        bench.watch("pulse-0001")
    assert bench.fake.schedules.puts == 1


def test_the_monitor_follows_the_deployment_that_serves_and_back(bench: Bench) -> None:
    bench.deploy("pulse-0002")
    for name in ("pulse-0001", "pulse-0002", "pulse-0001"):
        bench.watch(name)
        assert bench.fake.schedules.deployment(NAME) == name
    assert bench.schedules == [NAME]


def test_other_rules_change_the_monitor(bench: Bench) -> None:
    bench.watch("pulse-0001")
    bench.watch("pulse-0001", replace(ASKED, signals=("data",), threshold=0.3))
    assert list(bench.fake.schedules.signals(NAME)) == ["pulse_data_drift"]


def test_who_asks_for_no_signal_has_no_monitor_however_often(bench: Bench) -> None:
    bench.watch("pulse-0001", Monitoring())
    bench.watch("pulse-0001")
    for _ in range(2):
        bench.watch("pulse-0001", Monitoring())
        assert bench.schedules == []


def test_a_caller_that_died_between_disabling_and_deleting_is_finished(bench: Bench) -> None:
    bench.watch("pulse-0001")
    bench.fake.wire.fail("DELETE", PUT, 503)
    with pytest.raises(Exception, match="delete monitor"):
        bench.watch("pulse-0001", Monitoring())
    assert bench.fake.schedules.found[NAME]["properties"]["isEnabled"] is False
    bench.watch("pulse-0001", Monitoring())
    assert bench.schedules == []


def test_a_monitor_that_a_caller_disabled_before_it_died_watches_again_once_it_is_asked_for(bench: Bench) -> None:
    bench.watch("pulse-0001")
    bench.fake.wire.fail("DELETE", PUT, 503)
    with pytest.raises(Exception, match="delete monitor"):
        bench.watch("pulse-0001", Monitoring())
    bench.watch("pulse-0001")
    assert bench.fake.schedules.found[NAME]["properties"]["isEnabled"] is True


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting"])
def test_a_monitor_that_is_not_made_yet_is_looked_at_again_until_it_is(bench: Bench, state: str) -> None:
    bench.watch("pulse-0001")
    properties = bench.fake.schedules.found[NAME]["properties"]
    properties["provisioningState"] = state
    with pytest.raises(CapacityRefused, match=f"monitor {NAME} is {state}"):
        bench.watch("pulse-0001")
    properties["provisioningState"] = "Succeeded"
    bench.watch("pulse-0001")
    assert bench.fake.schedules.puts == 1


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_monitor_that_failed_is_told_and_made_anew(bench: Bench, state: str) -> None:
    bench.fake.schedules.ends = state
    with pytest.raises(AzureMLRefused, match=f"monitor {NAME} is {state}"):
        bench.watch("pulse-0001")
    bench.fake.schedules.ends = "Succeeded"
    bench.watch("pulse-0001")
    assert bench.fake.schedules.puts == 2


def test_a_monitor_whose_answer_was_lost_or_that_does_not_show_yet_is_not_doubled(bench: Bench) -> None:
    bench.fake.wire.fail("PUT", PUT, 500, after=True)
    with pytest.raises(Exception, match="make monitor"):
        bench.watch("pulse-0001")
    bench.fake.lag = 1
    bench.fake.hide(f"schedules/{NAME}")
    bench.watch("pulse-0001")
    bench.watch("pulse-0001")
    assert (bench.schedules, bench.fake.schedules.puts) == ([NAME], 2)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_throttled_monitor_says_how_long_to_wait(bench: Bench, method: str) -> None:
    bench.fake.wire.fail(method, PUT, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        bench.watch("pulse-0001")
    assert refused.value.after_seconds == 7
    bench.watch("pulse-0001")
    assert bench.fake.schedules.puts == 1


def test_a_schedule_of_somebody_elses_with_the_name_is_left_alone(bench: Bench) -> None:
    bench.watch("pulse-0001")
    bench.fake.schedules.found[NAME]["properties"]["tags"] = {"who": "a person"}
    with pytest.raises(AzureMLRefused, match="Baton did not make it") as refused:
        bench.watch("pulse-0001")
    where = f"{NAME} --resource-group rg-1 --workspace-name ws-1"
    assert f"`az ml schedule delete --name {where}`" in str(refused.value.next)
    bench.watch("pulse-0001", Monitoring())
    assert bench.schedules == [NAME]


def test_a_deployment_that_collects_nothing_cannot_be_watched(bench: Bench) -> None:
    bench.deploy("pulse-0002", collect=False)
    with pytest.raises(Permanent, match="data collect"):
        bench.watch("pulse-0002")
    assert bench.schedules == []
