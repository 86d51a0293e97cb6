"""Checks a file against its contract: the verdict, and the file that is kept where that is not the drop itself.

Nothing of the answer depends on the clock, the machine or the file's name: the same bytes under the same contract give
the same verdict, on the laptop before the drop and on arrival.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from shared.data.cells import TextGone
from shared.data.folders import content_hash
from shared.data.formats import Unreadable
from shared.data.look import Look, look
from shared.data.own_output import own_output
from shared.data.part_rows import placed
from shared.data.personal import without_values
from shared.data.profile import Profile
from shared.data.references import Known, known
from shared.data.rules import PLAIN, Contract
from shared.data.sieve import Sieve
from shared.data.sift import Sifted, sift
from shared.data.verdict import Problem, Verdict

QUICK_FROM = 1 << 20
WHOLE = ("last_line", "header", "missing_column", "rows")
"""Errors of the file itself: no row of such a file is accepted."""


def check(
    file: Path,
    contract: Contract,
    profile: Profile | None = None,
    *,
    at: datetime | None = None,
    references: Path | None = None,
    answered: Path | None = None,
    keep: Path | None = None,
    quick_from: int = QUICK_FROM,
) -> Verdict:
    """The verdict on a file, or on a folder of parts. Whatever it holds is told in it; only a disk that cannot be read
    raises (OSError).

    The age of rows is counted to `at`; what foreign keys point to lies in `references`, a folder for each dataset, what
    the model answered lately in `answered`: a file that is mostly that is refused, whatever the contract says.
    An empty `profile` of the contract takes in the accepted file's rows; of a refused one, all that were read. Where the
    accepted file is not the drop itself, it is written into the folder `keep`, with the refused rows beside it. A file of
    `quick_from` bytes is first read the quick way, which knows no cell's text; whatever it cannot tell is read again. The
    answer is the same.
    """
    verdict = _by_contract(file, contract, profile, at, known(contract, references), keep, quick_from)
    own = own_output(file, contract, answered) if verdict.accepted else None
    return replace(verdict, accepted=False, problems=(own, *verdict.problems), kept=None) if own else verdict


def _by_contract(
    file: Path,
    contract: Contract,
    profile: Profile | None,
    at: datetime | None,
    foreign: Known,
    keep: Path | None,
    quick_from: int,
) -> Verdict:
    if file.is_file() and file.stat().st_size >= quick_from:
        quick = _quickly(file, contract, foreign, at, profile)
        if quick is not None:
            return quick
    sha256 = content_hash(file)
    sieve = Sieve() if contract.floor_percent is not None else None
    try:
        found = look(file, contract, foreign, at=at, profile=profile, sieve=sieve)
        verdict = Verdict(found.is_clean, sha256, found.total, found.header, found.all_problems)
        if not _is_written_anew(found, sieve):
            return _placed(verdict, found)
        with tempfile.TemporaryDirectory(prefix="baton-sift-") if keep is None else nullcontext(keep) as folder:
            again = _Again(contract, foreign, at, profile)
            sifted = sift(file, contract, sieve or Sieve(), Path(folder), found.rows.skipped.numbers)
            return _placed(again.verdict(verdict, found, sifted), found)
    except Unreadable as unreadable:
        return Verdict(False, sha256, 0, (), (without_values(unreadable.problem, contract),))


def _placed(verdict: Verdict, found: Look) -> Verdict:
    """The verdict with the parts named in which rows stand, if it is about a folder."""
    if not found.rows.parts:
        return verdict
    return replace(verdict, problems=tuple(placed(problem, found.rows.parts) for problem in verdict.problems))


def _quickly(
    file: Path, contract: Contract, foreign: Known, at: datetime | None, profile: Profile | None
) -> Verdict | None:
    """The verdict of the quick reading, or None where the careful one has to tell what is wrong, or sort the rows."""
    seen = Profile.of(contract) if profile is not None else None
    kinds = {column.name: column.kind for column in contract.columns}
    try:
        found = look(file, contract, foreign, at=at, profile=seen, kinds=kinds)
    except (TextGone, Unreadable):
        return None
    if _is_written_anew(found, Sieve() if contract.floor_percent is not None else None):
        return None
    if profile is not None and seen is not None:
        profile.merge(seen)
    sha256 = found.rows.sha256 or content_hash(file)
    return Verdict(found.is_clean, sha256, found.total, found.header, found.all_problems)


def _is_written_anew(found: Look, sieve: Sieve | None) -> bool:
    """Whether the accepted file is another one than the drop: rows are left out, or only this contract reads the drop."""
    if found.is_clean:
        return found.rows.is_foreign
    whole = any(problem.rule in WHOLE and problem.severity == "error" for problem in found.problems)
    return sieve is not None and bool(found.of_rows) and not whole


class _Again:
    """The accepted rows, held against the whole contract as the file that they are now."""

    def __init__(self, contract: Contract, foreign: Known, at: datetime | None, profile: Profile | None) -> None:
        self._floor = contract.floor_percent or 0.0
        self._contract = replace(contract, floor_percent=None, dialect=PLAIN, ends_lines=False)
        self._foreign = foreign
        self._at = at
        self._profile = profile

    def verdict(self, whole: Verdict, found: Look, sifted: Sifted) -> Verdict:
        """Accepted, if enough rows are left and they satisfy the contract by themselves; else refused as a whole."""
        share = 100 * sifted.kept.rows / found.total
        if not sifted.kept.rows or share < self._floor:
            return replace(whole, problems=(self._below(sifted.kept.rows, found.total), *whole.problems))
        own = Profile.of(self._contract) if self._profile is not None else None
        again = look(sifted.file, self._contract, self._foreign, at=self._at, profile=own)
        if not again.is_clean or again.total != sifted.kept.rows:
            return replace(whole, accepted=False, problems=(*whole.problems, *self._not_enough(whole, again, sifted)))
        if self._profile is not None and own is not None:
            self._profile.rows, self._profile.columns = own.rows, own.columns
        refused = [replace(problem, severity="rows") for problem in found.of_rows]
        other = [problem for problem in found.problems if problem.rule == "extra_column"]
        told = [replace(problem, rows=_in_drop(problem.rows, sifted)) for problem in again.all_problems]
        return replace(whole, accepted=True, problems=(*refused, *other, *told), kept=sifted.kept)

    def _below(self, rows: int, total: int) -> Problem:
        what = f"{rows} of {total} rows ({100 * rows / total:.1f} %) could be accepted, must be {self._floor:g} %"
        todo = "mend the rows below; or, if so many may be refused, lower acceptedShare in contract.yaml"
        return Problem("acceptedShare", "", total - rows, (), (), what, todo)

    def _not_enough(self, whole: Verdict, again: Look, sifted: Sifted) -> Sequence[Problem]:
        """What the accepted rows break by themselves, beside what was told already."""
        known = {(problem.rule, problem.column) for problem in whole.problems}
        errors = [problem for problem in again.all_problems if problem.severity == "error"]
        new = [problem for problem in errors if (problem.rule, problem.column) not in known]
        told = [
            replace(problem, what=f"of the accepted rows: {problem.what}", rows=_in_drop(problem.rows, sifted))
            for problem in new
        ]
        if again.total != sifted.kept.rows:
            what = f"the accepted rows read as {again.total} rows, not {sifted.kept.rows}, once they are written as CSV"
            told.append(
                Problem("readable", "", 1, (), (), what, "send values that are no line ends, or all rows right")
            )
        return told


def _in_drop(rows: Sequence[int], sifted: Sifted) -> tuple[int, ...]:
    """The numbers in the drop of rows of the accepted file."""
    return sifted.numbers.numbers([int(sifted.places[row - 1]) for row in rows])
