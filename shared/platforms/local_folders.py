"""Published model folders, from blobs `models/<model>/<hash>/...` onto this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shared.errors import Permanent
from shared.folder import folder_hash
from shared.storage.port import Blobs

CONTAINER = "models"


class FolderUnusable(Permanent):
    """A published folder is not there, or is not what its hash says."""


def published(blobs: Blobs) -> Callable[[str, str, Path], None]:
    """A function `(model, hash, into)` that copies a published folder into an empty folder and checks its hash."""

    def fetch(model: str, wanted: str, into: Path) -> None:
        prefix = f"{model}/{wanted}/"
        for name in blobs.names(CONTAINER, prefix):
            target = into / name.removeprefix(prefix)
            if ".." in target.parts:
                raise FolderUnusable(f"{CONTAINER}/{name} leaves its folder.", next=f"baton publish models/{model}")
            target.parent.mkdir(parents=True, exist_ok=True)
            blobs.fetch(CONTAINER, name, target)
        found = folder_hash(into)
        if found != wanted:
            raise FolderUnusable(
                f"{CONTAINER}/{prefix} is not whole: its hash is {found}.", next=f"baton publish models/{model}"
            )

    return fetch
