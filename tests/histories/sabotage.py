"""Ports broken on purpose, by name, so that a history shows that the oracles find what must not be.

Each is a way in which a platform or a storage service really could break its promise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.notify import Message
from shared.platforms.port import RunRequest
from shared.storage.port import Insert, Put, Write


class _Through:
    """Everything of a port as it is."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class ForgetfulTable(_Through):
    """A table that lets a create-only row of intake be written twice."""

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        loose = [Put(w.key, w.body) if isinstance(w, Insert) and w.key.startswith("seen:") else w for w in writes]
        found: Mapping[str, str] = self._port.write(partition, loose)
        return found


class GenerousTrainer(_Through):
    """A platform that makes a second run when a run is started again."""

    def start(self, request: RunRequest) -> None:
        again = any(run.run_id == request.run_id for run in self._port.started)
        self._port.start(replace(request, run_id=f"{request.run_id}0") if again else request)


class MuteNotifier(_Through):
    """A messenger that says it told people, and did not."""

    def tell(self, message: Message) -> None:
        pass


SABOTAGES: Mapping[str, Callable[[str, Any], Any]] = {
    "forgetful-table": lambda role, port: ForgetfulTable(port) if role == "table" else port,
    "generous-trainer": lambda role, port: GenerousTrainer(port) if role == "trainer" else port,
    "mute-notifier": lambda role, port: MuteNotifier(port) if role == "notifier" else port,
}
