"""The platform's monitor and batch endpoint follow what serves, as the folder of that version asks: after a roll-out, and a roll-back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.errors import Permanent
from shared.model_yaml.served_spec import BatchScoring
from shared.model_yaml.spec_file import load_spec
from shared.platforms.azureml_containers import AzureMLContainers
from shared.platforms.azureml_endpoints import AzureMLEndpoints
from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.following import Following, Monitoring
from shared.spec import Monitor
from shared.web import letters
from tests.fakes.platform import FakeEndpoints
from tests.world import World, evidence, spec_text

ASKS = """always
monitor: {signals: [data, prediction], at: '30 5 * * *', threshold: 0.2}
batch: {files: 20, compute: nights, instances: 3, max_minutes: 5, bad_files: 2}"""
ASKED = Monitoring(("data", "prediction"), "30 5 * * *", "UTC", 0.2, "Regression")


BATCH = BatchScoring(20, "nights", 3, 5.0, 2)


def followed(world: World) -> tuple[str, str, Monitoring, BatchScoring]:
    """What the platform was last told to have follow, and what."""
    serves = world.endpoints.followed["m"]
    assert serves.folder == world.release(serves.deployment).folder
    return serves.deployment, serves.version, serves.monitoring, serves.batch


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.publish(adopt=ASKS)
    made.settle()
    return made


def test_monitor_and_batch_endpoint_follow_what_serves_and_go_back_with_a_roll_back(world: World) -> None:
    world.go_live("rows")
    assert followed(world) == ("m-0001", "1", ASKED, BATCH)
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert followed(world) == ("m-0002", "2", ASKED, BATCH)
    world.ask(events.RollbackRequested)
    world.wait(timedelta(minutes=5))
    assert followed(world) == ("m-0001", "1", ASKED, BATCH)


def test_a_folder_that_asks_no_more_has_both_taken_away_once_its_version_serves(world: World) -> None:
    world.go_live("rows")
    world.publish(alpha=2)
    world.settle()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert world.endpoints.followed == {}


def test_a_version_whose_answers_a_monitor_wants_is_deployed_so_that_they_are_kept(world: World) -> None:
    kept: list[bool] = []
    deploy = FakeEndpoints.deploy

    class Endpoints(FakeEndpoints):
        def deploy(self, request: object) -> None:
            kept.append(request.collect)  # type: ignore[attr-defined]
            deploy(self, request)  # type: ignore[arg-type]

    world.endpoints = Endpoints()
    world.restart()
    world.go_live("rows")
    assert set(kept) == {True}


def test_what_cannot_follow_is_set_aside_for_a_person_and_the_version_serves_all_the_same(
    tmp_path: Path,
) -> None:
    class Endpoints(FakeEndpoints):
        def follow(self, model: str, serves: Following) -> None:
            raise Permanent("no monitors here", next="take monitor out of model.yaml")

    world = World(tmp_path, endpoints=Endpoints())
    world.publish(adopt=ASKS)
    world.settle()
    world.go_live("rows")
    world.wait(timedelta(minutes=30))
    assert world.release("m-0001").state == "live"
    (letter,) = letters.dead_letters(world.app, "m")
    assert "no monitors here" in letter.why
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert world.states() == {"m-0001": "replaced", "m-0002": "live"}


def test_model_yaml_says_what_follows_and_nothing_without_it() -> None:
    assert (load_spec(spec_text()).monitor, load_spec(spec_text()).batch) == (Monitor(), BatchScoring())
    assert load_spec(spec_text(adopt=ASKS)).batch == BATCH
    assert load_spec(spec_text(adopt=ASKS)).monitor == Monitor(("data", "prediction"), "30 5 * * *", 0.2)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("signals: [data, data]", "data, prediction, or both"),
        ("signals: [quality]", "data, prediction, or both"),
        ("at: daily", "minute, hour, day"),
        ("threshold: 0", "more than 0"),
    ],
)
def test_what_no_monitor_can_do_is_refused(words: str, fault: str) -> None:
    with pytest.raises(Permanent, match=fault):
        load_spec(spec_text(adopt=f"always\nmonitor: {{{words}}}"))


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("files: -1", "0 \\(no batch endpoint\\) to 10000"),
        ("compute: nights", "without files there is no batch endpoint"),
        ("files: 1, compute: 'no name'", "a cluster's name"),
        ("files: 1, instances: 0", "1 to 100"),
        ("files: 1, max_minutes: 0", "more than 0"),
        ("files: 1, bad_files: -2", "or -1"),
    ],
)
def test_what_no_batch_endpoint_can_do_is_refused(words: str, fault: str) -> None:
    with pytest.raises(Permanent, match=fault):
        load_spec(spec_text(adopt=f"always\nbatch: {{{words}}}"))


def test_platforms_without_them_say_which_entries_ask_for_what_they_cannot_keep() -> None:
    asked = (Following("m-0001", "1", "", ASKED, BATCH), Following("m-0001", "1", "", batch=BATCH))
    assert [serves.asks for serves in asked] == ["monitor.signals and batch.files", "batch.files"]
    for serves in asked:
        for endpoints in (AzureMLEndpoints, AzureMLContainers, DatabricksEndpoints):
            with pytest.raises(Permanent, match=f"m asks for {serves.asks}, and Baton makes no"):
                endpoints.follow(object.__new__(endpoints), "m", serves)
