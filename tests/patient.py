"""For stories that are played by the API on a machine that may have other things to do: BATON_PATIENCE is the seconds a step may take."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from local.client import Client, Refused
from local.demo.telling import T, Telling

SAFE = ("/publish", "/approve")  # to ask twice; a second roll-back would be another one


class Caller(Client):
    """Asks again where the app does not answer in time, or says that storage did not."""

    def _call(self, request: urllib.request.Request) -> Any:
        deadline = time.monotonic() + patience()
        while True:
            try:
                return super()._call(request)
            except Refused as refused:
                again = request.get_method() == "GET" or request.full_url.endswith(SAFE)
                if refused.status not in (0, 503) or not again or time.monotonic() > deadline:
                    raise
            time.sleep(1.0)


class Unhurried(Telling):
    """Waits as long for each step as it may take."""

    def until(self, look: Callable[[], T | None], what: str, *, within_seconds: float = 120.0) -> T:
        return super().until(look, what, within_seconds=max(within_seconds, patience()))


def patience() -> float:
    """How many seconds one step may take."""
    return float(os.environ.get("BATON_PATIENCE", "300"))
