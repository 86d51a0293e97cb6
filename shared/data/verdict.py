"""What a check says of a drop: accepted or refused, and for each broken rule where, how often and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shared.data.shown import counted

V = 1
ACCEPTED, REFUSED = "accepted.csv", "refused-rows.csv"
"""What the files are called into which the rows of a drop are sorted, where it is not kept as it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule. `rows` are the first row numbers (1 is the first data row), `samples` the first values, shortened.

    Where `masked`, samples are the form of personal values, without what they say. Severity `rows` refused those rows alone.
    """

    rule: str
    column: str
    count: int
    rows: tuple[int, ...]
    samples: tuple[str, ...]
    what: str
    remedy: str
    severity: Literal["error", "warning", "rows"] = "error"
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a drop, where that is not the drop itself: a file in UTF-8 of the accepted rows, written anew."""

    sha256: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The same bytes under the same contract give the same verdict, on the laptop and on arrival.

    `sha256` and `rows` are those of the drop. Where the accepted file is another one, it is `kept`.
    """

    accepted: bool
    sha256: str
    rows: int
    columns: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    kept: Kept | None = None

    @property
    def file_sha256(self) -> str:
        """The accepted file's."""
        return self.kept.sha256 if self.kept else self.sha256

    @property
    def file_rows(self) -> int:
        """The accepted file's."""
        return self.kept.rows if self.kept else self.rows

    @property
    def refused_rows(self) -> int:
        """How many rows an accepted drop lost."""
        return self.rows - self.file_rows

    @property
    def summary(self) -> str:
        """One sentence: accepted with its rows, or the first rules that it breaks."""
        if self.accepted:
            count = sum(problem.severity == "warning" for problem in self.problems)
            warnings = f", {counted(count, 'warning')}" if count else ""
            if self.refused_rows:
                return (
                    f"{self.file_rows} of {counted(self.rows, 'row')} accepted, {self.refused_rows} refused{warnings}"
                )
            return f"{counted(self.rows, 'row')} accepted{warnings}"
        errors = [problem for problem in self.problems if problem.severity == "error"]
        named = "; ".join(problem.what for problem in errors[:2])
        more = f"; and {len(errors) - 2} more" if len(errors) > 2 else ""
        return f"{named}{more}"

    def to_dict(self) -> dict[str, Any]:
        """The stored form, with `v`."""
        return {"v": V, **asdict(self)}

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_dict` gave."""
        problems = tuple(
            Problem(**{**problem, "rows": tuple(problem["rows"]), "samples": tuple(problem["samples"])})
            for problem in stored["problems"]
        )
        kept = Kept(**stored["kept"]) if stored.get("kept") else None
        return Verdict(stored["accepted"], stored["sha256"], stored["rows"], tuple(stored["columns"]), problems, kept)
