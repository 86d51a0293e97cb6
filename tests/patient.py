"""For stories that are played by the API on a machine that may have other things to do: BATON_PATIENCE is the seconds a step may take.

Where it is set, a folder's limits of time are set aside too: how fast a busy machine is says nothing of the model.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.client import Client, Refused
from local.demo.telling import T, Telling

SAFE = ("/publish", "/approve")  # to ask twice; a second roll-back would be another one
SLOWEST = {"p95_ms": 60_000, "start_seconds": 300, "max_minutes": 60, "deadline_minutes": 120}


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


def is_asked_for() -> bool:
    """Whether this machine was said to have other things to do."""
    return "BATON_PATIENCE" in os.environ


def without_haste(folder: Path, into: Path) -> Path:
    """A copy of a model's folder whose rules say nothing of speed."""
    copy = Path(shutil.copytree(folder, into / folder.name))
    spec = copy / "model.yaml"
    spec.write_text(
        re.sub(
            r"\b(\w+): \d+",
            lambda found: f"{found[1]}: {SLOWEST[found[1]]}" if found[1] in SLOWEST else found[0],
            spec.read_text(),
        )
    )
    return copy
