"""What `gates` in model.yaml may say beyond metric, floor and gain. What is left out is not asked, and read out as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Comparing:
    """What is compared: rows, or all rows with one value of the column `unit` (a user), or with `block_days` all rows of
    so many days of it. `k` is the number of places that ranking metrics look at; `classes` are the target's values. Where
    a metric counts right answers, a probability of the second of two classes, or of 1, counts as it from `threshold` on.
    """

    unit: str = ""
    block_days: float = 0.0
    k: int = 10
    classes: tuple[str, ...] = ()
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of the rows in which the candidate must not be worse by more than `margin`, in units of the metric.

    Each value of `columns` is a slice, each condition in `where` is one. With `depth` the worst slice of so many
    conditions is searched; `found` says whether it holds the candidate or is only told. Fewer than `min_rows` rows, or
    `min_positives` rows of the rarer kind where the target is 0 or 1, are not judged.
    """

    columns: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    margin: float = 0.0
    min_rows: int = 100
    min_positives: int = 30
    depth: int = 0
    found: Literal["tell", "hold"] = "tell"

    @property
    def asked(self) -> bool:
        """Whether any slice is looked at."""
        return bool(self.columns or self.where or self.depth)


@dataclass(frozen=True, slots=True)
class Sanity:
    """What is not believed. None is the default, which `shared/gating/sanity_gates.py` states.

    A candidate without more than `max_jump_percent` of what the champion has wrong; of the folder's own metric, better by more than
    so much of its value (0, or 100 and more: not asked). More than `max_overlap_percent` of the holdout rows with all features
    of a training row (100: not asked). Other columns than those that the champion was made with: "same" holds any, "versioned" those
    without a raised version of the contract.
    """

    max_jump_percent: float | None = None
    max_overlap_percent: float | None = None
    schema: Literal["any", "same", "versioned"] = "versioned"


@dataclass(frozen=True, slots=True)
class Holdout:
    """`error_budget` is the chance of a false promotion that all comparisons on one holdout share (0: not counted)."""

    error_budget: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """A further check of the certificate, a plug-in called as its entry in `checks` is (docs/certificate.md).

    `limits` name what it measures, each "at most NUMBER" or "at least NUMBER". A measure with an interval is held against its
    upper or lower bound, or with `judge` values against itself. `parameters` are given to the plug-in as texts.
    """

    limits: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    judge: Literal["bounds", "values"] = "bounds"
    max_seconds: float = 120.0
