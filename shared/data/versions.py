"""Dataset versions: an immutable manifest, named by the hash of its bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from shared.state import AcceptedFile

V = 1


def manifest_bytes(model: str, contract: str, files: Sequence[AcceptedFile], *, first_new: int) -> bytes:
    """The manifest of these files: the same files under the same contract give the same bytes.

    `contract` is the SHA-256 of the contract that they satisfied; files numbered from `first_new` on are new in
    this version. Blob names are within container `datasets`.
    """
    listed = [
        {
            "number": file.number,
            "sha256": file.sha256,
            "rows": file.rows,
            "bytes": file.size,
            "blob": file.stored,
            "new": file.number >= first_new,
        }
        for file in sorted(files, key=lambda file: file.number)
    ]
    return json.dumps({"v": V, "model": model, "contract": contract, "files": listed}, indent=1).encode()
