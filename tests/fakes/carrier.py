"""A carrier in memory: what is shared lies in a dictionary that several installations' carriers may have in common."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Permanent, PlatformBusy
from shared.platforms.port import CARRIED_TAG
from tests.fakes.platform import FakeRegistry


@dataclass
class FakeCarrier:
    """`shared` is by model and label."""

    registry: FakeRegistry
    shared: MutableMapping[tuple[str, str], Mapping[str, bytes]] = field(default_factory=dict)
    busy: bool = False

    def share(self, model: str, version: str, label: str) -> None:
        self._answer()
        with tempfile.TemporaryDirectory() as place:
            self.registry.fetch(model, version, Path(place))
            self.shared.setdefault((model, label), read_files(Path(place)))

    def fetch(self, model: str, label: str, into: Path) -> None:
        self._answer()
        if (model, label) not in self.shared:
            raise Permanent(f"there is no {label} of {model}", next="share it first")
        for name, content in self.shared[model, label].items():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes(content)

    def receive(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
        self._answer()
        return self.registry.add(model, read_files(files), carried=carried, tags={**tags, CARRIED_TAG: carried})

    def _answer(self) -> None:
        if self.busy:
            raise PlatformBusy("the shared registry does not answer", next="wait")


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
