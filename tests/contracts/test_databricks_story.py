"""The main job on Databricks, of which Event Grid has no events: each run's end is found by asking.

Run, registry and endpoint are databricks-sdk against the wire. What a run on the compute would find out is scripted, its
files are not. No event of a run or a version ever arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.databricks import DatabricksTrainer
from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.databricks_registry import DatabricksRegistry
from shared.platforms.databricks_serving import Serving
from shared.platforms.port import RunRequest
from tests.contracts.databricks_bench import published
from tests.contracts.story import Scripted, Story, StoryContract
from tests.wire.databricks import SCHEMA, FakeDatabricks

TABLE = f"{SCHEMA}.baton_m_payload"


class Silent(DatabricksTrainer):
    """The trainer; `started` is what the world announces ends of, so there is nothing in it."""

    started: tuple[RunRequest, ...] = ()


class DatabricksStory(Story):
    """In each half minute the runs that go come to their end, and clients ask what serves."""

    def __init__(self, fake: FakeDatabricks, source: Path, home: Path) -> None:
        self.fake, self.scripted = fake, Scripted()
        service, named = fake.service(), {"pause": lambda _seconds: None}
        adapters = {
            "trainer": Silent(service, Job("", lambda: source), **named),
            "registry": DatabricksRegistry(service, **named),
            "endpoints": DatabricksEndpoints(service, published, Serving("w-1"), **named),
        }
        super().__init__(home, adapters)

    def better(self) -> None:
        self.scripted.better()

    def meanwhile(self) -> None:
        for run in [one for one in self.fake.runs.values() if one["state"]["life_cycle_state"] == "RUNNING"]:
            run_id = run["run_name"]
            self.fake.finish(run_id, files=self.scripted.files(self.fake.requests[run_id]["step"]))
        self._be_asked()

    def _be_asked(self) -> None:
        """Each deployment with traffic has answered ten requests more, as its inference table holds them."""
        for name in self.traffic:
            answer = {"predictions": [{"status": 200, "body": "{}", "version": "", "deployment": name}]}
            row = {"served_entity_id": f"id-{name}", "status_code": 200, "response": answer}
            self.fake.serving.tables.setdefault(TABLE, []).extend([row] * 10)

    @property
    def traffic(self) -> Mapping[str, int]:
        config = [one.get("config", {}) for one in self.fake.serving.found.values()]
        routes = [route for one in config for route in one.get("traffic_config", {}).get("routes", ())]
        shares = {str(route["served_model_name"]): int(route["traffic_percentage"]) for route in routes}
        return {name: share for name, share in shares.items() if share and name != "closed"}


class TestDatabricksStory(StoryContract):
    @pytest.fixture
    def story(self, databricks: FakeDatabricks, source: Path, tmp_path: Path) -> DatabricksStory:
        return DatabricksStory(databricks, source, tmp_path / "home")

    def test_each_step_is_begun_once_and_the_version_is_named_champion(self, story: DatabricksStory) -> None:
        story.goes("rows", "live")
        assert story.fake.begun == ["m-0001-t-1", "m-0001-j-1", "m-0001-c-1"]
        assert story.fake.models.aliases[f"{SCHEMA}.m"] == {"champion": 1}
