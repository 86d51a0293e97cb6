"""MLflow as a Databricks workspace offers it: the REST calls that a run and its training script make.

Source: mlflow 3.17, protos/service.proto and store/tracking/rest_store.py. Metrics are the fake's own, by the tag `baton.run_id`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.wire.databricks_models import missing
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.databricks import FakeDatabricks

API = "/api/2.0/mlflow"


class Tracking:
    """Experiments by name and runs by id; these routes answer before the ones that the fake has for a lone trainer."""

    def __init__(self, fake: FakeDatabricks) -> None:
        self._fake = fake
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        routes = {
            ("GET", "experiments/get-by-name"): self._experiment,
            ("POST", "experiments/create"): self._create_experiment,
            ("POST", "runs/search"): self._search,
            ("POST", "runs/create"): self._create,
            ("GET", "runs/get"): lambda asked: self._one(asked.query.get("run_id") or asked.query["run_uuid"]),
            ("POST", "runs/update"): self._update,
            ("POST", "runs/set-tag"): self._set_tag,
            ("POST", "runs/log-metric"): lambda asked: self._log(asked.body["run_id"], [asked.body], []),
            ("POST", "runs/log-parameter"): lambda asked: self._log(asked.body["run_id"], [], [asked.body]),
            ("POST", "runs/log-batch"): self._batch,
        }
        for (method, path), answer in routes.items():
            fake.route(method, f"{API}/{path}", answer, first=True)

    def _experiment(self, asked: Asked) -> Answer:
        name = asked.query["experiment_name"]
        if name not in self.experiments:
            return missing(f"Node {name} does not exist.")
        shown = {"experiment_id": self.experiments[name], "name": name, "lifecycle_stage": "active"}
        return Answer(document={"experiment": shown})

    def _create_experiment(self, asked: Asked) -> Answer:
        assert asked.body["name"].startswith("/Shared/baton-"), asked.body
        self.experiments[asked.body["name"]] = str(len(self.experiments) + 1)
        return Answer(document={"experiment_id": self.experiments[asked.body["name"]]})

    def _search(self, asked: Asked) -> Answer:
        wanted = re.fullmatch(r"tags\.`baton\.run_id` = '([^']+)'", asked.body["filter"])
        assert wanted, asked.body
        return Answer(document={"runs": [run for run in self.runs.values() if self._tag(run) == wanted[1]]})

    def _tag(self, run: dict[str, Any]) -> str:
        return next((tag["value"] for tag in run["data"]["tags"] if tag["key"] == "baton.run_id"), "")

    def _create(self, asked: Asked) -> Answer:
        run_id = f"{len(self.runs) + 1:032x}"
        info = {
            "run_id": run_id, "run_uuid": run_id, "run_name": asked.body.get("run_name", ""), "status": "RUNNING",
            "experiment_id": asked.body["experiment_id"], "start_time": asked.body.get("start_time", 0), "user_id": "",
            "lifecycle_stage": "active", "artifact_uri": f"dbfs:/databricks/mlflow-tracking/1/{run_id}/artifacts",
        }  # fmt: skip
        self.runs[run_id] = {"info": info, "data": {"metrics": [], "params": [], "tags": asked.body.get("tags", [])}}
        return self._one(run_id)

    def _one(self, run_id: str) -> Answer:
        return Answer(document={"run": self.runs[run_id]})

    def _update(self, asked: Asked) -> Answer:
        info = self.runs[asked.body["run_id"]]["info"]
        info.update({name: value for name, value in asked.body.items() if name in ("status", "end_time", "run_name")})
        return Answer(document={"run_info": info})

    def _set_tag(self, asked: Asked) -> Answer:
        tag = {"key": asked.body["key"], "value": asked.body["value"]}
        self.runs[asked.body["run_id"]]["data"]["tags"].append(tag)
        return Answer(document={})

    def _batch(self, asked: Asked) -> Answer:
        return self._log(asked.body["run_id"], asked.body.get("metrics", []), asked.body.get("params", []))

    def _log(self, run_id: str, metrics: list[Any], parameters: list[Any]) -> Answer:
        data = self.runs[run_id]["data"]
        for one in metrics:
            kept = [other for other in data["metrics"] if other["key"] != one["key"]]
            shown = {"key": one["key"], "value": float(one["value"]), "timestamp": 0, "step": 0}
            data["metrics"] = [*kept, shown]
        data["params"] += [{"key": one["key"], "value": one["value"]} for one in parameters]
        return Answer(document={})
