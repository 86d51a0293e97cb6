"""The rows of a dataset version, as a run reads them: each file verified by its hash, read by the contract, split for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.contract import read_contract
from shared.data.reading import read_table
from shared.data.rules import Contract
from shared.data.split import key_texts, split, split_by_time
from shared.data.versions import Listed, read_manifest
from shared.errors import Permanent
from shared.runs.rows import Parts, Rows
from shared.spec import Data


class DatasetAltered(Permanent):
    """What lies there is not what the dataset version lists."""


def read_rows(dataset: Path, folder: Path, data: Data, *, manifest: str) -> Rows:
    """All rows of the dataset version whose manifest.json and files/ lie in `dataset`, by the contract in `folder`.

    `manifest` is the name that the request gives the version. `ManifestRefused` if its content has not that name's hash,
    `DatasetAltered` if a file has not the hash or the rows that the manifest lists: nothing is trained then.
    """
    contract = read_contract(folder / data.contract)
    version = read_manifest((dataset / "manifest.json").read_bytes(), name=manifest)
    if not version.files:
        raise Permanent("the dataset version lists no file", next="drop a file, then retry the release")
    sides = [(file.new, *_sides(_verified(dataset, file, contract), data)) for file in version.files]
    new_holdout = _unseen(
        [holdout for new, _, holdout in sides if not new], [holdout for new, _, holdout in sides if new], data.key
    )
    train, holdout = (pa.concat_tables([side[place] for side in sides]) for place in (1, 2))
    return Rows(train, holdout, new_holdout)


def _unseen(before: Sequence[pa.Table], now: Sequence[pa.Table], key: Sequence[str]) -> int:
    """How many rows of `now` have a key that no row of `before` has: rows that are dropped again are not new ones."""
    if not before or not now:
        return sum(table.num_rows for table in now)
    known, found = (key_texts(pa.concat_tables(tables), key) for tables in (before, now))
    return int(pc.sum(pc.invert(pc.is_in(found, value_set=known))).as_py() or 0)


def search_parts(train: pa.Table, data: Data, percent: int) -> Parts:
    """The training rows with `percent` of all rows set apart, by the next part of the hash that sets the holdout apart: a key, or
    a block of time, is in one of the three, for ever.
    """
    return Parts(*_sides(train, replace(data, holdout_percent=data.holdout_percent + percent)))


def _sides(table: pa.Table, data: Data) -> tuple[pa.Table, pa.Table]:
    if data.split == "time":
        return split_by_time(table, data.time, data.block_days, data.holdout_percent)
    return split(table, list(data.key), data.holdout_percent)


def _verified(dataset: Path, file: Listed, contract: Contract) -> pa.Table:
    """The rows of a file whose bytes are those that the manifest lists."""
    place = _place(dataset, file.sha256)
    with place.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != file.sha256:
        what = f"{place.name} was altered: its bytes have the hash {found[:16]}, the dataset version lists {file.sha256[:16]}"
        raise DatasetAltered(what, next="retry the release: it fetches the files again; nothing was trained on it")
    table = read_table(place, contract)
    if table.num_rows != file.rows:
        what = f"{place.name} has {table.num_rows} rows, the dataset version lists {file.rows}"
        raise DatasetAltered(what, next="retry the release; nothing was trained on it")
    return table


def _place(dataset: Path, sha256: str) -> Path:
    found = sorted((dataset / "files").glob(f"{sha256}.*"))
    if not found:
        raise Permanent(f"file {sha256} of the dataset version is not there", next="retry the release")
    return found[0]
