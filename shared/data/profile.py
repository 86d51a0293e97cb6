"""What a column's values look like, in a few kB: a profile of a file, and of a version the merge of its files' profiles.

Made from the very cells that the check reads, in the same pass. Profiles of parts merge into the profile of the whole, in
any order: counts, ranges and distinct values exactly, moments to rounding, quantiles and frequent values within their errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.data.cells import Cells
from shared.data.moments import Moments
from shared.data.ordered import counted_numbers
from shared.data.rules import Contract, Kind
from shared.data.sketches import TEXTS_KEPT, Distinct, Frequent, Quantiles, hashes_of, largest
from shared.data.texts import counted_texts
from shared.errors import Permanent

V = 1
NUMBERS: tuple[Kind, ...] = ("integer", "number")
TIMES: tuple[Kind, ...] = ("date", "timestamp")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROFILED_ANEW = "remove the blob and drop its file again, which profiles it anew"
DECILES = [tenth / 10 for tenth in range(11)]


class ProfileUnreadable(Permanent):
    """A stored profile is not what this code writes."""


@dataclass
class ColumnProfile:
    """One column. `numbers` are the moments of its numbers (times as days or microseconds since 1970), `lengths` those of its
    texts' lengths in characters; `missing` and `wrong` count the rows without a value and with one of another kind.

    Of a `personal` one no value is kept, and of its numbers the count alone: a mean of one row would tell it.
    """

    kind: Kind
    personal: bool = False
    missing: int = 0
    wrong: int = 0
    numbers: Moments = field(default_factory=Moments)
    lengths: Moments = field(default_factory=Moments)
    quantiles: Quantiles = field(default_factory=Quantiles)
    distinct: Distinct = field(default_factory=Distinct)
    frequent: Frequent = field(default_factory=Frequent)

    def __post_init__(self) -> None:
        if self.kind == "string":
            self.frequent.most = TEXTS_KEPT

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.lengths.count if self.kind == "string" else self.numbers.count

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.present + self.missing + self.wrong

    @property
    def range(self) -> tuple[str, str] | None:
        """The first and the last time, in ISO 8601; None for other kinds, and without any."""
        if self.kind not in TIMES or self.personal or not self.present:
            return None
        return self.time(self.numbers.least), self.time(self.numbers.most)

    def time(self, number: float) -> str:
        """A number of this column of dates or timestamps as the time that it stands for, in ISO 8601."""
        if self.kind == "date":
            return (date(1970, 1, 1) + timedelta(days=number)).isoformat()
        return (EPOCH + timedelta(microseconds=number)).isoformat()

    def add(self, cells: Cells) -> None:
        """Add a batch's cells of this column."""
        wrong = cells.wrong.true_count if cells.wrong is not None else 0
        self.wrong += wrong
        self.missing += cells.values.null_count - wrong
        if cells.values.null_count == len(cells.values):
            return
        if self.kind == "string":
            self._add_texts(cells)
        else:
            self._add_numbers(cells)

    def _add_texts(self, cells: Cells) -> None:
        texts = counted_texts(cells.encoded)
        self.lengths = self.lengths.merge(Moments.of(texts.lengths, texts.counts))
        self.distinct.add(texts.hashes)
        if self.personal:
            self.frequent.add((), (), int(texts.counts.max()))
            return
        places, error = largest(texts.counts, self.frequent.most)
        self.frequent.add(texts.shown(places), texts.counts[places].tolist(), error)

    def _add_numbers(self, cells: Cells) -> None:
        numbers = cells.numbers
        ordered, (values, counts, once) = counted_numbers(numbers, cells.ends)
        self.distinct.add(hashes_of(ordered if once else values))
        if self.personal:
            self.numbers = self.numbers.merge(Moments(len(numbers)))
            self.frequent.add((), (), int(counts.max(initial=1)))
            return
        self.numbers = self.numbers.merge(Moments.of(numbers, ends=cells.ends))
        places, error = largest(counts, self.frequent.most)
        kept = values[places]
        self.frequent.add(
            kept.tolist() if self.kind == "number" else [int(one) for one in kept.tolist()],
            counts[places].tolist(),
            max(error, int(once)),
        )
        if self.kind != "boolean":
            self.quantiles.add(ordered)

    def merge(self, other: ColumnProfile) -> None:
        """Take in another part of the same column; `Permanent` if it is of another kind."""
        if other.kind != self.kind:
            what = f"profiles of a column of kind {self.kind} and of kind {other.kind} cannot be merged"
            raise Permanent(what, next="compare them instead; the contract has changed between them")
        self.personal = self.personal or other.personal
        self.missing += other.missing
        self.wrong += other.wrong
        self.numbers, self.lengths = self.numbers.merge(other.numbers), self.lengths.merge(other.lengths)
        self.quantiles.merge(other.quantiles)
        self.distinct.merge(other.distinct)
        self.frequent.merge(other.frequent)
        if self.personal:
            self._forget_values()

    def _forget_values(self) -> None:
        """What one part's contract called personal is personal in all of them."""
        self.numbers, self.quantiles = Moments(self.numbers.count), Quantiles()
        self.frequent = replace(
            self.frequent, counts={}, error=self.frequent.error + max(self.frequent.counts.values(), default=0)
        )

    def to_dict(self) -> dict[str, Any]:
        """The stored form. `about_distinct`, `deciles` and `range` are there to be read; the sketches know more."""
        return {
            "kind": self.kind,
            "personal": self.personal,
            "missing": self.missing,
            "wrong": self.wrong,
            "numbers": self.numbers.to_dict(),
            "lengths": self.lengths.to_dict(),
            "about_distinct": self.distinct.count,
            "deciles": self.quantiles.quantiles(DECILES),
            "range": self.range,
            "quantiles": self.quantiles.to_dict(),
            "distinct": self.distinct.to_text(),
            "frequent": self.frequent.to_dict(),
        }

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> ColumnProfile:
        """What `to_dict` gave."""
        return ColumnProfile(
            stored["kind"],
            stored["personal"],
            stored["missing"],
            stored["wrong"],
            Moments.from_dict(stored["numbers"]),
            Moments.from_dict(stored["lengths"]),
            Quantiles.from_dict(stored["quantiles"]),
            Distinct.from_text(stored["distinct"]),
            Frequent.from_dict(stored["frequent"]),
        )


@dataclass
class Profile:
    """All columns of a contract, over `rows` rows."""

    rows: int = 0
    columns: dict[str, ColumnProfile] = field(default_factory=dict)

    @staticmethod
    def of(contract: Contract) -> Profile:
        """An empty one for the contract's columns."""
        return Profile(0, {column.name: ColumnProfile(column.kind, column.personal) for column in contract.columns})

    def add(self, read: Mapping[str, Cells], rows: int) -> None:
        """Add a batch by its cells, as the check has read them."""
        for name, column in self.columns.items():
            column.add(read[name])
        self.rows += rows

    def merge(self, other: Profile) -> None:
        """Take in another part. Of a column that one of them lacks, its rows count as missing."""
        for name, column in other.columns.items():
            mine = self.columns.setdefault(name, ColumnProfile(column.kind, column.personal, missing=self.rows))
            mine.merge(column)
        for name in self.columns.keys() - other.columns.keys():
            self.columns[name].missing += other.rows
        self.rows += other.rows

    def to_dict(self) -> dict[str, Any]:
        """The stored form, with `v`."""
        return {"v": V, "rows": self.rows, "columns": {name: one.to_dict() for name, one in self.columns.items()}}

    def save(self, file: Path) -> None:
        """Write the stored form."""
        file.write_text(json.dumps(self.to_dict(), allow_nan=False), encoding="utf-8")

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Profile:
        """What `to_dict` gave; `ProfileUnreadable` if it is something else."""
        try:
            if stored["v"] != V:
                raise ValueError(f"it has form {stored['v']}, this code reads form {V}")
            columns = {name: ColumnProfile.from_dict(one) for name, one in stored["columns"].items()}
            return Profile(int(stored["rows"]), columns)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            what = f"a stored profile cannot be read ({error!r:.200})"
            raise ProfileUnreadable(what, next=PROFILED_ANEW) from error


def read_profile(content: bytes) -> Profile:
    """The profile in a blob's bytes."""
    try:
        found = json.loads(content)
    except ValueError as error:
        raise ProfileUnreadable(f"a stored profile is no JSON ({error})", next=PROFILED_ANEW) from error
    return Profile.from_dict(found)


def merged(parts: Iterable[Profile]) -> Profile:
    """The profile of all parts together, as of a version's files."""
    whole = Profile()
    for part in parts:
        whole.merge(part)
    return whole
