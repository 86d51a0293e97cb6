"""When to retrain: pure rules over the basket, each answering with a reason.

Money is bounded here: cool-down, releases per day, a breaker after useless retrains, and no second
training of the same data with the same code. See docs/why.md for the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import batches
from shared.spec import Batch, Retrain
from shared.state import Cause, Head

DAY = timedelta(days=1)
ALWAYS_HEARD = ("request", "schedule")
SAME_INPUT_IS_USELESS = ("data", "code", "schedule")


@dataclass(frozen=True, slots=True)
class Answer:
    """`go` or not, the rule that decided, its sentence with numbers, and when the answer may change by itself.

    `drop` says that waiting cannot help, so the causes are let go.
    """

    go: bool
    rule: str
    why: str
    until: datetime | None = None
    drop: bool = False


def batch_ready(batch: Batch, filled: batches.Filled, now: datetime) -> Answer:
    """Is the basket's new data a dataset version yet?"""
    found = batches.ready(batch, filled, now)
    return Answer(found.go, "batch", found.why, found.until)


def should_retrain(
    retrain: Retrain, head: Head, causes: tuple[Cause, ...], *, input_print: str, now: datetime
) -> Answer:
    """May these causes open a release now? `input_print` names the data and code that it would train on."""
    kinds = {cause.kind for cause in causes}
    heard = kinds & {*retrain.on, *ALWAYS_HEARD}
    if not heard:
        return Answer(False, "retrain.on", f"cause {', '.join(sorted(kinds))} is not in retrain.on", drop=True)
    if head.next_file == 1:
        return Answer(False, "data", "no file was accepted yet, so there is nothing to train on", drop=True)
    if heard <= set(SAME_INPUT_IS_USELESS) and input_print in head.trained:
        return Answer(False, "same_input", "the same data and code were trained before", drop=True)
    if "request" in kinds:
        return Answer(True, "request", "a person asked")
    return _within_bounds(retrain, head, now)


def _within_bounds(retrain: Retrain, head: Head, now: datetime) -> Answer:
    if head.useless >= retrain.breaker:
        why = f"{head.useless} releases in a row were not promoted, the breaker opens at {retrain.breaker}"
        return Answer(False, "breaker", why, drop=False)
    if head.opened:
        cool = head.opened[-1] + timedelta(seconds=retrain.cool_down_seconds)
        if now < cool:
            return Answer(False, "cool_down", f"the last release was opened {_ago(now - head.opened[-1])} ago", cool)
    return within_budget(retrain, head, now)


def within_budget(retrain: Retrain, head: Head, now: datetime) -> Answer:
    """May another release be opened today, whoever caused it? Requests and adopted work count, and only requests go past it."""
    today = [moment for moment in head.opened if moment > now - DAY]
    if len(today) >= retrain.budget_per_day:
        why = f"{len(today)} releases in 24 hours, the budget is {retrain.budget_per_day}"
        return Answer(False, "budget_per_day", why, today[0] + DAY)
    return Answer(True, "retrain", f"{len(today)} of {retrain.budget_per_day} releases in 24 hours used")


def _ago(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
