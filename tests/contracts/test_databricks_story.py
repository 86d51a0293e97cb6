"""The main job on Databricks, of which Event Grid has no events: each run's end is found by asking.

The whole chain runs as it does in unit tests, in memory; run, registry and endpoint are databricks-sdk against the wire.
What a run on the compute would find out is scripted, its files are not. No event of a run or a version ever arrives.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from shared import events
from shared.platforms.azureml_run import Job
from shared.platforms.databricks import DatabricksTrainer
from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.databricks_registry import DatabricksRegistry
from shared.platforms.databricks_serving import Serving
from shared.platforms.port import RunRequest
from shared.runs.model_files import model_files
from tests.contracts.databricks_bench import published
from tests.wire.databricks import SCHEMA, FakeDatabricks
from tests.world import CERTIFIED, TRAINED, World, evidence

MODEL = {"weights.txt": b"1"}
TABLE = f"{SCHEMA}.baton_m_payload"


class Silent(DatabricksTrainer):
    """The trainer; `started` is what the world announces ends of, so there is nothing in it."""

    started: tuple[RunRequest, ...] = ()


def sha256() -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in MODEL.items():
            (Path(folder) / name).write_bytes(content)
        return model_files(Path(folder)).sha256


class Story:
    """A world whose platform is Databricks; `results` is what a run of each step finds out."""

    def __init__(self, fake: FakeDatabricks, source: Path, home: Path) -> None:
        self.fake = fake
        self.results: dict[str, Mapping[str, object]] = {
            "train": TRAINED.result,
            "judge": evidence(3000.0).result,
            "certify": {**CERTIFIED.result, "model_sha256": sha256()},
        }
        self.world = World(home)
        job = Job("", lambda: source)
        self.world.trainer = Silent(fake.service(), job, pause=lambda _seconds: None)  # type: ignore[assignment]
        self.world.registry = DatabricksRegistry(fake.service(), pause=lambda _seconds: None)  # type: ignore[assignment]
        serving = DatabricksEndpoints(fake.service(), published, Serving("w-1"), pause=lambda _seconds: None)
        self.world.endpoints = serving  # type: ignore[assignment]
        self.world.restart()
        self.world.publish()
        self.world.settle()

    def goes_live(self, content: str) -> str:
        """Drop, let it go until a person is asked, approve, and roll out; returns the release."""
        self.world.drop(content)
        self.until(lambda: bool(self.world.head().shipping))
        release = self.world.head().shipping
        self.world.decide(release)
        self.until(lambda: self.world.release(release).state == "live")
        return release

    def until(self, true: Callable[[], bool]) -> None:
        """Let time pass. In each half minute the runs that go come to their end, and clients ask what serves."""
        for _ in range(40):
            if true():
                return
            self.world.wait(timedelta(seconds=30))
            for run in [one for one in self.fake.runs.values() if one["state"]["life_cycle_state"] == "RUNNING"]:
                self._end(run["run_name"])
            self._be_asked()
        raise AssertionError(self.world.states())

    def _end(self, run_id: str) -> None:
        step = self.fake.requests[run_id]["step"]
        made = {f"model/{name}": content for name, content in MODEL.items()} if step == "train" else {}
        self.fake.finish(run_id, files={**made, "result.json": json.dumps(self.results[step]).encode()})

    def _be_asked(self) -> None:
        """Each deployment with traffic has answered ten requests more, as its inference table holds them."""
        for name in self.traffic:
            answer = {"predictions": [{"status": 200, "body": "{}", "version": "", "deployment": name}]}
            row = {"served_entity_id": f"id-{name}", "status_code": 200, "response": answer}
            self.fake.serving.tables.setdefault(TABLE, []).extend([row] * 10)

    @property
    def traffic(self) -> Mapping[str, int]:
        """As the service has it."""
        config = [one.get("config", {}) for one in self.fake.serving.found.values()]
        routes = [route for one in config for route in one.get("traffic_config", {}).get("routes", ())]
        shares = {str(route["served_model_name"]): int(route["traffic_percentage"]) for route in routes}
        return {name: share for name, share in shares.items() if share and name != "closed"}


def test_a_release_goes_live_and_is_replaced_and_rolled_back_without_one_event_of_the_platform(
    databricks: FakeDatabricks, source: Path, tmp_path: Path
) -> None:
    story = Story(databricks, source, tmp_path / "home")
    assert story.goes_live("rows") == "m-0001"
    assert databricks.begun == ["m-0001-t-1", "m-0001-j-1", "m-0001-c-1"]
    assert story.traffic == {"m-0001": 100}
    assert databricks.models.aliases[f"{SCHEMA}.m"] == {"champion": 1}

    story.results["judge"] = evidence(2500.0, 3000.0).result
    assert story.goes_live("more rows") == "m-0002"
    assert story.traffic == {"m-0002": 100}
    assert story.world.states() == {"m-0001": "replaced", "m-0002": "live"}

    story.world.ask(events.RollbackRequested)
    story.until(lambda: story.traffic == {"m-0001": 100})
    assert story.world.trainer.started == ()
