"""Schedules of a workspace, as far as model monitors go, and the data that a deployment's collector keeps for them.

Shapes are those of azure-rest-api-specs, Microsoft.MachineLearningServices/stable/2023-04-01/examples/Schedule
(createOrUpdate.json, get.json, delete.json) and, for the action CreateMonitor, the SDK's own generated models (azure/ai/ml/_restclient/
arm_ml_service). That a schedule must be disabled before it is deleted is Microsoft's how-to-schedule-pipeline-job. What a collector
keeps is data `<endpoint>-<deployment>-<collection>`, which the SDK registers itself (operations/_online_deployment_operations.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.wire.azureml import SCOPE, now
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

# learn.microsoft.com/azure/synapse-analytics/spark/apache-spark-34-runtime: 3.4 ended on 2026-03-31, its jobs are being switched off.
SUPPORTED = ("3.5",)
SCHEDULE = rf"{SCOPE}/schedules/(?P<name>[^/]+)"


class Schedules:
    """Schedules by name. A new one, or a changed one, is not seen as such by the next `lag` reads. What is written `ends` in that state."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self._fake = fake
        self.found: dict[str, dict[str, Any]] = {}
        self.data: dict[str, dict[str, Any]] = {}
        self.puts = 0
        self.ends = "Succeeded"

    def add_routes(self, route: Callable[..., None]) -> None:
        route("GET", SCHEDULE, self._get)
        route("PUT", SCHEDULE, self._put)
        route("DELETE", SCHEDULE, self._delete)
        route("GET", rf"{SCOPE}/data/(?P<name>[^/]+)/versions/1", self._data)
        route("PUT", rf"{SCOPE}/data/(?P<name>[^/]+)/versions/1", self._put_data)

    def signals(self, name: str) -> dict[str, Any]:
        """What a monitor watches, as it was written."""
        signals: dict[str, Any] = self._monitor(name)["signals"]
        return signals

    def deployment(self, name: str) -> str:
        """The deployment that a monitor watches."""
        return str(self._monitor(name)["monitoringTarget"]["deploymentId"]).rpartition("/")[2]

    def _monitor(self, name: str) -> dict[str, Any]:
        monitor: dict[str, Any] = self.found[name]["properties"]["action"]["monitorDefinition"]
        return monitor

    def _get(self, _asked: Asked, name: str) -> Answer:
        if name not in self.found or self._fake.hidden(f"schedules/{name}"):
            return _error(404, f"Schedule {name} was not found")
        return Answer(document=self.found[name])

    def _put(self, asked: Asked, name: str) -> Answer:
        wanted = asked.body["properties"]
        if wanted["action"]["actionType"] != "CreateMonitor":
            return _error(400, "the fake knows monitors only")
        if wanted["action"]["monitorDefinition"]["computeConfiguration"]["runtimeVersion"] not in SUPPORTED:
            return _error(400, "this Spark runtime has reached its end of support")
        if not wanted["action"]["monitorDefinition"]["signals"]:
            return _error(400, "a monitor needs a signal")
        there = name in self.found
        properties = {"isEnabled": True, **wanted, "provisioningState": self.ends}
        system = {"createdAt": now(), "createdBy": "the app", "createdByType": "Application"}
        self.found[name] = {
            "id": f"{SCOPE}/schedules/{name}",
            "name": name,
            "properties": properties,
            "systemData": {**system, "lastModifiedAt": now()},
        }
        self.puts += 1
        if not there:
            self._fake.hide(f"schedules/{name}")
        return Answer(200 if there else 201, self.found[name], self._fake.operation())

    def _delete(self, _asked: Asked, name: str) -> Answer:
        if name not in self.found:
            return Answer(204, content=b"")
        if self.found[name]["properties"]["isEnabled"]:
            return _error(400, f"Schedule {name} must be disabled before it is deleted")
        del self.found[name]
        return Answer(202, content=b"", headers=self._fake.operation())

    def _data(self, _asked: Asked, name: str) -> Answer:
        return Answer(document=self.data[name]) if name in self.data else _error(404, f"Data {name}:1 was not found")

    def _put_data(self, asked: Asked, name: str) -> Answer:
        """What the SDK registers for a deployment that collects, before it makes the deployment."""
        wanted = asked.body["properties"]
        assert wanted["dataType"] == "uri_folder", wanted
        there = name in self.data
        self.data[name] = {"id": f"{SCOPE}/data/{name}/versions/1", "name": "1", "properties": wanted}
        return Answer(200 if there else 201, self.data[name])


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"code": "UserError", "message": message, "details": []}})
