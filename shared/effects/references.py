"""What a drop is checked against beside its contract: what foreign keys point to, and what the model answered lately."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from shared import log
from shared.data.checking import TooLarge
from shared.data.glance import datasets_of
from shared.data.versions import Listed, ManifestRefused, read_manifest
from shared.effects.parts import Parts
from shared.files.keeping import DATASETS
from shared.monitoring.answered import fetch_answered
from shared.names import VALUES
from shared.state import Command
from shared.storage.port import BlobMissing

FOLDER = "references"
"""Beside the drop."""


def fetch_beside(parts: Parts, model: str, command: Command, drop: Path, contract: Path) -> None:
    """Fetch both beside the drop; a model that did not serve when it landed has answered nothing."""
    fetch_references(parts, contract, drop.with_name(FOLDER))
    if command.payload.get("answers"):
        rules = parts.rules(model, command.payload["folder"])
        fetch_answered(parts.blobs, model, rules, drop, now=parts.clock())


def fetch_references(parts: Parts, contract: Path, into: Path) -> None:
    """Fetch the files of each version that a contract's foreign keys point to, each dataset's into a folder of its name.

    A dataset that has no version yet and one that was altered are left out, and the check then says so. Files that were
    forgotten have no values any more. `TooLarge` for a version above the inline limit: a run reads that.
    """
    for model in datasets_of(contract.read_text(encoding="utf-8")):
        files = _current(parts, model)
        if sum(file.bytes for file in files) > parts.inline_limit:
            raise TooLarge(model)
        for file in files:
            _fetch(parts, file, into / model)


def references_of_run(parts: Parts, contract: bytes) -> dict[str, str]:
    """The same versions as inputs of a run, by name."""
    heads = {model: parts.book.head(model) for model in datasets_of(contract.decode())}
    return {f"{VALUES}{model}": f"values:{head.dataset}" for model, head in heads.items() if head and head.dataset}


def _current(parts: Parts, model: str) -> Sequence[Listed]:
    head = parts.book.head(model)
    if head is None or not head.dataset:
        return ()
    try:
        return read_manifest(parts.blobs.read(DATASETS, head.dataset), name=head.dataset).files
    except (BlobMissing, ManifestRefused) as error:
        log.error("version that a foreign key points to cannot be read", why=error.what, next="docs/data.md#verify")
        return ()


def _fetch(parts: Parts, file: Listed, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(BlobMissing):
        parts.blobs.fetch(DATASETS, file.blob, into / f"{file.number:06d}")
