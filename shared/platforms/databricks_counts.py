"""How many requests the deployments of a serving endpoint answered, as its inference table holds them.

The endpoint's own metrics are gauges of the last minute (`.../metrics`), which give no totals. The inference table has
a row for each request (Databricks' documentation, "AI Gateway-enabled inference tables": `request_date`, `status_code`,
`response`, `served_entity_id`), within an hour or so. A SQL warehouse counts them, through statementexecution of the
public REST reference. What was not counted yet is missing evidence: a roll-out waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import PlatformBusy
from shared.platforms.databricks_errors import DatabricksRefused
from shared.platforms.databricks_service import Workspace

NO_TABLE = "TABLE_OR_VIEW_NOT_FOUND"
WAIT_SECONDS = 25
COUNT = """
SELECT max(get_json_object(response, '$.predictions[0].deployment')) AS deployment,
       count(*) AS requests,
       count_if(coalesce(status_code, 500) >= 500
                OR CAST(get_json_object(response, '$.predictions[0].status') AS INT) >= 500) AS errors
FROM IDENTIFIER(:table) WHERE request_date >= CAST(:since AS DATE) GROUP BY served_entity_id
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that a deployment answered, and those of them that failed by its own fault."""

    requests: int = 0
    errors: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.requests + other.requests, self.errors + other.errors)


def counts(
    model: str, names: Iterable[str], warehouse: str, since: datetime, workspace: Workspace
) -> dict[str, Counted]:
    """Deployment name to what it answered since that day."""
    from databricks.sdk.service.sql import ExecuteStatementRequestOnWaitTimeout, StatementParameterListItem

    said = workspace.client.statement_execution.execute_statement(
        COUNT,
        warehouse,
        parameters=[
            StatementParameterListItem(name="table", value=table(model, workspace)),
            StatementParameterListItem(name="since", value=since.date().isoformat()),
        ],
        wait_timeout=f"{WAIT_SECONDS}s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL,
    ).as_dict()
    state = (said.get("status") or {}).get("state")
    if state == "FAILED":
        return _failed(model, said)
    if state != "SUCCEEDED":
        raise PlatformBusy(
            f"the SQL warehouse {warehouse} did not count the requests of {model} within {WAIT_SECONDS} s: it is {state}.",
            next="see that it can start; it is asked again",
        )
    return by_deployment(((said.get("result") or {}).get("data_array")) or (), names)


def by_deployment(rows: Iterable[Any], names: Iterable[str]) -> dict[str, Counted]:
    """Rows of deployment, requests, errors. What nobody's answer names, is every deployment's that no answer names.

    >>> by_deployment([["a-1", "40", "1"], ["a-1", "2", "0"], [None, "7", "7"]], ["a-1", "a-2"])
    {'a-1': Counted(requests=42, errors=1), 'a-2': Counted(requests=7, errors=7)}
    """
    found: dict[str, Counted] = {}
    for name, requests, errors in rows:
        found[name] = found.get(name, Counted()) + Counted(int(requests), int(errors))
    nobodys = found.pop(None, Counted())  # type: ignore[call-overload]
    return {name: found.get(name, nobodys) for name in names}


def table(model: str, workspace: Workspace) -> str:
    """The endpoint's inference table."""
    return f"{workspace.schema}.{prefix(model)}_payload"


def prefix(model: str) -> str:
    """What the service puts before `_payload`. Names of tables have no dashes, names of models no underscores."""
    return f"baton_{model.replace('-', '_')}"


def _failed(model: str, said: Mapping[str, Any]) -> dict[str, Counted]:
    """Nothing for a table that is not there yet: it comes to be with the first requests."""
    error = said["status"].get("error") or {}
    words = str(error.get("message", ""))
    if NO_TABLE in words:
        return {}
    raise DatabricksRefused(
        f"the requests of {model} could not be counted: {words[:500]}",
        next="give the app's identity SELECT on the schema and CAN USE on the warehouse: docs/databricks.md#grants",
    )
