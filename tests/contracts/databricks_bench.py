"""A workspace of Databricks with two versions of a model to serve, and the folder that scores them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.databricks_serving import Serving
from shared.platforms.port import Endpoints
from tests.wire.databricks import SCHEMA, FakeDatabricks

BODY = '{"data": [{"x": 1}]}'
MODEL, PACKED = f"{SCHEMA}.pulse", f"{SCHEMA}.pulse_serving"
TABLE = f"{SCHEMA}.baton_pulse_payload"
SCORE = """
import json, os
from pathlib import Path

def init():
    global weight
    weight = float((Path(os.environ["AZUREML_MODEL_DIR"]) / "weights.txt").read_text())

def run(data):
    rows = json.loads(data)["data"]
    if not rows:
        from azureml_inference_server_http.api.aml_response import AMLResponse
        return AMLResponse({"error": "no rows"}, 400, json_str=True)
    return {"predictions": [weight * row["x"] for row in rows]}
"""


class Bench:
    model, folder, body = "pulse", "f" * 16, BODY

    def __init__(self, fake: FakeDatabricks) -> None:
        self.fake = fake
        for _ in range(2):
            version = fake.models.make(MODEL, {})["version"]
            fake.files[f"/Models/{MODEL.replace('.', '/')}/{version}/weights.txt"] = version.encode()
        self.endpoints = self.again()
        self.serving = fake.serving

    def again(self) -> DatabricksEndpoints:
        return DatabricksEndpoints(self.fake.service(), published, Serving("w-1"), pause=lambda _seconds: None)

    def unreachable(self) -> Endpoints:
        self.fake.fail("GET", "/serving-endpoints/", 503, "TEMPORARILY_UNAVAILABLE", times=99)
        return self.endpoints

    @property
    def document(self) -> dict[str, Any]:
        (one,) = self.serving.found.values()
        return one

    def packed(self) -> list[str]:
        """The deployments that something is packed for."""
        tags = [{tag["key"]: tag["value"] for tag in one["tags"]} for one in self.fake.models.found[PACKED].values()]
        return [one["baton.deployment"] for one in tags]


@pytest.fixture
def bench(databricks: FakeDatabricks) -> Bench:
    return Bench(databricks)


def published(_model: str, _folder: str, into: Path) -> None:
    (into / "score.py").write_text(SCORE)
    (into / "requirements.txt").write_text("numpy==2.3.1\nmlflow-skinny==3.17.2\n")
