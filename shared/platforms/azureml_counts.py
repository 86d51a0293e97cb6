"""How many requests each deployment answered, from Application Insights: an AKS endpoint counts none itself.

Each request prints one line (`azureml_entry/serve.py.txt`), which the inference server writes to the table `traces`. The
answer's form: learn.microsoft.com/rest/api/application-insights/query/execute. Lines arrive some minutes late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared.platforms.azureml_errors import named
from shared.platforms.azureml_service import Tokens, token_by_identity

API = "https://api.applicationinsights.io"
ASK_SECONDS = 20.0
KEPT_SECONDS = 15.0
LOOK_BACK = "P30D"  # longer than any roll-out bakes
QUERY = """traces
| where message startswith "baton-scored {endpoint} "
| parse message with "baton-scored " endpoint:string " " deployment:string " " status:int
| summarize requests = count(), errors = countif(status >= 500) by deployment"""


class Counts:
    """Requests and errors by deployment, kept for `KEPT_SECONDS`; `tokens` gives one for an audience."""

    def __init__(
        self, application: str, tokens: Callable[[str], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._application = application
        self._tokens = tokens
        self._clock = clock
        self._kept: dict[str, tuple[float, Mapping[str, tuple[int, int]]]] = {}

    def __call__(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        at, found = self._kept.get(endpoint, (-KEPT_SECONDS, {}))
        if self._clock() - at >= KEPT_SECONDS:
            found = self._ask(endpoint)
            self._kept[endpoint] = (self._clock(), found)
        return found

    def _ask(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        import requests

        try:
            answer = requests.post(
                f"{API}/v1/apps/{self._application}/query",
                json={"query": QUERY.format(endpoint=endpoint), "timespan": LOOK_BACK},
                headers={"Authorization": f"Bearer {self._tokens(API)}"},
                timeout=ASK_SECONDS,
            )
            answer.raise_for_status()
            return _read(answer.json()["tables"][0])
        except (requests.RequestException, KeyError, IndexError, ValueError) as error:
            raise named(error, f"count the requests of {endpoint} in Application Insights") from error


def _read(table: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    columns = [column["name"] for column in table["columns"]]
    rows = [dict(zip(columns, row, strict=True)) for row in table["rows"]]
    return {str(row["deployment"]): (int(row["requests"]), int(row["errors"])) for row in rows}


def counts_by_identity(application: str, *, client_id: str) -> Counts:
    """Counts of this application by the app's identity."""
    return Counts(application, Tokens(partial(token_by_identity, client_id)))
