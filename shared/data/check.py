"""Checks a file against its contract, in one pass over batches: every broken rule with its rows, values and remedy.

Nothing of the answer depends on the clock, the machine or the file's name: the same bytes under the same contract give
the same verdict, on the laptop before the drop and on arrival.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from shared.data.cells import TextGone
from shared.data.ending import ends_with_line
from shared.data.formats import Unreadable, recognise
from shared.data.levels import Ages
from shared.data.opened import Rows
from shared.data.personal import without_values
from shared.data.profile import Profile
from shared.data.references import Known, known
from shared.data.rows import open_rows
from shared.data.rules import Contract, Kind
from shared.data.shown import counted, shown
from shared.data.tally import FIRST_ROWS, Tally
from shared.data.telling import broken_rule, wrong_kind
from shared.data.verdict import Problem, Verdict

COLUMNS_TOLD = 1000
QUICK_FROM = 1 << 20


def check(
    file: Path,
    contract: Contract,
    profile: Profile | None = None,
    *,
    at: datetime | None = None,
    references: Path | None = None,
    quick_from: int = QUICK_FROM,
) -> Verdict:
    """The verdict on a file. Whatever the file holds is told in it; only a disk that cannot be read raises (OSError).

    The age of rows is counted to `at`; what foreign keys point to lies in `references`, a folder for each dataset.
    An empty `profile` of the contract takes in the same rows in the same pass; of an unreadable file, those before the fault.
    A file of `quick_from` bytes is first read the quick way, which knows no cell's text; whatever it cannot tell is read
    again. The answer is the same.
    """
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    asked = _Asked(file, contract, known(contract, references), at, sha256)
    if file.stat().st_size >= quick_from:
        seen = Profile.of(contract) if profile is not None else None
        try:
            verdict = asked.read(seen, {column.name: column.kind for column in contract.columns})
        except (TextGone, Unreadable):
            pass  # what is wrong is told by the careful reading
        else:
            if profile is not None and seen is not None:
                profile.merge(seen)
            return verdict
    try:
        return asked.read(profile)
    except Unreadable as unreadable:
        return Verdict(False, sha256, 0, (), (without_values(unreadable.problem, contract),))


@dataclass(frozen=True)
class _Asked:
    """What a verdict is asked on."""

    file: Path
    contract: Contract
    foreign: Known
    at: datetime | None
    sha256: str

    def read(self, profile: Profile | None, kinds: Mapping[str, Kind] | None = None) -> Verdict:
        """The verdict of one reading; with `kinds`, of the quick one, which may raise `TextGone`."""
        contract = self.contract
        tally, ages = Tally(contract, self.foreign.values), Ages(contract.levels)
        rows = open_rows(self.file, contract.names, kinds)
        for batch in rows.batches:
            read = tally.add(batch, rows.converted)
            ages.add(read)
            if profile is not None:
                profile.add(read, batch.num_rows)
        present = [name for name in contract.names if rows.header.count(name) == 1]
        broken = (*_cut(self.file, contract), *_problems(rows, tally, contract))
        found = (*broken, *ages.problems(present, self.at), *self.foreign.problems)
        problems = tuple(without_values(problem, contract) for problem in found)
        accepted = not any(problem.severity == "error" for problem in problems)
        header = tuple(shown(name) for name in rows.header[:COLUMNS_TOLD])
        return Verdict(accepted, self.sha256, _all_rows(rows, tally), header, problems)


def _cut(file: Path, contract: Contract) -> Iterator[Problem]:
    if contract.ends_lines and not ends_with_line(file, recognise(file)):
        what = "the last row has no line end: the file may have been cut inside it"
        yield Problem("last_line", "", 1, (), (), what, "send the file whole, with a line end after its last row")


def _all_rows(rows: Rows, tally: Tally) -> int:
    return tally.rows + len(rows.skipped.numbers)


def _problems(rows: Rows, tally: Tally, contract: Contract) -> Iterator[Problem]:
    yield from _columns(rows.header, contract)
    total = _all_rows(rows, tally)
    if not total:
        yield Problem("rows", "", 0, (), (), "the file has a header and no rows", "drop a file with rows")
        return
    yield from _shape(rows, total)
    present = [name for name in contract.names if rows.header.count(name) == 1]
    places = _Places(rows.skipped.numbers)
    kinds = {column.name: column.kind for column in contract.columns}
    for name, count in tally.wrong(present):
        yield wrong_kind(name, kinds[name], count, places.numbers(count.rows), total)
    for rule, count in tally.counts(present):
        hides = not set(rule.columns).isdisjoint(contract.personal)
        yield from broken_rule(rule, count, places.numbers(count.rows), total, hides=hides)
    for prose in contract.not_checked:
        yield Problem(
            "not_checked", "", 0, (), (), f"not checked: {shown(prose, 200)}", "a person must look", "warning"
        )


def _columns(header: Sequence[str], contract: Contract) -> Iterator[Problem]:
    extra = [name for name in header if name not in contract.names]
    for name in contract.names:
        times = header.count(name)
        if times > 1:
            yield Problem("header", name, times, (), (), f"column {name} stands {times} times", "name each column once")
        elif not times:
            yield Problem("missing_column", name, 1, (), (), f"column {name} is missing", _renamed(name, extra))
    if extra:
        names = tuple(shown(name) for name in extra[:FIRST_ROWS])
        more = f" and {len(extra) - len(names)} more" if len(extra) > len(names) else ""
        what = f"the contract has no column {', '.join(names)}{more}"
        remedy = "nobody reads it; to have it checked and read, add it to contract.yaml"
        yield Problem("extra_column", "", len(extra), (), names, what, remedy, "warning")


def _renamed(name: str, extra: Sequence[str]) -> str:
    near = {other.strip().casefold(): other for other in extra}
    longer = [other for other in near if other.startswith(f"{name.casefold()}_")]
    found = difflib.get_close_matches(name.casefold(), near, 1) or longer
    return f'rename "{shown(near[found[0]])}" to {name}' if found else f"add column {name}"


def _shape(rows: Rows, total: int) -> Iterator[Problem]:
    skipped = rows.skipped
    if skipped.numbers:
        cells = f"the {counted(len(rows.header), 'cell')} of the header"
        what = f"{len(skipped.numbers)} of {counted(total, 'row')} have another shape than {cells}"
        remedy = 'put cells that hold a comma, a quote or a line break between quotes: "a, b"; send every row whole'
        first = tuple(skipped.numbers[:FIRST_ROWS])
        yield Problem("shape", "", len(skipped.numbers), first, tuple(skipped.samples), what, remedy)


class _Places:
    """From a row's place among the rows that were read (from 0) to its number in the file (from 1)."""

    def __init__(self, skipped: Sequence[int]) -> None:
        self._read_before = np.array(skipped, dtype=np.int64) - np.arange(1, len(skipped) + 1)

    def numbers(self, places: Sequence[int]) -> tuple[int, ...]:
        """The numbers in the file of these places."""
        read = np.array(places, dtype=np.int64) + 1
        return tuple((read + np.searchsorted(self._read_before, read, side="left")).tolist())
