"""For stories that are played by the API on a machine that may have other things to do: BATON_PATIENCE is the seconds a step may take.

Where it is set, a folder's limits of time are set aside too: how fast a busy machine is says nothing of the model.
"""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from local.client import Client, Refused
from local.demo.telling import T, Telling

SAFE = ("/publish", "/approve")  # to ask twice; a second roll-back would be another one
SLOWEST = {"p95_ms": 60_000, "start_seconds": 300, "max_minutes": 60, "deadline_minutes": 120}
LONGEST_LOAD = 300


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
    """A copy of a model's folder whose rules say nothing of speed, and whose load may take as long as it may at most."""
    copy = Path(shutil.copytree(folder, into / folder.name))
    spec = copy / "model.yaml"
    rules = unhurried(yaml.safe_load(spec.read_text()))
    certificate = rules.setdefault("gates", {}).setdefault("certificate", {})
    certificate.setdefault("load", {})["max_seconds"] = LONGEST_LOAD
    spec.write_text(yaml.safe_dump(rules, sort_keys=False))
    return copy


def unhurried(rules: Any) -> Any:
    """The same rules with each limit of time at its slowest."""
    if not isinstance(rules, dict):
        return rules
    named = {"on" if name is True else name: value for name, value in rules.items()}  # YAML 1.1 takes `on` for a truth
    return {name: SLOWEST.get(name, unhurried(value)) for name, value in named.items()}
