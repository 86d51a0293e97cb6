"""A registry on a service elsewhere, whichever it is: what is the same of registering, looking, fetching and naming."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from shared.platforms.azureml_service import Service
from shared.platforms.port import VersionSeen


class RemoteRegistry(ABC):
    """Versions under the model's name, which the service counts. Callers of one process take turns."""

    def __init__(self, service: Service, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._service = service
        self._pause = pause
        self._registering = threading.Lock()

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        with self._registering:
            return self._service.ask(f"register run {run_id} as {model}", partial(self._register, model, run_id, tags))

    def version(self, model: str, version: str) -> VersionSeen | None:
        if not version.isdigit():
            return None
        return self._service.ask(f"read version {version} of {model}", partial(self._one, model, version))

    def versions(self, model: str) -> tuple[VersionSeen, ...]:
        return tuple(self._service.ask(f"list the versions of {model}", partial(self._all, model)))

    def fetch(self, model: str, version: str, into: Path) -> None:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into.parent) as draft:
            place = Path(draft) / "model"
            place.mkdir()
            asked = partial(self._download, model, version, place)
            files = self._service.ask(f"fetch version {version} of {model}", asked)
            shutil.rmtree(into, ignore_errors=True)
            files.rename(into)

    def champion(self, model: str, *, serving: str) -> str:
        asked = partial(self._champion, model, serving)
        return self._service.ask(f"read which version of {model} is champion", asked)

    def name_champion(self, model: str, version: str, *, since: datetime) -> None:
        with self._registering:
            asked = partial(self._name, model, version, since.isoformat())
            self._service.ask(f"name version {version} of {model} champion", asked)

    @abstractmethod
    def _register(self, model: str, run_id: str, tags: Mapping[str, str], workspace: Any) -> str:
        """The run's version, made where there is none, with these tags among its own."""

    @abstractmethod
    def _one(self, model: str, version: str, workspace: Any) -> VersionSeen | None:
        """A version by its number."""

    @abstractmethod
    def _all(self, model: str, workspace: Any) -> Sequence[VersionSeen]:
        """All versions, oldest first, also those that a list does not show yet."""

    @abstractmethod
    def _download(self, model: str, version: str, into: Path, workspace: Any) -> Path:
        """Fetch the version's files into an empty folder; the folder in which they lie then. `NotThere` without any."""

    @abstractmethod
    def _champion(self, model: str, serving: str, workspace: Any) -> str:
        """The version that the registry calls champion; "" for none. `serving` is read by its number, lest a list lags."""

    @abstractmethod
    def _name(self, model: str, version: str, since: str, workspace: Any) -> None:
        """Call the version champion since then; safe to repeat."""
