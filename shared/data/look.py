"""One reading of a file under a contract, in batches: every broken rule with its rows, values and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.data.ending import ends_with_line
from shared.data.folders import part_files
from shared.data.formats import recognise
from shared.data.levels import Ages
from shared.data.opened import Rows
from shared.data.personal import without_values
from shared.data.places import Places
from shared.data.profile import Profile
from shared.data.references import Known
from shared.data.rows import open_rows
from shared.data.rules import Contract, Kind
from shared.data.shown import counted, shown
from shared.data.sieve import Sieve, is_of_rows
from shared.data.tally import FIRST_ROWS, Tally
from shared.data.telling import broken_rule, wrong_kind
from shared.data.verdict import Problem

COLUMNS_TOLD = 1000
OF_CELLS = re.compile(r"[0-9]+ cells: ")
"""How the sample of a row begins that has another number of cells; the others are lines of JSON."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: `problems` are of the whole file, `of_rows` are errors that single rows could be refused for."""

    rows: Rows
    total: int
    problems: tuple[Problem, ...]
    of_rows: tuple[Problem, ...]

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Both, those of the file's columns first."""
        first = [problem for problem in self.problems if problem.rule in FIRST_TOLD]
        return (*first, *self.of_rows, *(problem for problem in self.problems if problem.rule not in FIRST_TOLD))

    @property
    def is_clean(self) -> bool:
        """Whether no error was found."""
        return not any(problem.severity == "error" for problem in (*self.problems, *self.of_rows))

    @property
    def header(self) -> tuple[str, ...]:
        """The columns' names, as they may be shown."""
        return tuple(shown(name) for name in self.rows.header[:COLUMNS_TOLD])


FIRST_TOLD = ("last_line", "header", "missing_column", "extra_column", "rows")


def look(
    file: Path,
    contract: Contract,
    foreign: Known,
    *,
    at: datetime | None,
    profile: Profile | None = None,
    sieve: Sieve | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Look:
    """Read the file once. `Unreadable` for what no reader could read; of what else it holds, everything is told. With
    `kinds`, the quick way: it may raise `TextGone`.

    An empty `profile` takes in the same rows, a `sieve` which of them are refused for what.
    """
    tally, ages = Tally(contract, foreign.values, sieve), Ages(contract.levels)
    rows = open_rows(file, contract.names, contract.dialect, kinds=kinds)
    for batch in rows.batches:
        read = tally.add(batch, rows.converted)
        ages.add(read)
        if profile is not None:
            profile.add(read, batch.num_rows)
    return told(rows, tally, ages, contract, foreign, at=at, cut=tuple(_cut(file, contract)))


def told(
    rows: Rows,
    tally: Tally,
    ages: Ages,
    contract: Contract,
    foreign: Known,
    *,
    at: datetime | None,
    cut: tuple[Problem, ...] = (),
) -> Look:
    """What the counts of a file's rows come to."""
    present = [name for name in contract.names if rows.header.count(name) == 1]
    total = tally.rows + len(rows.skipped.numbers)
    of_rows, whole = _problems(rows, tally, contract, present, total) if total else ([], [_without_rows()])
    found = [*cut, *_columns(rows.header, contract), *whole]
    found += [*(ages.problems(present, at)), *foreign.problems]
    hidden, hidden_of_rows = (tuple(without_values(one, contract) for one in listed) for listed in (found, of_rows))
    return Look(rows, total, hidden, hidden_of_rows)


def _cut(drop: Path, contract: Contract) -> Iterator[Problem]:
    for file in part_files(drop) if contract.ends_lines else ():
        if not ends_with_line(file, recognise(file, contract.dialect.encoding)):
            of = f"of part {shown(file.name, 120)} " if drop.is_dir() else ""
            what = f"the last row {of}has no line end: the file may have been cut inside it"
            yield Problem("last_line", "", 1, (), (), what, "send the file whole, with a line end after its last row")


def _without_rows() -> Problem:
    return Problem("rows", "", 0, (), (), "the file has a header and no rows", "drop a file with rows")


def _problems(
    rows: Rows, tally: Tally, contract: Contract, present: Sequence[str], total: int
) -> tuple[list[Problem], list[Problem]]:
    """Those that single rows could be refused for, and the others."""
    of_rows, whole = [*_shape(rows, total)], list[Problem]()
    places = Places(rows.skipped.numbers)
    kinds = {column.name: column.kind for column in contract.columns}
    for name, count in tally.wrong(present):
        of_rows.append(wrong_kind(name, kinds[name], count, places.numbers(count.rows), total))
    for rule, count in tally.counts(present):
        hides = not set(rule.columns).isdisjoint(contract.personal)
        told = broken_rule(rule, count, places.numbers(count.rows), total, hides=hides)
        (of_rows if is_of_rows(rule) and not count.failed else whole).extend(told)
    for prose in contract.not_checked:
        what = f"not checked: {shown(prose, 200)}"
        whole.append(Problem("not_checked", "", 0, (), (), what, "a person must look", "warning"))
    return of_rows, whole


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
        if all(map(OF_CELLS.match, skipped.samples)):
            wrong = f"have another shape than the {counted(len(rows.header), 'cell')} of the header"
            remedy = 'put cells that hold a comma, a quote or a line break between quotes: "a, b"; send every row whole'
        else:
            wrong = f"{'is no JSON object' if len(skipped.numbers) == 1 else 'are no JSON objects'} of plain values"
            remedy = "write one whole object a line, and what is in an object or a list within it as columns of its own"
        what = f"{len(skipped.numbers)} of {counted(total, 'row')} {wrong}"
        first = tuple(skipped.numbers[:FIRST_ROWS])
        yield Problem("shape", "", len(skipped.numbers), first, tuple(skipped.samples), what, remedy)
