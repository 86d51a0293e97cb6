"""What the foreign keys of a contract point to: the current versions of other models' datasets, beside the drop."""

from __future__ import annotations

from pathlib import Path

import yaml

from shared.data.versions import read_manifest
from shared.effects.parts import Parts
from shared.keeping import DATASETS

NAMED = "relationships"
FOLDER = "references"
"""Beside the drop."""


def fetch_references(parts: Parts, contract: Path, into: Path) -> None:
    """Fetch the files of each version that a contract's foreign keys point to, each dataset's into a folder of its name.

    A dataset that has no version yet, or one above the inline limit, is left out: the check then says so.
    """
    text = contract.read_text(encoding="utf-8")
    for model in _datasets(text) if NAMED in text else ():
        head = parts.book.head(model)
        if head is None or not head.dataset:
            continue
        manifest = read_manifest(parts.blobs.read(DATASETS, head.dataset), name=head.dataset)
        if sum(file.bytes for file in manifest.files) <= parts.inline_limit:
            (into / model).mkdir(parents=True)
            for file in manifest.files:
                parts.blobs.fetch(DATASETS, file.blob, into / model / f"{file.number:06d}")


def _datasets(text: str) -> list[str]:
    """The datasets that a contract's properties point to. What is wrong in it the check itself tells."""
    try:
        properties = yaml.safe_load(text)["schema"][0]["properties"]
        named = [str(link["to"]) for item in properties for link in item.get(NAMED) or []]
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []
    return sorted({name.partition(".")[0] for name in named})
