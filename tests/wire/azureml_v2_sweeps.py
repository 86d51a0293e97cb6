"""Sweep jobs of a workspace, and the trials below them as run history lists them.

The body is that of Microsoft's specification, Job/SweepJob/createOrUpdate.json (2023-04-01); rules of the service that are kept:
a goal is Minimize or Maximize, Bayesian sampling takes choice, uniform and quniform and no early termination, every limit is
a duration in whole seconds (learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters). Trials are runs called
after the sweep with a number from 0, listed page by page (azure-ai-ml 1.35.2, _restclient/runhistory: get_child).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.wire.azureml import SCOPE, now
from tests.wire.server import Answer, Asked
from tests.wire.trials import Trials, times

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

REGION = "westeurope.api.azureml.ms"
PAGE = 2
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
BAYESIAN = ("choice", "uniform", "quniform")


class Sweeps(Trials):
    """Children by sweep."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        super().__init__()
        self._fake = fake
        self.children: dict[str, list[dict[str, Any]]] = {}

    def add_routes(self, route: Callable[..., None]) -> None:
        route("GET", rf"/history/v1.0{SCOPE}/runs/(?P<job>[^/]+)/children", self._list, host=REGION)

    def begin(self, job: str, wanted: Mapping[str, Any]) -> None:
        """Take a sweep, if it is one that the service takes."""
        limits, sampling = wanted["limits"], wanted["samplingAlgorithm"]
        assert wanted["objective"]["goal"] in ("minimize", "maximize"), wanted["objective"]
        assert limits["jobLimitsType"] == "Sweep"
        assert 1 <= limits["maxConcurrentTrials"] <= limits["maxTotalTrials"] <= 1000, limits
        assert seconds(limits["trialTimeout"]) <= seconds(limits["timeout"]), limits
        for name, (kind, _given) in wanted["searchSpace"].items():
            assert f"${{{{search_space.{name}}}}}" in wanted["trial"]["command"], wanted["trial"]["command"]
            assert sampling["samplingAlgorithmType"] != "Bayesian" or kind in BAYESIAN, kind
        preparation = {"runId": f"{job}_preparation", "status": "Completed", "startTimeUtc": now(), "endTimeUtc": now()}
        self.children[job] = [preparation]

    def trial(
        self, sweep: str, number: int, *, status: str = "Completed", minutes: float = 2, files: Mapping[str, bytes] = {}
    ) -> None:
        name = f"{sweep}_{number}"
        seen = {"runId": name, "parentRunId": sweep, "rootRunId": sweep, "status": status, **times(minutes)}
        self.children[sweep].append(seen)
        for path, content in files.items():
            self._fake.blobs.files["azureml", f"ExperimentRun/dcid.{name}/{path}"] = content

    def lose(self, sweep: str, number: int, path: str) -> None:
        del self._fake.blobs.files["azureml", f"ExperimentRun/dcid.{sweep}_{number}/{path}"]

    def finish(self, sweep: str, *, status: str = "Completed", best: int | None = None, minutes: float = 4) -> None:
        self._fake.finish(sweep, status=status)
        self._fake.details[sweep]["startTimeUtc"] = times(minutes)["startTimeUtc"]
        if best is not None:
            self._fake.jobs[sweep]["properties"]["properties"] = {"best_child_run_id": f"{sweep}_{best}"}

    def _list(self, asked: Asked, job: str) -> Answer:
        shown = [one for one in self.children.get(job, []) if one["runId"] not in self.hidden]
        begin = int(asked.query.get("$continuationtoken") or 0)
        more = str(begin + PAGE) if begin + PAGE < len(shown) else None
        return Answer(document={"value": shown[begin : begin + PAGE], "continuationToken": more})


def seconds(duration: str) -> int:
    """Of a duration as ISO 8601 writes it."""
    found = DURATION.fullmatch(duration)
    assert found, duration
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest
