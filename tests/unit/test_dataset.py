"""The rows of a dataset version, as a run reads them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from shared.runs.dataset import read_rows
from shared.runs.rows import Rows
from shared.spec import Data

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: m
version: 1.0.0
status: active
schema:
  - name: rows
    logicalType: object
    properties:
      - {name: ID, logicalType: integer, required: true, primaryKey: true}
      - {name: Y, logicalType: number, required: true}
"""
HELD = 50  # percent


def rows_of(place: Path, *files: tuple[bool, range]) -> Rows:
    """What a version has of files, each new in it or not, with rows of these keys."""
    (place / "files").mkdir(parents=True)
    (place / "contract.yaml").write_text(CONTRACT)
    told = []
    for number, (is_new, keys) in enumerate(files, start=1):
        content = "".join(["ID,Y\n", *(f"{key},{key + number / 8}\n" for key in keys)]).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        (place / "files" / f"{sha256}.csv").write_bytes(content)
        blob = f"m/files/{sha256}.csv"
        told.append(
            {"number": number, "sha256": sha256, "rows": len(keys), "bytes": len(content), "blob": blob, "new": is_new}
        )
    manifest = json.dumps({"v": 1, "model": "m", "contract": "", "files": told}).encode()
    (place / "manifest.json").write_bytes(manifest)
    name = f"m/versions/{hashlib.sha256(manifest).hexdigest()}.json"
    return read_rows(place, place, Data("contract.yaml", ("ID",), "Y", holdout_percent=HELD), manifest=name)


@pytest.mark.parametrize(
    ("again", "fresh"),
    [(range(100), "none"), (range(100, 200), "all"), (range(50, 150), "some")],
)
def test_rows_that_are_dropped_again_are_not_new_to_the_holdout(tmp_path: Path, again: range, fresh: str) -> None:
    found = rows_of(tmp_path / "both", (False, range(100)), (True, again))
    unseen = rows_of(tmp_path / "alone", (True, range(100, again.stop))) if again.stop > 100 else None

    assert found.new_holdout == (unseen.new_holdout if unseen else 0)
    assert (found.new_holdout == 0) == (fresh == "none")
    assert found.train.num_rows + found.holdout.num_rows == 200


def test_all_rows_of_a_first_version_are_new(tmp_path: Path) -> None:
    found = rows_of(tmp_path, (True, range(100)))
    assert found.new_holdout == found.holdout.num_rows > 0
