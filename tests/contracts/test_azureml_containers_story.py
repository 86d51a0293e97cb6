"""The main job on container instances: live, replaced in one step, rolled back; and what a plan with shares comes to there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.platforms.azureml_containers import AzureMLContainers
from shared.platforms.azureml_service import Service
from tests.contracts.test_azureml_endpoints import fake, published
from tests.wire.azureml import PATIENCE, FakeAzureML
from tests.wire.azureml_services import SaidByTheFake
from tests.world import World, evidence

__all__ = ["fake"]


class Story:
    """A world whose endpoints are azureml-core's; runs and registry are scripted."""

    def __init__(self, fake: FakeAzureML, home: Path, *, steps: str) -> None:
        self.fake = fake
        for _ in range(2):
            fake.models.register("m", "ExperimentRun/dcid.r/outputs/model")
        said = fake.services.serving
        assert isinstance(said, SaidByTheFake)
        self.world = World(home)
        endpoints = AzureMLContainers(Service(fake.connect, seconds=PATIENCE), published, counts=said.counts)
        self.world.endpoints = endpoints  # type: ignore[assignment]
        self.world.restart()
        self.world.publish(steps=steps)
        self.world.settle()

    def approved(self, content: str) -> str:
        """Drop, let it go until a person is asked, and approve; returns the release."""
        self.world.drop(content)
        self.until(lambda: bool(self.world.head().shipping))
        release = self.world.head().shipping
        self.world.decide(release)
        return release

    def until(self, true: Callable[[], bool]) -> None:
        for _ in range(20):
            if true():
                return
            self.world.wait(timedelta(seconds=30))
        raise AssertionError(self.world.states())

    @property
    def serves(self) -> str:
        """As the service has it."""
        serves: str = self.fake.services.found["m-endpoint"]["kvTags"]["baton.serves"]
        return serves


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_drop_goes_live_a_better_one_replaces_it_and_it_is_rolled_back(fake: FakeAzureML, home: Path) -> None:
    story = Story(fake, home, steps="[100]")
    first = story.approved("rows")
    story.until(lambda: story.world.release(first).state == "live")
    assert story.serves == "m-0001"

    story.world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    second = story.approved("more rows")
    story.until(lambda: story.world.release(second).state == "live")
    assert (story.serves, story.world.states()) == ("m-0002", {"m-0001": "replaced", "m-0002": "live"})

    story.world.ask(events.RollbackRequested)
    story.until(lambda: story.world.release(second).state == "rolled back")
    assert story.serves == "m-0001"


def test_a_plan_with_shares_that_was_published_before_leaves_the_traffic_where_it_is(
    fake: FakeAzureML, home: Path
) -> None:
    """The first release has nobody to share with, so it goes live; the second one ends with what to write."""
    story = Story(fake, home, steps="[10, 100]")
    first = story.approved("rows")
    story.until(lambda: story.world.release(first).state == "live")

    story.world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    second = story.approved("more rows")
    story.until(lambda: story.world.release(second).state == "rolled back")
    assert "all traffic to one version" in story.world.release(second).why
    assert story.serves == first == "m-0001"
