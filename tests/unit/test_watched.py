"""The platform's monitor watches what serves, as the folder of that version asks: after a roll-out, a roll-back, and a crash."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.errors import Permanent
from shared.model_yaml.spec_file import load_spec
from shared.platforms.port import Monitoring
from shared.spec import Monitor
from shared.web import letters
from tests.fakes.platform import FakeEndpoints
from tests.world import World, evidence, spec_text

ASKS = "always\nmonitor: {signals: [data, prediction], at: '30 5 * * *', threshold: 0.2}"
ASKED = Monitoring(("data", "prediction"), "30 5 * * *", "UTC", 0.2, "Regression")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.publish(adopt=ASKS)
    made.settle()
    return made


def test_the_monitor_follows_what_serves_and_goes_back_with_a_roll_back(world: World) -> None:
    world.go_live("rows")
    assert world.endpoints.watched == {"m": ("m-0001", ASKED)}
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert world.endpoints.watched == {"m": ("m-0002", ASKED)}
    world.ask(events.RollbackRequested)
    world.wait(timedelta(minutes=5))
    assert world.endpoints.watched == {"m": ("m-0001", ASKED)}


def test_a_folder_that_asks_no_more_has_the_monitor_taken_away_once_its_version_serves(world: World) -> None:
    world.go_live("rows")
    world.publish(alpha=2)
    world.settle()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert world.endpoints.watched == {}


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


def test_a_monitor_that_cannot_be_made_is_set_aside_for_a_person_and_the_version_serves_all_the_same(
    tmp_path: Path,
) -> None:
    class Endpoints(FakeEndpoints):
        def watch(self, model: str, deployment: str, asked: Monitoring) -> None:
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


def test_model_yaml_says_what_is_watched_and_nothing_without_it() -> None:
    assert load_spec(spec_text()).monitor == Monitor()
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
