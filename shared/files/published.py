"""Published folders, as they lie in container `models`: fetched whole, and checked against the hash that names them."""

from __future__ import annotations

from pathlib import Path

from shared.errors import Permanent
from shared.files.folder import folder_hash
from shared.storage.port import BlobMissing, Blobs

MODELS = "models"


def source_blob(model: str, folder: str) -> str:
    """Beside the folder, where it came from: {"commit", "changed"}. Told by whoever published it, and no part of its hash.

    >>> source_blob("diabetes", "0123456789abcdef")
    'diabetes/0123456789abcdef.source.json'
    """
    return f"{model}/{folder}.source.json"


class InputMissing(Permanent):
    """Something that a run or a deployment should read is not there."""


class InputForgotten(Permanent):
    """A file of the dataset version was erased because a person asked for it."""


class InputAltered(Permanent):
    """Something that a run or a deployment should read is not what its hash says."""


def fetch_folder(blobs: Blobs, model: str, wanted: str, into: Path) -> None:
    """Copy the published folder with this hash into an empty folder; `InputAltered` if its files do not have the hash."""
    prefix = f"{model}/{wanted}/"
    names = list(blobs.names(MODELS, prefix))
    if not names:
        raise InputMissing(f"no folder is published as {MODELS}/{prefix}.", next=f"baton publish models/{model}")
    for name in names:
        target = into / name.removeprefix(prefix)
        if ".." in target.parts:
            raise InputAltered(f"{MODELS}/{name} leaves its folder.", next=f"baton publish models/{model}")
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch_blob(blobs, MODELS, name, target, what="a file of the published folder")
    same_hash(wanted, folder_hash(into), of=f"{MODELS}/{prefix}")


def fetch_blob(blobs: Blobs, container: str, name: str, into: Path, *, what: str) -> None:
    """Copy a blob to a file; `InputMissing` says which one is gone and what it was."""
    try:
        blobs.fetch(container, name, into)
    except BlobMissing as error:
        raise gone(container, name, what) from error


def gone(container: str, name: str, what: str) -> InputMissing:
    """The error for a blob that should be there."""
    return InputMissing(
        f"{container}/{name} is gone ({what}).",
        next="restore it from the container's soft delete or versions, then retry",
    )


def same_hash(wanted: str, found: str, *, of: str) -> None:
    """Raise `InputAltered` unless both are the same."""
    if wanted != found:
        raise InputAltered(
            f"{of} was altered: its hash is {found[:16]}, its name says {wanted[:16]}.",
            next="restore it from the container's versions, then retry; nothing was trained on it",
        )
