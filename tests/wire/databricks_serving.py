"""Serving endpoints as databricks-sdk speaks to them, with the pyfuncs that they serve really run.

Shapes: https://docs.databricks.com/api/azure/workspace/ servingendpoints/create, /get, /updateconfig and /query,
statementexecution/executestatement; learn.microsoft.com/azure/databricks/machine-learning/model-serving/
manage-serving-endpoints (an endpoint's document) and serve-multiple-models-to-serving-endpoint (one entity asked by
itself). A change shows as done after `takes` reads; entities whose names are in `failing` cannot be made.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.platforms.databricks_counts import COUNT
from tests.wire.databricks_models import error, missing
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.databricks import FakeDatabricks

ENDPOINTS = "/api/2.0/serving-endpoints"
ONE = r"(?P<name>[^/]+)"
RUN = """
import json, runpy, sys
code, data = sys.argv[1:]
loaded = runpy.run_path(code)["_load_pyfunc"](data)
print(json.dumps(loaded.predict({"body": [row["body"] for row in json.load(sys.stdin)["dataframe_records"]]})))
"""


class ServingEndpoints:
    """Documents by name; rows of inference tables by the table's name."""

    def __init__(self, fake: FakeDatabricks) -> None:
        self._fake = fake
        self.found: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.configs: list[dict[str, Any]] = []
        self.takes = 0
        self.failing: set[str] = set()
        self.warehouse = {"state": "SUCCEEDED"}
        self.run: Callable[[Mapping[str, Any], bytes], Any] = self._run
        self._left: dict[str, int] = {}
        fake.route("POST", ENDPOINTS, self._create)
        fake.route("GET", f"{ENDPOINTS}/{ONE}", self._get)
        fake.route("PUT", f"{ENDPOINTS}/{ONE}/config", self._update)
        fake.route("POST", f"/serving-endpoints/{ONE}/invocations", self._score)
        fake.route("POST", f"/serving-endpoints/{ONE}/served-models/(?P<entity>[^/]+)/invocations", self._score)
        fake.route("POST", "/api/2.0/sql/statements/?", self._count)

    def _create(self, asked: Asked) -> Answer:
        name = asked.body["name"]
        if name in self.found:
            return error(409, "RESOURCE_ALREADY_EXISTS", f"Endpoint with name '{name}' already exists.")
        assert re.fullmatch("[A-Za-z0-9_-]{1,63}", name), name
        table = asked.body["ai_gateway"]["inference_table_config"]
        assert table["enabled"], table
        self.found[name] = {"name": name, "id": f"id-{name}", "ai_gateway": asked.body["ai_gateway"]}
        self._begin(name, asked.body["config"])
        return Answer(document=self.found[name])

    def _update(self, asked: Asked, name: str) -> Answer:
        one = self.found[name]
        if one["state"]["config_update"] == "IN_PROGRESS":
            return error(409, "RESOURCE_CONFLICT", f"Endpoint '{name}' is currently updating, please retry later.")
        self.configs.append(asked.body)
        self._begin(name, asked.body)
        return Answer(document=one)

    def _begin(self, name: str, config: dict[str, Any]) -> None:
        routes = config["traffic_config"]["routes"]
        assert sum(route["traffic_percentage"] for route in routes) == 100, routes
        entities = {entity["name"]: entity for entity in config["served_entities"]}
        assert {route["served_model_name"] for route in routes} <= set(entities), routes
        for one in entities.values():
            version = self._fake.models.found[one["entity_name"]][one["entity_version"]]
            assert version["status"] == "READY", version
            assert f"{self._files(one)}/MLmodel" in self._fake.files, "not an MLflow model"
        before = {one["name"] for one in self.found[name].get("config", {}).get("served_entities", ())}
        shown = [
            {**one, "creation_timestamp": 1_790_000_000_000, "creator": "baton",
             "state": _state("READY" if one["name"] in before else "CREATING")}
            for one in entities.values()
        ]  # fmt: skip
        self.found[name]["pending_config"] = {"served_entities": shown, "traffic_config": {"routes": routes}}
        self.found[name]["state"] = {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
        self._left[name] = self.takes

    def _get(self, _asked: Asked, name: str) -> Answer:
        if name not in self.found:
            return missing(f"Endpoint with name '{name}' does not exist.")
        one = self.found[name]
        if one["state"]["config_update"] == "IN_PROGRESS":
            self._left[name] -= 1
            if self._left[name] < 0:
                self._settle(one)
        return Answer(document=one)

    def _settle(self, one: dict[str, Any]) -> None:
        """End the change: all of it comes to be, or nothing."""
        failed = [entity for entity in one["pending_config"]["served_entities"] if entity["name"] in self.failing]
        if failed:
            for entity in failed:
                entity["state"] = _state("FAILED", "pip failed: no such package")
            one["state"]["config_update"] = "UPDATE_FAILED"
            return
        config = one.pop("pending_config")
        for entity in config["served_entities"]:
            entity["state"] = _state("READY")
        one["config"], one["state"] = config, {"ready": "READY", "config_update": "NOT_UPDATING"}

    def _files(self, entity: Mapping[str, Any]) -> str:
        return f"/Models/{entity['entity_name'].replace('.', '/')}/{entity['entity_version']}"

    def _score(self, asked: Asked, name: str, entity: str = "") -> Answer:
        if name not in self.found:
            return missing(f"The given endpoint {name} does not exist.")
        config = self.found[name]["config"]
        shares = {
            route["served_model_name"]: route["traffic_percentage"] for route in config["traffic_config"]["routes"]
        }
        chosen = entity or max(shares, key=lambda one: shares[one])
        found = next((one for one in config["served_entities"] if one["name"] == chosen), None)
        if found is None:
            return missing(f"The given served model {chosen} does not exist.")
        document = {"predictions": self.run(found, asked.content)}
        where = self.found[name]["ai_gateway"]["inference_table_config"]
        table = f"{where['catalog_name']}.{where['schema_name']}.{where['table_name_prefix']}_payload"
        row = {"served_entity_id": f"id-{chosen}", "status_code": 200, "response": document}
        self.tables.setdefault(table, []).append(row)
        return Answer(document=document)

    def _run(self, entity: Mapping[str, Any], content: bytes) -> Any:
        """What the pyfunc predicts, in a process of its own: it changes sys.path and modules, as it may where it is served."""
        with tempfile.TemporaryDirectory() as folder:
            self.unpack(entity, Path(folder))
            command = [sys.executable, "-S", "-c", RUN, f"{folder}/code/baton_entry.py", f"{folder}/data"]
            ended = subprocess.run(command, input=content, capture_output=True, check=True, timeout=30)
        return json.loads(ended.stdout)

    def unpack(self, entity: Mapping[str, Any], into: Path) -> None:
        """Write the entity's pyfunc below a folder."""
        below = f"{self._files(entity)}/"
        for path, held in list(self._fake.files.items()):
            if path.startswith(below):
                target = into / path.removeprefix(below)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(held)

    def _count(self, asked: Asked) -> Answer:
        """What the one statement that is known would count."""
        assert asked.body["statement"] == COUNT, asked.body
        given = {one["name"]: one["value"] for one in asked.body["parameters"]}
        rows = self.tables.get(given["table"])
        if self.warehouse["state"] != "SUCCEEDED":
            return Answer(document={"statement_id": "s-1", "status": self.warehouse})
        if rows is None:
            told = {
                "error_code": "BAD_REQUEST",
                "message": f"[TABLE_OR_VIEW_NOT_FOUND] {given['table']} cannot be found.",
            }
            return Answer(document={"statement_id": "s-1", "status": {"state": "FAILED", "error": told}})
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(row["served_entity_id"], []).append(row)
        shown = [_counted(group) for group in groups.values()]
        return Answer(
            document={"statement_id": "s-1", "status": {"state": "SUCCEEDED"}, "result": {"data_array": shown}}
        )


def _counted(rows: list[dict[str, Any]]) -> list[str | None]:
    answers = [(row["response"].get("predictions") or [{}])[0] for row in rows]
    named = max((one["deployment"] for one in answers if "deployment" in one), default=None)
    failed = sum(
        row["status_code"] >= 500 or one.get("status", 0) >= 500 for row, one in zip(rows, answers, strict=True)
    )
    return [named, str(len(rows)), str(failed)]


def _state(word: str, message: str = "") -> dict[str, str]:
    return {"deployment": f"DEPLOYMENT_{word}", "deployment_state_message": message}
