"""Dataset versions: the manifest's bytes are its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from shared.data.versions import manifest_bytes
from shared.state import AcceptedFile

AT = datetime(2026, 3, 1, tzinfo=UTC)


def accepted(number: int) -> AcceptedFile:
    return AcceptedFile(
        number, f"{number:064d}", 100, 1234, f"m/files/{number:064d}.csv", f"incoming/m/{number}.csv", AT
    )


def test_the_manifest_lists_its_files_and_which_of_them_are_new() -> None:
    manifest = json.loads(manifest_bytes("m", "c" * 64, [accepted(1), accepted(2)], first_new=2))
    assert manifest == {
        "v": 1,
        "model": "m",
        "contract": "c" * 64,
        "files": [
            {"number": 1, "sha256": "0" * 63 + "1", "rows": 100, "bytes": 1234, "blob": f"m/files/{'0' * 63}1.csv", "new": False},
            {"number": 2, "sha256": "0" * 63 + "2", "rows": 100, "bytes": 1234, "blob": f"m/files/{'0' * 63}2.csv", "new": True},
        ],
    }  # fmt: skip


def test_the_order_in_which_files_are_given_changes_no_byte() -> None:
    files = [accepted(1), accepted(2), accepted(3)]
    assert manifest_bytes("m", "c", files, first_new=1) == manifest_bytes("m", "c", files[::-1], first_new=1)
