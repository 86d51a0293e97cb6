"""Fakes that write down what really came to be, once for each change, whoever asked for it and however often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shared.notify import Message
from shared.platforms.port import DeployRequest, RunRequest
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer
from tests.fakes.storage import MemoryBlobs

Record = list[str]


class RecordedTrainer(FakeTrainer):
    """Writes down runs that came to be, and those that were stopped."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def start(self, request: RunRequest) -> None:
        new = request.run_id not in self._requests
        super().start(request)
        if new:
            self.record.append(f"run {request.run_id} started")

    def cancel(self, run_id: str) -> None:
        before = self.look(run_id)
        super().cancel(run_id)
        if self.look(run_id) != before:
            self.record.append(f"run {run_id} stopped")


class RecordedRegistry(FakeRegistry):
    """Writes down versions that came to be."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        before = len(self.versions(model))
        version = super().register(model, run_id=run_id, tags=tags)
        if len(self.versions(model)) > before:
            self.record.append(f"version {version} registered for {run_id}")
        return version

    def name_champion(self, model: str, version: str, *, since: datetime) -> None:
        before = self.champions.get(model)
        super().name_champion(model, version, since=since)
        if version != before:
            self.record.append(f"version {version} named champion")


class RecordedEndpoints(FakeEndpoints):
    """Writes down deployments that came to be or went, and every split that differs from the one before."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def deploy(self, request: DeployRequest) -> None:
        before = self._names(request.model)
        super().deploy(request)
        if self._names(request.model) != before:
            self.record.append(f"deployment {request.name} made")

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        before = self._split(model)
        super().set_traffic(model, split, expected=expected)
        if self._split(model) != before:
            self.record.append(f"traffic {sorted(self._split(model).items())}")

    def remove(self, model: str, name: str) -> None:
        before = self._names(model)
        super().remove(model, name)
        if self._names(model) != before:
            self.record.append(f"deployment {name} removed")

    def _names(self, model: str) -> set[str]:
        return set(self._endpoints.get(model, {}))

    def _split(self, model: str) -> Mapping[str, int]:
        seen = self.look(model)
        return seen.split if seen else {}


@dataclass
class RecordedBlobs(MemoryBlobs):
    """Writes down blobs that came to be, and verdicts that changed."""

    record: Record = field(default_factory=list)

    def put(self, container: str, name: str, content: bytes | Path, *, content_type: str) -> None:
        new = (container, name) not in self.blobs
        super().put(container, name, content, content_type=content_type)
        if new and container != "models":
            self.record.append(f"blob {container}/{name} written")

    def tag(
        self, container: str, name: str, tags: Mapping[str, str], *, etag: str = "", unless: Sequence[str] = ()
    ) -> bool:
        before = self.tags.get((container, name))
        done = super().tag(container, name, tags, etag=etag, unless=unless)
        if done and dict(tags) != before:
            self.record.append(f"drop {name} is {tags.get('baton')}")
        return done


class RecordedNotifier:
    """Writes down each message once, by its id: a person sees a second telling as the same message."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.told: dict[str, Message] = {}

    def tell(self, message: Message) -> None:
        if message.id not in self.told:
            self.record.append(f"told {message.id} {message.what}")
        assert self.told.setdefault(message.id, message) == message, f"{message.id} says two things"
