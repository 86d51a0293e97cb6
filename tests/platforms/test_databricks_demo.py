"""The main job on Databricks: the demo's story as far as Databricks has what it tells of, without an event of the platform.

Real are the functions host, Azurite, Event Grid's emulator (for drops), databricks-sdk in the app and in its runs, the identity's
token endpoint, the script that starts a run, MLflow's client under `databricks`, train.py and the evaluation, and the packed pyfuncs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from local.client import Answer
from local.demo.following import MODEL
from tests.platforms.played import PARTS, Consumer, Patient, Played, laptop, model_folder
from tests.wire.databricks import SCHEMA, FakeDatabricks
from tests.wire.databricks_machines import Containers, Runs, identity
from tests.wire.run_processes import end

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]


class DatabricksConsumer(Consumer):
    """Asks the serving endpoint itself."""

    fake: FakeDatabricks

    def score(self, model: str, body: str, *, deployment: str = "") -> Answer:
        with self.fake.wire.lock:
            ((name),) = self.fake.serving.found
            token, _ = self.fake.fetch_for_a_run()
        url = f"{self.fake.wire.url}/serving-endpoints/{name}/invocations"
        asked = {"dataframe_records": [{"body": body}]}
        said = requests.post(url, json=asked, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        (one,) = json.loads(said.text)["predictions"]
        return Answer(int(one["status"]), one["body"], one["version"], one["deployment"])


class OnDatabricks(Played):
    """The story without a version by hand, of which Databricks tells nobody; an alert asks for a retrain."""

    consumer = DatabricksConsumer
    parts: ClassVar[tuple[str, ...]] = tuple(part for part in PARTS if part != "by_hand")
    states: ClassVar[Mapping[str, str]] = {"0001": "replaced", "0002": "rolled back", "0003": "held", "0004": "held"}

    def drift(self) -> None:
        """A job of Databricks' own monitoring asks for a retrain."""
        self.operations.post(f"/api/models/{MODEL}/retrain", {"why": "drift of BMI"})
        release = self.caused_by("request", "held", "failed", "awaiting approval")
        self.tell.step(f"an alert asked for {release['id']}", release["why"])


@pytest.fixture
def fake() -> Iterator[FakeDatabricks]:
    with FakeDatabricks().running() as fake:
        identity(fake)
        yield fake


def settings(fake: FakeDatabricks, home: Path) -> dict[str, str]:
    """The app's settings as the Bicep gives them, with the identity's endpoint."""
    return {
        "BATON_PLATFORM": "databricks", "BATON_DATABRICKS_HOST": fake.wire.url, "BATON_DATABRICKS_SCHEMA": SCHEMA,
        "BATON_DATABRICKS_WAREHOUSE": "0123456789abcdef", "BATON_DATABRICKS_CREDENTIAL": "baton-data",
        "IDENTITY_ENDPOINT": f"{fake.wire.url}/MSI/token", "IDENTITY_HEADER": "known", "HOME": str(home / "home"),
    }  # fmt: skip


def test_the_main_job_runs_on_databricks(fake: FakeDatabricks, tmp_path: Path) -> None:
    home, tell = tmp_path / "baton", Patient(fake.wire)
    runs, containers = Runs(fake, tmp_path / "compute"), Containers(fake, tmp_path / "serving")
    try:
        with laptop(home, tell, settings(fake, home)) as env:
            OnDatabricks(env, home / "files", tell, source=model_folder(tmp_path)).with_workspace(fake).play()
    finally:
        runs.runs.end()  # once nobody asks for them any more
        for process in containers.processes.values():
            end(process)
    versions = sorted(int(version) for version in fake.models.found[f"{SCHEMA}.{MODEL}"])
    assert versions == list(range(1, len(versions) + 1))
    assert len(fake.begun) == len(set(fake.begun))
    assert {run["state"]["result_state"] for run in fake.runs.values()} == {"SUCCESS"}
