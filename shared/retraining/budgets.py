"""What retraining may cost: releases, minutes of runs, and money, in a day and in a month. Pure.

Money is an estimate: the minutes of a release's runs times `retrain.price_per_minute`. What a platform really bills also has
storage, serving, idle time and rounding in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.retraining import spending
from shared.spec import Retrain
from shared.state import Head

NEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Answer:
    """`go` or not, the rule that decided, its sentence with numbers, and when the answer may change by itself.

    `drop` says that waiting cannot help, so the causes are let go. `passes` is what would let it pass. `numbers` has what
    was found and the limit.
    """

    go: bool
    rule: str
    why: str
    until: datetime | None = None
    drop: bool = False
    passes: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit and what counts against it: what was used in the span, and what one more release may take."""

    rule: str
    unit: str
    span: str
    used: float
    one_more: float
    limit: float
    frees_at: datetime | None

    @property
    def share(self) -> float:
        """How much of it is used, 1 for all; 0 without a limit."""
        return self.used / self.limit if self.limit > 0 else 0.0

    @property
    def is_full(self) -> bool:
        """Whether one more has no room."""
        return self.limit > 0 and self.used + self.one_more > self.limit

    @property
    def answer(self) -> Answer:
        """That it waits until something leaves the span."""
        why = f"{self.used:.4g} {self.unit} in {self.span}, one more takes up to {self.one_more:.4g}, the budget is {self.limit:.4g}"
        numbers = {"used": self.used, "limit": self.limit}
        passes = f"time, or a larger retrain.{self.rule}"
        return Answer(False, self.rule, why, self.frees_at, passes=passes, numbers=numbers)


def full(retrain: Retrain, head: Head, run_seconds: float, now: datetime) -> Answer | None:
    """The first budget that has no room for one more release whose run takes so long."""
    return next((budget.answer for budget in _each(retrain, head, run_seconds, now) if budget.is_full), None)


def nearly_used(retrain: Retrain, head: Head, now: datetime) -> Budget | None:
    """The budget of minutes or money that most is used of, if that is more than four fifths. Those of releases are counted out loud."""
    spent = [one for one in _each(retrain, head, 0.0, now) if one.unit != "releases" and one.share > NEARLY]
    return max(spent, key=lambda one: one.share, default=None)


def _each(retrain: Retrain, head: Head, run_seconds: float, now: datetime) -> Iterator[Budget]:
    today = opened_today(head, now)
    frees_at = today[0] + spending.DAY if today else None
    yield Budget("budget_per_day", "releases", "24 hours", len(today), 1, retrain.budget_per_day, frees_at)
    month = spending.used(head.spent, now, spending.MONTH)
    yield Budget("budget_per_month", "releases", "30 days", month.releases, 1, retrain.budget_per_month, month.frees_at)
    day = spending.used(head.spent, now, spending.DAY)
    money = f"{retrain.currency} (estimated)"
    for unit, price, name in (("minutes", 1.0, "minutes"), (money, retrain.price_per_minute, "money")):
        for span, used, per in (("24 hours", day, "day"), ("30 days", month, "month")):
            rule = f"{name}_per_{per}"
            limit = getattr(retrain, rule)
            yield Budget(rule, unit, span, used.seconds / 60 * price, run_seconds / 60 * price, limit, used.frees_at)


def opened_today(head: Head, now: datetime) -> list[datetime]:
    """When releases were opened in the last 24 hours."""
    return [moment for moment in head.opened if moment > now - spending.DAY]
