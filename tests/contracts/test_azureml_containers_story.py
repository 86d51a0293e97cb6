"""The main job on container instances: live, replaced in one step, rolled back; and what a plan with shares comes to there.

The endpoints are azureml-core's against the wire; runs and registry are scripted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.contracts.story import Story, StoryContract
from tests.contracts.test_azureml_containers import ContainersBench
from tests.contracts.test_azureml_endpoints import fake
from tests.wire.azureml import FakeAzureML

__all__ = ["fake"]


class ContainersStory(Story):
    def __init__(self, fake: FakeAzureML, home: Path, *, steps: str) -> None:
        self.fake = fake
        super().__init__(home, {"endpoints": ContainersBench(fake, "m").endpoints}, steps=steps)

    @property
    def traffic(self) -> Mapping[str, int]:
        return {str(self.fake.services.found["m-endpoint"]["kvTags"]["baton.serves"]): 100}


class TestContainersStory(StoryContract):
    @pytest.fixture
    def story(self, fake: FakeAzureML, tmp_path: Path) -> ContainersStory:
        return ContainersStory(fake, tmp_path / "home", steps="[100]")


def test_a_plan_with_shares_that_was_published_before_leaves_the_traffic_where_it_is(
    fake: FakeAzureML, tmp_path: Path
) -> None:
    """The first release has nobody to share with, so it goes live; the second one ends with what to write."""
    story = ContainersStory(fake, tmp_path / "home", steps="[10, 100]")
    assert story.goes("rows", "live") == "m-0001"

    story.better()
    second = story.goes("more rows", "rolled back")
    assert "all traffic to one version" in story.world.release(second).why
    assert story.traffic == {"m-0001": 100}
