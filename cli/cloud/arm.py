"""Azure Resource Manager as `baton doctor --azure` reads it: plain documents by path, pages joined, each path asked once.

Only reads: GET, and the two POST requests by which the service lists what it takes for secret (`.../list`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from cli.machine import Wrong

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

PUBLIC = "https://management.azure.com"
PAGES = 50
SECONDS = 20


class Missing(Wrong):
    """There is no such thing there."""


class Arm:
    """One caller's view. `skew` is by how much this machine's clock is ahead of the service's, None before an answer."""

    def __init__(
        self,
        credential: TokenCredential,
        url: str = PUBLIC,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy

        signing = BearerTokenCredentialPolicy(credential, f"{PUBLIC}/.default")
        self._client: PipelineClient[Any, Any] = PipelineClient(url, policies=[RetryPolicy(retry_total=3), signing])
        self._secure = url.startswith("https://")
        self._clock = clock
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.skew: timedelta | None = None

    def get(self, path: str, version: str, **query: str) -> Mapping[str, Any]:
        """The document at this path. `Missing` if there is none; `Wrong` if the caller may not read it, or nobody answers."""
        return self._ask("GET", path, {"api-version": version, **query})

    def post(self, path: str, version: str) -> Mapping[str, Any]:
        """What the service lists only when asked so, such as app settings."""
        return self._ask("POST", path, {"api-version": version})

    def all(self, path: str, version: str, **query: str) -> list[Mapping[str, Any]]:
        """The entries of a list, of all its pages."""
        page = self.get(path, version, **query)
        found = list(page.get("value", ()))
        for _ in range(PAGES):
            following = str(page.get("nextLink") or "")
            if not following:
                return found
            page = self._ask("GET", following, {})
            found += page.get("value", ())
        raise Wrong(f"{path} has more than {PAGES} pages", next="report this")

    def _ask(self, method: str, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        asked = (method, f"{path}?{sorted(query.items())}")
        if asked not in self._known:
            self._known[asked] = self._sent(method, path, query)
        return self._known[asked]

    def _sent(self, method: str, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, self._client.format_url(path), params=dict(query))
        try:
            answer = self._client.send_request(
                request, enforce_https=self._secure, connection_timeout=SECONDS, read_timeout=SECONDS
            )
        except AzureError as error:
            raise Wrong(f"Azure does not answer you: {str(error)[:300]}", next="az login") from error
        self._note_skew(answer.headers.get("Date", ""))
        if answer.status_code == 200:
            found: Mapping[str, Any] = json.loads(answer.text())
            return found
        raise _fault(answer.status_code, method, path, answer.text())

    def _note_skew(self, date: str) -> None:
        if date and self.skew is None:
            self.skew = self._clock() - parsedate_to_datetime(date)


def _fault(status: int, method: str, path: str, text: str) -> Wrong:
    try:
        error = json.loads(text)["error"]
        told = f"{error['code']}: {error['message']}"[:300]
    except (ValueError, KeyError, TypeError):
        told = text[:200]
    if status == 404:
        return Missing(f"{path} is not there ({told})", next="azd provision")
    if status == 401:
        return Wrong(f"Azure does not know you ({told})", next="az login")
    if status == 403:
        role = "Website Contributor" if method == "POST" else "Reader"  # a list by POST holds values: no reader gets it
        scope = re.split(r"/config/|/providers/Microsoft\.Authorization/", path)[0]
        todo = f'az role assignment create --role "{role}" --assignee YOU --scope {scope}, by an owner'
        return Wrong(f"you may not read {path} ({told})", next=todo)
    return Wrong(f"{method} {path} is answered {status} ({told})", next="try again; then look at the portal")
