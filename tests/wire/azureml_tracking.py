"""MLflow as an Azure ML workspace offers it to its runs: the REST calls that a training script's logging makes.

The run is the workspace's own, under its own id. Source: mlflow 3.17, protos/service.proto and store/tracking/rest_store.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml import FakeAzureML

API = "/api/2.0/mlflow"


class Tracking:
    """Metrics go to the fake's own, by run and name."""

    def __init__(self, fake: FakeAzureML) -> None:
        self._fake = fake
        self.parameters: dict[str, dict[str, str]] = {}
        routes: dict[tuple[str, str], Callable[[Asked], Any]] = {
            ("GET", "runs/get"): self._get,
            ("POST", "runs/update"): lambda asked: {"run_info": self._info(asked.body["run_id"])},
            ("POST", "runs/set-tag"): lambda asked: {},
            ("POST", "runs/log-metric"): lambda asked: self._log(asked.body["run_id"], [asked.body], []),
            ("POST", "runs/log-parameter"): lambda asked: self._log(asked.body["run_id"], [], [asked.body]),
            ("POST", "runs/log-batch"): self._batch,
        }
        for (method, path), answer in routes.items():
            fake.wire.route(method, f"{API}/{path}", lambda asked, said=answer: Answer(document=said(asked)))

    @property
    def url(self) -> str:
        return self._fake.wire.url

    def _get(self, asked: Asked) -> Any:
        run = asked.query.get("run_id") or asked.query["run_uuid"]
        values = self._fake.metrics.get(run, {})
        metrics = [{"key": key, "value": found[-1], "timestamp": 0, "step": 0} for key, found in values.items()]
        parameters = [{"key": key, "value": value} for key, value in self.parameters.get(run, {}).items()]
        return {"run": {"info": self._info(run), "data": {"metrics": metrics, "params": parameters, "tags": []}}}

    def _info(self, run: str) -> dict[str, Any]:
        return {
            "run_id": run, "run_uuid": run, "run_name": run, "experiment_id": "0", "status": "RUNNING", "user_id": "",
            "start_time": int(time.time() * 1000), "lifecycle_stage": "active", "artifact_uri": f"{self.url}/none",
        }  # fmt: skip

    def _batch(self, asked: Asked) -> Any:
        return self._log(asked.body["run_id"], asked.body.get("metrics", []), asked.body.get("params", []))

    def _log(self, run: str, metrics: list[Any], parameters: list[Any]) -> Any:
        for metric in metrics:
            self._fake.metrics.setdefault(run, {}).setdefault(metric["key"], []).append(float(metric["value"]))
        self.parameters.setdefault(run, {}).update({one["key"]: one["value"] for one in parameters})
        return {}
