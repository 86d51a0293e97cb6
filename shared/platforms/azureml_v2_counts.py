"""How many requests the deployments of a managed endpoint answered, as Azure Monitor counted them.

The metric is RequestsPerMinute of Microsoft.MachineLearningServices/workspaces/onlineEndpoints: one average a minute,
so the sum over minutes is the number of requests. It lags by a few minutes. The app needs Monitoring Reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_v2_service import Workspace

METRIC = "RequestsPerMinute"
PARTS = ("deployment", "statusCode", "modelStatusCode")
KEPT = timedelta(days=30)  # what is older than this is not counted: 43,200 minutes for each kind of answer
SERIES = (
    1000  # asked for, since of a split metric the service gives ten unless it is told how many (Metrics_List, `top`)
)
MODEL_FAILED = 424  # the endpoint's answer where the model's server did not answer with 2xx


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that a deployment answered, and those of them that failed by its own fault."""

    requests: int = 0
    errors: int = 0


def counts(workspace: Workspace, endpoint: str, *, since: datetime, now: datetime) -> dict[str, Counted]:
    """Deployment name to what it answered since then; what answered nothing is not in it. `AzureMLRefused` where some could be left out."""
    query = {
        "api-version": "2018-01-01",
        "metricnames": METRIC,
        "aggregation": "Average",
        "interval": "PT1M",
        "timespan": f"{_stamp(max(since, now - KEPT))}/{_stamp(now + timedelta(minutes=1))}",
        "top": str(SERIES),
        "$filter": " and ".join(f"{part} eq '*'" for part in PARTS),
    }
    path = f"{workspace.resource_id}/onlineEndpoints/{endpoint}/providers/Microsoft.Insights/metrics"
    document = workspace.ask(f"{path}?{urlencode(query)}")
    given = [one for metric in document["value"] for one in metric.get("timeseries", ())]
    if len(given) >= SERIES:
        raise AzureMLRefused(
            f"endpoint {endpoint} has {len(given)} kinds of answers, and more may have been left out: errors among them.",
            next="remove deployments that nobody needs, then `baton retry`",
        )
    found: dict[str, Counted] = {}
    for series in given:
        parts = {one["name"]["value"].lower(): str(one["value"]) for one in series.get("metadatavalues", ())}
        number = round(sum(point.get("average") or 0.0 for point in series.get("data", ())))
        before = found.get(parts["deployment"], Counted())
        errors = number if is_an_error(parts) else 0
        found[parts["deployment"]] = Counted(before.requests + number, before.errors + errors)
    return found


def is_an_error(parts: Mapping[str, Any]) -> bool:
    """Did the deployment fail? What it refuses with a 4xx of its own is an answer.

    >>> is_an_error({"statuscode": "503"}), is_an_error({"statuscode": "424", "modelstatuscode": "400"})
    (True, False)
    >>> is_an_error({"statuscode": "424", "modelstatuscode": "500"}), is_an_error({"statuscode": "200"})
    (True, False)
    """
    status = _number(parts.get("statuscode"))
    if status == MODEL_FAILED:
        return not 400 <= _number(parts.get("modelstatuscode")) < 500
    return status >= 500


def _number(said: object) -> int:
    return int(str(said)) if str(said).isdigit() else 0


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
