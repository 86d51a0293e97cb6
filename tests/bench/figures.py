"""What a benchmark found, in the one form that every benchmark prints and docs/benchmarks.md is made of."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number in `unit`; with a `limit` it is met at or below it, or at or above it if that is the `least`."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether the limit is kept; without one there is nothing to miss."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found; `details` are its own, for the page to show."""

    bench: str
    figures: tuple[Figure, ...]
    details: Mapping[str, Any]

    @classmethod
    def from_dict(cls, printed: Mapping[str, Any]) -> Result:
        """A result as `report` printed it."""
        return cls(printed["bench"], tuple(Figure(**figure) for figure in printed["figures"]), printed["details"])


def report(bench: str, figures: Sequence[Figure], details: Mapping[str, object]) -> NoReturn:
    """Print one line of JSON, and end the process: with 0, or with 1 if a limit is missed."""
    print(json.dumps(asdict(Result(bench, tuple(figures), details)), ensure_ascii=False))
    sys.exit(any(not figure.met for figure in figures))


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile: the smallest value that at least `share` of all values do not exceed.

    >>> quantile([4.0, 1.0, 3.0, 2.0], 0.5), quantile(range(1, 51), 0.99)
    (2.0, 50)
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
