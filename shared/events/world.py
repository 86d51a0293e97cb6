"""What happened outside: these arrive through Event Grid, and make Baton look; their content is not trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shared.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLanded(Event):
    """A blob was written under a model's prefix. `etag` is bare; `size` is bytes as the event says."""

    family: ClassVar[str] = "world"
    container: str
    blob: str
    etag: str
    size: int
    api: str = ""
    sequencer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged(Event):
    """A run reached a status; `status` is lower case. `model` is what its tags name, empty for our own runs."""

    family: ClassVar[str] = "world"
    run_id: str
    status: str
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRegistered(Event):
    """A version was registered, by us (`release` from its tags) or by somebody else."""

    family: ClassVar[str] = "world"
    version: str
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeployed(Event):
    """A service was deployed; what serves is then asked of the endpoint."""

    family: ClassVar[str] = "world"
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDetected(Event):
    """A monitor saw something move away from what was trained on. `coefficient` is the monitor's own number.

    `signal` says of what: `data` (what is asked), `prediction` (what is answered) or `performance` (how wrong that was, by labels
    that came late); `columns` names those that moved, where the monitor tells.
    """

    family: ClassVar[str] = "world"
    monitor: str
    run_id: str
    coefficient: float
    signal: str = "data"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReported(Event):
    """A monitor's run completed: its life sign, whatever it saw."""

    family: ClassVar[str] = "world"
    run_id: str
