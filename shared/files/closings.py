"""What stays of a closed folder in container `datasets`: what lay in it, and which of its parts became which file.

Names, sizes and hashes, no value of a row. Every blob is create-only, under a name that follows from the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.files.keeping import DATASETS, JSON
from shared.names import digest
from shared.storage.port import BlobMissing, Blobs

LISTED, READ = "closed-", "read-"
V = 1


@dataclass(frozen=True, slots=True)
class Listing:
    """What lay below a folder when its closing was first looked at: ETag and size of each file, by its name in the folder."""

    files: Mapping[str, tuple[str, int]]

    @property
    def sizes(self) -> dict[str, int]:
        """The files' sizes in bytes."""
        return {name: size for name, (_, size) in self.files.items()}

    def to_json(self, folder: str) -> bytes:
        """The stored form."""
        listed = [[name, etag, size] for name, (etag, size) in sorted(self.files.items())]
        return json.dumps({"v": V, "folder": folder, "files": listed}).encode()

    @staticmethod
    def from_json(content: bytes) -> Listing:
        """The listing that `to_json` gave."""
        return Listing({name: (etag, size) for name, etag, size in json.loads(content)["files"]})


def _place(model: str, folder: str) -> str:
    return f"{model}/folders/{digest(folder)[:32]}/"


def listing_blob(model: str, folder: str, etag: str) -> str:
    """Where the listing stands of the closing whose marker or manifest has this ETag."""
    return f"{_place(model, folder)}{LISTED}{digest(etag)[:32]}.json"


def read_listing(blobs: Blobs, name: str) -> Listing:
    """A listing that was written; `BlobMissing` if none was."""
    return Listing.from_json(blobs.read(DATASETS, name))


def listings(blobs: Blobs, model: str, folder: str) -> Iterator[Listing]:
    """Every listing of a folder: it may have been closed several times."""
    for name in blobs.names(DATASETS, f"{_place(model, folder)}{LISTED}"):
        yield read_listing(blobs, name)


def keep_parts(blobs: Blobs, model: str, folder: str, sha256: str, parts: Mapping[str, str]) -> None:
    """Write down of which parts, by name and SHA-256, the file `sha256` was made. Whether it was accepted the ledger says."""
    body = json.dumps({"v": V, "folder": folder, "parts": dict(parts)}).encode()
    blobs.put(DATASETS, f"{_place(model, folder)}{READ}{sha256}.json", body, content_type=JSON)


def parts_of(blobs: Blobs, model: str, folder: str, sha256: str) -> Mapping[str, str]:
    """The parts, by name and SHA-256, of which a file was made; none if it was not made of this folder."""
    try:
        found: Mapping[str, str] = json.loads(blobs.read(DATASETS, f"{_place(model, folder)}{READ}{sha256}.json"))[
            "parts"
        ]
    except BlobMissing:
        return {}
    return found


def files_of(blobs: Blobs, model: str, folder: str) -> Iterator[str]:
    """The SHA-256 of each file that was made of a folder's parts."""
    for name in blobs.names(DATASETS, f"{_place(model, folder)}{READ}"):
        yield name.rsplit(READ, 1)[-1].removesuffix(".json")
