"""`host.json`: the settings that the host obeys, with Azure's defaults.

Format: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Permanent

UNLIMITED = float("inf")


class AppRefused(Permanent):
    """The app cannot be served at all: it does not load, or its configuration is incomplete."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How queue triggers take messages. At most `batch_size + new_batch_threshold` run at once per function.

    `visibility_seconds` is the wait after a failure; `lease_seconds` hides a message while its function runs.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_seconds: float = 60.0
    max_dequeue_count: int = 5
    visibility_seconds: float = 0.0
    base64: bool = True
    lease_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class HostJson:
    """What `host.json` says, completed with the defaults of Azure's host."""

    route_prefix: str = "api"
    function_timeout_seconds: float = 1800.0
    queues: QueueSettings = field(default_factory=QueueSettings)


def read_host_json(app: Path) -> HostJson:
    """Read `host.json` of an app folder; raise `AppRefused` if it is missing or holds a value of the wrong form."""
    path = app / "host.json"
    try:
        return _host_json(json.loads(path.read_text()))
    except FileNotFoundError:
        raise AppRefused(
            f"There is no host.json in {app}.", next='create it with at least {"version": "2.0"}'
        ) from None
    except (ValueError, TypeError, AttributeError) as fault:
        raise AppRefused(f"host.json is not valid: {fault}.", next=f"correct {path}") from fault


def span_seconds(text: str) -> float:
    """Seconds of a .NET time span; `-1` means without limit.

    >>> span_seconds("00:01:30"), span_seconds("1.00:00:00.5"), span_seconds("-1")
    (90.0, 86400.5, inf)
    """
    if text.startswith("-1"):
        return UNLIMITED
    days, _, clock = text.partition(".") if "." in text.split(":")[0] else ("0", "", text)
    hours, minutes, seconds = clock.split(":")
    return float(int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds))


def _host_json(content: Mapping[str, object]) -> HostJson:
    extensions = _section(content, "extensions")
    return HostJson(
        route_prefix=str(_section(extensions, "http").get("routePrefix", "api")).strip("/"),
        function_timeout_seconds=span_seconds(str(content.get("functionTimeout", "00:30:00"))),
        queues=_queues(_section(extensions, "queues")),
    )


def _queues(section: Mapping[str, object]) -> QueueSettings:
    batch = _number(section, "batchSize", 16, least=1, most=32)
    threshold = batch * (os.cpu_count() or 1) // 2
    return QueueSettings(
        batch_size=batch,
        new_batch_threshold=_number(section, "newBatchThreshold", threshold, least=0, most=1000),
        max_polling_seconds=span_seconds(str(section.get("maxPollingInterval", "00:01:00"))),
        max_dequeue_count=_number(section, "maxDequeueCount", 5, least=1, most=100_000),
        visibility_seconds=span_seconds(str(section.get("visibilityTimeout", "00:00:00"))),
        base64=str(section.get("messageEncoding", "base64")).lower() == "base64",
    )


def _section(content: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = content.get(name, {})
    if not isinstance(section, Mapping):
        raise ValueError(f"{name} must be an object, found {section!r}")
    return section


def _number(section: Mapping[str, object], name: str, default: int, *, least: int, most: int) -> int:
    value = section.get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}, found {value!r}")
    return value
