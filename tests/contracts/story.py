"""The main job on another platform, told once: a drop goes live, a better one replaces it, and it is rolled back.

The whole chain runs as it does in unit tests, in memory; what is the platform's own is its SDK against the wire. Each platform
tells the story with its own bench.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import events
from shared.runs.model_files import model_files
from tests.world import CERTIFIED, TRAINED, World, evidence

MODEL = {"weights.txt": b"1"}


class Story:
    """A world with these adapters of a platform, to whose model the folder with `rules` is published."""

    def __init__(self, home: Path, adapters: Mapping[str, object], **rules: Any) -> None:
        self.world = World(home)
        for role, adapter in adapters.items():
            setattr(self.world, role, adapter)
        self.world.restart()
        self.world.publish(**rules)
        self.world.settle()

    @property
    def traffic(self) -> Mapping[str, int]:
        """As the service has it."""
        raise NotImplementedError

    def better(self) -> None:
        """From now on judging finds that the candidate is better than what serves."""
        self.world.trainer.script["judge"] = evidence(2500.0, 3000.0)

    def meanwhile(self) -> None:
        """What happens beside Baton in each half minute."""

    def approved(self, content: str) -> str:
        """Drop, let it go until a person is asked, and approve; returns the release."""
        self.world.drop(content)
        self.until(lambda: bool(self.world.head().shipping))
        release = self.world.head().shipping
        self.world.decide(release)
        return release

    def goes(self, content: str, state: str) -> str:
        """As approved, and rolled out until it comes to the state; returns the release."""
        release = self.approved(content)
        self.until(lambda: self.world.release(release).state == state)
        return release

    def until(self, true: Callable[[], bool]) -> None:
        """Let time pass."""
        for _ in range(40):
            if true():
                return
            self.world.wait(timedelta(seconds=30))
            self.meanwhile()
        raise AssertionError(self.world.states())


class Scripted:
    """What a run of each step finds out, for a platform whose runs leave files: those are not scripted."""

    def __init__(self) -> None:
        self._results: dict[str, Mapping[str, object]] = {
            "train": TRAINED.result,
            "judge": evidence(3000.0).result,
            "certify": {**CERTIFIED.result, "model_sha256": _sha256()},
        }

    def better(self) -> None:
        self._results["judge"] = evidence(2500.0, 3000.0).result

    def files(self, step: str) -> dict[str, bytes]:
        """What a run of a step leaves, by the paths in its outputs."""
        made = {f"model/{name}": content for name, content in MODEL.items()} if step == "train" else {}
        return {**made, "result.json": json.dumps(self._results[step]).encode()}


def _sha256() -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in MODEL.items():
            (Path(folder) / name).write_bytes(content)
        return model_files(Path(folder)).sha256


class StoryContract:
    @pytest.fixture
    def story(self) -> Story:
        raise NotImplementedError

    def test_a_drop_goes_live_a_better_one_replaces_it_and_it_is_rolled_back(self, story: Story) -> None:
        assert story.goes("rows", "live") == "m-0001"
        assert story.traffic == {"m-0001": 100}

        story.better()
        assert story.goes("more rows", "live") == "m-0002"
        assert story.traffic == {"m-0002": 100}
        assert story.world.states() == {"m-0001": "replaced", "m-0002": "live"}

        story.world.ask(events.RollbackRequested)
        story.until(lambda: story.world.release("m-0002").state == "rolled back")
        assert story.traffic == {"m-0001": 100}
