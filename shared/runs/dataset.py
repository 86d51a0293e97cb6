"""The rows of a dataset version, as a run reads them: each file by the contract, split by the key for ever."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from shared.data.contract import read_contract
from shared.data.reading import read_table
from shared.data.split import split
from shared.errors import Permanent
from shared.runs.rows import Rows
from shared.spec import Data


def read_rows(dataset: Path, folder: Path, data: Data) -> Rows:
    """All rows of the dataset version whose manifest.json and files/ lie in `dataset`, by the contract in `folder`."""
    contract = read_contract(folder / data.contract)
    files = json.loads((dataset / "manifest.json").read_text())["files"]
    if not files:
        raise Permanent("the dataset version lists no file", next="drop a file, then retry the release")
    tables = [read_table(_place(dataset, file["sha256"]), contract) for file in files]
    train, holdout = split(pa.concat_tables(tables), list(data.key), data.holdout_percent)
    return Rows(train, holdout)


def _place(dataset: Path, sha256: str) -> Path:
    found = sorted((dataset / "files").glob(f"{sha256}.*"))
    if not found:
        raise Permanent(f"file {sha256} of the dataset version is not there", next="retry the release")
    return found[0]
