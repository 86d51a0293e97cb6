"""Versions carried between laptops, or homes of one laptop, through a folder that both reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shared.errors import PlatformBusy
from shared.platforms.local_registry import LocalRegistry, NotInRegistry


class LocalCarrier:
    """The shared registry is a folder; what is shared lies in `<model>/<label>`, whole or not at all."""

    def __init__(self, registry: LocalRegistry, folder: Path) -> None:
        self._registry = registry
        self._folder = folder.resolve()

    def share(self, model: str, version: str, label: str) -> None:
        place = self._place(model, label)
        if place.is_dir():
            return
        with _told(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".share-", dir=place.parent) as draft:
                files = Path(draft) / "files"
                self._registry.fetch(model, version, files)
                try:
                    files.rename(place)
                except OSError:
                    if not place.is_dir():  # else another caller came first
                        raise

    def fetch(self, model: str, label: str, into: Path) -> None:
        place = self._place(model, label)
        if not place.is_dir():
            raise NotInRegistry(f"{place} is not there.", next=f"share it first; there are: {self._labels(model)}")
        with _told(place):
            shutil.rmtree(into, ignore_errors=True)
            shutil.copytree(place, into)

    def receive(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
        return self._registry.add(model, files, carried=carried, tags=tags)

    def _place(self, model: str, label: str) -> Path:
        return self._folder / model / label

    def _labels(self, model: str) -> str:
        return ", ".join(sorted(path.name for path in (self._folder / model).glob("[!.]*"))) or "none"


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """An error of the disk is told as a shared registry that does not answer."""
    try:
        yield
    except OSError as error:
        raise PlatformBusy(
            f"{place} cannot be reached: {error}.", next="see that the folder is there and may be written"
        ) from error
