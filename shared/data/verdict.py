"""What a check says of a drop: accepted or refused, and for each broken rule where, how often and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shared.data.shown import counted

V = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule. `rows` are the first row numbers (1 is the first data row), `samples` the first values, shortened.

    Where `masked`, samples are the form of personal values, without what they say.
    """

    rule: str
    column: str
    count: int
    rows: tuple[int, ...]
    samples: tuple[str, ...]
    what: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The same bytes under the same contract give the same verdict, on the laptop and on arrival."""

    accepted: bool
    sha256: str
    rows: int
    columns: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def summary(self) -> str:
        """One sentence: accepted with its rows, or the first rules that it breaks."""
        if self.accepted:
            warnings = f", {counted(len(self.problems), 'warning')}" if self.problems else ""
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
        return Verdict(stored["accepted"], stored["sha256"], stored["rows"], tuple(stored["columns"]), problems)
