"""Microsoft's own Kusto parser (`@kusto/language-service-next`), run in Node: what it finds wrong with a query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests import npm

LOCKED = Path(__file__).parent
# Of the tables of Log Analytics, what our queries may read (azure-monitor reference, tables AppTraces): name to columns.
TABLES = {
    "AppTraces": "(TimeGenerated:datetime, Message:string, SeverityLevel:int, OperationId:string, AppRoleName:string)"
}


def faults(queries: Mapping[str, str]) -> dict[str, list[str]]:
    """The diagnostics of every query that has any, by the query's name."""
    asked = json.dumps({"tables": TABLES, "queries": dict(queries)})
    found: dict[str, list[str]] = json.loads(
        npm.call("node", str(LOCKED / "check.js"), str(npm.install(LOCKED)), asked=asked)
    )
    return found
