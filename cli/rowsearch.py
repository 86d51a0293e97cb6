"""Where a row is: searched on this machine, in the files themselves, so that no value goes through Baton's API or its logs."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, options
from cli.address import Address
from cli.telling import DONE, SAID_NO, columns, tell_json, tell_next, waiting
from shared.errors import Permanent
from shared.monitoring.labels import labels_prefix

if TYPE_CHECKING:
    from shared.data.rules import Contract
    from shared.spec import Data
    from shared.storage.port import Blobs

SCORED, QUARANTINE, DATASETS = "scored", "quarantine", "datasets"
DROP = "drop-"


@dataclass(frozen=True, slots=True)
class Hit:
    """An accepted file with the row: its numbers in the file, and whether the split holds it out (None: by time)."""

    number: int
    sha256: str
    drop: str
    rows: tuple[int, ...]
    holdout: bool | None


@dataclass(frozen=True, slots=True)
class Found:
    """Everywhere that a row is: accepted files, places in quarantine, blobs of collected requests and of their labels.

    `unread` are blobs that cannot be searched, since they cannot be read.
    """

    files: tuple[Hit, ...]
    quarantine: tuple[str, ...]
    scored: tuple[str, ...]
    unread: tuple[str, ...]


@click.command()
@click.argument("model")
@click.argument("key", nargs=-1, required=True)
@options.as_json
def rows(model: str, key: tuple[str, ...], wants_json: bool) -> int:
    """Tell where the row with this key is, which versions hold it, and which models were trained with it.

    KEY is a value for each column of data.key, in its order. Files are read on this machine; the key is sent nowhere.
    Exit code 0 found, 2 not found.

    \b
    Example:  baton data rows diabetes 17
    """
    at = address.find()
    with waiting("searching the files"):
        found = search(at, model, key)
    held = [(hit, api.read(at, "models", model, "data", file=hit.sha256)) for hit in found.files]
    if wants_json:
        listed = [{**asdict(hit), "versions": versions} for hit, versions in held]
        tell_json({**asdict(found), "files": listed})
    else:
        _tell(model, found, held)
    return DONE if found.files or found.quarantine or found.scored else SAID_NO


def _tell(model: str, found: Found, held: Sequence[tuple[Hit, Any]]) -> None:
    for hit, versions in held:
        side = "split by time" if hit.holdout is None else "holdout" if hit.holdout else "train"
        numbers = ", ".join(map(str, hit.rows))
        click.echo(f"file {hit.number}  {hit.drop}  row {numbers}  {side}")
        used = [(version["id"][:12], _releases(version)) for version in versions]
        for line in columns(used) if used else ["in no version yet"]:
            click.echo(f"  {line}")
    for name in (
        *(f"{QUARANTINE}/{place}" for place in found.quarantine),
        *(f"{SCORED}/{name}" for name in found.scored),
    ):
        click.echo(name)
    for name in found.unread:
        click.echo(f"not searched, it cannot be read: {name}")
    if not (held or found.quarantine or found.scored):
        click.echo(f"No file of {model} has such a row.")
    tell_next(f'baton data forget {model} --key KEY --why "..." erases them' if held else "")


def _releases(version: Mapping[str, Any]) -> str:
    told = (
        f"{one['id']} {one['state']}" + (f" as version {one['version']}" if one["version"] else "")
        for one in version["releases"]
    )
    return ", ".join(told)


def search(at: Address, model: str, key: Sequence[str]) -> Found:
    """Read everything that may hold the row. `Permanent` if the key has another number of columns."""
    from shared.data.contract import read_contract
    from shared.files.published import fetch_folder
    from shared.model_yaml.spec_file import load_spec
    from shared.wiring import storage

    _, _, blobs = storage(at.setting("BATON_DATA"))
    folder = str(api.read(at, "models", model)["folder"])
    with tempfile.TemporaryDirectory(prefix="baton-rows-") as place:
        fetch_folder(blobs, model, folder, Path(place))
        data = load_spec((Path(place) / "model.yaml").read_text(encoding="utf-8-sig")).data
        contract = read_contract(Path(place) / data.contract)
    if len(key) != len(data.key):
        raise Permanent(f"The key of {model} is {', '.join(data.key)}.", next="give one value for each, in this order")
    accepted = api.read(at, "models", model, "files")
    return Search(blobs, model, data, contract, tuple(key)).everywhere(accepted)


@dataclass(slots=True)
class Search:
    """One search for one key."""

    blobs: Blobs
    model: str
    data: Data
    contract: Contract
    key: tuple[str, ...]

    def everywhere(self, accepted: Iterable[Mapping[str, Any]]) -> Found:
        """In accepted files, quarantine, collected requests and labels."""
        unread: list[str] = []
        files = tuple(self._accepted(accepted, unread))
        drops = [name for name in self.blobs.names(QUARANTINE, f"{self.model}/") if f"/{DROP}" in name]
        places = tuple(name.rsplit("/", 1)[0] for name in drops if self._rows_of(QUARANTINE, name, unread))
        return Found(files, places, tuple(self._scored(unread)), tuple(unread))

    def _scored(self, unread: list[str]) -> Iterator[str]:
        """Blobs of collected requests with the row, then files of labels that are about one of these requests, or have the row."""
        every = sorted(self.blobs.names(SCORED, f"{self.model}/"))
        labels = [name for name in every if name.startswith(labels_prefix(self.model))]
        requests: set[str] = set()
        for name in every:
            found = set() if name in labels else self._requests_in(name)
            if found:
                requests |= found
                yield name
        for name in labels:
            try:
                if self._is_labelled(name, requests):
                    yield name
            except (ValueError, csv.Error):
                unread.append(f"{SCORED}/{name}")

    def _accepted(self, accepted: Iterable[Mapping[str, Any]], unread: list[str]) -> Iterator[Hit]:
        from shared.data.split import is_holdout

        there = set(self.blobs.names(DATASETS, f"{self.model}/files/"))
        for file in accepted:
            found = self._rows_of(DATASETS, file["stored"], unread) if file["stored"] in there else ()
            if found:
                holdout = is_holdout(self.key, self.data.holdout_percent) if self.data.split == "key" else None
                yield Hit(file["number"], file["sha256"], file["blob"], found, holdout)

    def _rows_of(self, container: str, name: str, unread: list[str]) -> tuple[int, ...]:
        """The numbers of the rows with the key, from 1; a file that cannot be read goes to `unread`."""
        from shared.data.cells import column_cells
        from shared.data.formats import Unreadable
        from shared.data.rows import open_rows
        from shared.data.rules import PLAIN
        from shared.data.verdict import REFUSED

        kinds = {column.name: column.kind for column in self.contract.columns}
        # accepted files and refused rows are in plain CSV; a refused drop is written as its sender writes
        is_plain = container == DATASETS or name.endswith(f"/{DROP}{REFUSED}")
        dialect = PLAIN if is_plain else self.contract.dialect
        found: list[int] = []
        with tempfile.TemporaryDirectory(prefix="baton-rows-") as folder:
            copy = Path(folder) / PurePosixPath(name).name[-100:]
            self.blobs.fetch(container, name, copy)
            try:
                first = 1
                for batch in open_rows(copy, self.contract.names, dialect).batches:
                    columns_ = [column_cells(batch, column, kinds[column]).values for column in self.data.key]
                    found += [first + place for place in _places(columns_, self.key)]
                    first += batch.num_rows
            except Unreadable:
                unread.append(f"{container}/{name}")
        return tuple(found)

    def _requests_in(self, name: str) -> set[str]:
        """The ids of the requests in a blob that hold the row; "" for one without an id."""
        lines = map(_scored_line, self.blobs.read(SCORED, name).splitlines())
        return {str(line.get("request_id", "")) for line in lines if any(self._is_row(row) for row in _rows_in(line))}

    def _is_labelled(self, name: str, requests: Collection[str]) -> bool:
        lines = csv.DictReader(io.StringIO(self.blobs.read(SCORED, name).decode("utf-8-sig")))
        return any(
            (bool(line.get("request_id")) and line["request_id"] in requests) or self._is_row(line) for line in lines
        )

    def _is_row(self, row: object) -> bool:
        if not isinstance(row, Mapping) or not set(self.data.key) <= row.keys():
            return False
        return all(_same(row[name], wanted) for name, wanted in zip(self.data.key, self.key, strict=True))


def _places(key_columns: Sequence[Any], key: Sequence[str]) -> Iterator[int]:
    """The places, from 0, where all columns have the key's values, as the split reads them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    masks = [
        pc.equal(pc.fill_null(pc.cast(column, pa.string()), ""), wanted)
        for column, wanted in zip(key_columns, key, strict=True)
    ]
    together = masks[0]
    for mask in masks[1:]:
        together = pc.and_(together, mask)
    yield from np.flatnonzero(together.to_numpy(zero_copy_only=False)).tolist()


def _scored_line(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _rows_in(line: Mapping[str, Any]) -> list[Any]:
    rows_ = line.get("rows")
    return rows_ if isinstance(rows_, list) else [rows_]


def _same(value: object, wanted: str) -> bool:
    """Whether a scored value is the key's: as text, or as the same number."""
    if str(value) == wanted:
        return True
    try:
        return isinstance(value, int | float) and float(value) == float(wanted)
    except ValueError:
        return False
