"""When to retrain: pure rules over the basket, each answering with a reason, its numbers and what would let it pass.

`should_retrain` asks them in order, and the first that says no is the answer. Those that waiting cannot change let the
causes go (`drop`); the others wait, with the moment at which the answer may change by itself. What a person asks passes
them all but the first two. docs/retraining.md tells each rule to users, docs/why.md the reasons for the defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.retraining import batches, budgets
from shared.retraining.budgets import Answer
from shared.spec import Batch, Retrain
from shared.state import Cause, Head

__all__ = ["Answer", "Asked", "batch_ready", "depth_of", "should_retrain", "within_budget"]
MONITORED = frozenset(("drift", "performance"))
NOT_TRIED_YET = MONITORED | {"code"}
SAME_INPUT_IS_USELESS = frozenset(("data", "code", "schedule"))
NEEDS_NEW_ROWS = frozenset(("data", "drift", "schedule"))
SUSPICIOUS = ("breaker", "denied", "loop")
NEWER_DATA = "newer data or a newly published folder"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is decided on: the rules, the model, the causes, the name of data and code that it would train on.

    `run_seconds` is the longest that the training may take.
    """

    retrain: Retrain
    head: Head
    causes: tuple[Cause, ...]
    input_print: str
    run_seconds: float
    now: datetime

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of all causes."""
        return frozenset(cause.kind for cause in self.causes)

    @property
    def heard(self) -> frozenset[str]:
        """The kinds that the rules listen to: those of `retrain.on`, and the schedule that the spec has."""
        return self.kinds & {*self.retrain.on, "schedule"}

    @property
    def depth(self) -> int:
        """How often a monitor alone would have had the same data and code trained again, with this time."""
        return depth_of(self.head, self.causes, self.input_print)

    @property
    def is_overdue(self) -> bool:
        """Whether the causes have waited as long as they may for rows and quiet hours."""
        due = self.due_at
        return due is not None and self.now >= due

    @property
    def due_at(self) -> datetime | None:
        """When they will have waited so long."""
        since, hours = self.head.basket.since, self.retrain.deadline_hours
        return since + timedelta(hours=hours) if since is not None and hours > 0 else None


def depth_of(head: Head, causes: tuple[Cause, ...], input_print: str) -> int:
    """How often a monitor alone had the same data and code trained again, with a release of these causes: 0 for any other."""
    again = all(cause.kind in MONITORED for cause in causes) and input_print == head.last_print
    return head.last_depth + 1 if again else 0


Rule = Callable[[Asked], Answer | None]


def batch_ready(batch: Batch, filled: batches.Filled, now: datetime) -> Answer:
    """Is the basket's new data a dataset version yet?"""
    found = batches.ready(batch, filled, now)
    return Answer(found.go, "batch", found.why, found.until)


def should_retrain(
    retrain: Retrain,
    head: Head,
    causes: tuple[Cause, ...],
    *,
    input_print: str,
    run_seconds: float = 0.0,
    now: datetime,
) -> Answer:
    """May these causes open a release now?

    `input_print` names the data and code that it would train on, `run_seconds` is the longest that this may take: a
    budget of minutes or money must have room for it.
    """
    asked = Asked(retrain, head, causes, input_print, run_seconds, now)
    if "request" in asked.kinds:
        rules, go = IN_ANY_CASE, Answer(True, "request", _asked_by_a_person(asked))
    else:
        rules, go = AUTOMATIC, Answer(True, "retrain", _within(retrain, head, now))
    found = (rule(asked) for rule in rules)
    return next((answer for answer in found if answer is not None), go)


def within_budget(retrain: Retrain, head: Head, now: datetime) -> Answer:
    """May another release be opened, whoever caused it? Requests and adopted work count, and only requests go past it."""
    return budgets.full(retrain, head, 0.0, now) or Answer(True, "retrain", _within(retrain, head, now))


def _asked_by_a_person(asked: Asked) -> str:
    denied = "; a version of this data and code was rolled back before" if _denied(asked) else ""
    return f"a person asked{denied}"


def _within(retrain: Retrain, head: Head, now: datetime) -> str:
    return f"{len(budgets.opened_today(head, now))} of {retrain.budget_per_day} releases in 24 hours used"


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# Rules that let the causes go


def _heard(asked: Asked) -> Answer | None:
    if asked.heard:
        return None
    why = f"cause {', '.join(sorted(asked.kinds))} is not in retrain.on"
    return Answer(False, "retrain.on", why, drop=True, passes="the cause in retrain.on")


def _data(asked: Asked) -> Answer | None:
    if asked.head.next_file > 1:
        return None
    why = "no file was accepted yet, so there is nothing to train on"
    return Answer(False, "data", why, drop=True, passes="an accepted file")


def _denied(asked: Asked) -> Answer | None:
    if asked.input_print not in asked.head.denied:
        return None
    why = "a version of the same data and code was rolled back"
    return Answer(False, "denied", why, drop=True, passes=NEWER_DATA)


def _same_input(asked: Asked) -> Answer | None:
    if not (asked.heard <= SAME_INPUT_IS_USELESS and asked.input_print in asked.head.trained):
        return None
    return Answer(False, "same_input", "the same data and code were trained before", drop=True, passes=NEWER_DATA)


def _loop(asked: Asked) -> Answer | None:
    depth, limit = asked.depth, asked.retrain.drift_repeats
    if depth <= limit:
        return None
    times = f"{limit} time{'' if limit == 1 else 's'}"
    why = f"drift had the same data and code trained again {times} already, at most {limit}: a loop"
    return Answer(False, "loop", why, drop=True, passes=NEWER_DATA, numbers={"depth": depth, "limit": limit})


# Rules that wait


def _breaker(asked: Asked) -> Answer | None:
    useless, limit = asked.head.useless, asked.retrain.breaker
    if useless < limit:
        return None
    why = f"{useless} releases in a row were not promoted, the breaker opens at {limit}"
    numbers = {"useless": useless, "limit": limit}
    return Answer(False, "breaker", why, passes="a person's `baton retrain`, which closes it", numbers=numbers)


def _new_rows(asked: Asked) -> Answer | None:
    rows, limit = asked.head.basket.rows, asked.retrain.min_new_rows
    if rows >= limit or asked.is_overdue or not asked.heard <= NEEDS_NEW_ROWS:
        return None
    why = f"{rows} new rows, at least {limit} are wanted"
    passes = f"{limit - rows} more rows"
    return Answer(False, "min_new_rows", why, asked.due_at, passes=passes, numbers={"rows": rows, "limit": limit})


def _quiet_hours(asked: Asked) -> Answer | None:
    known, now = asked.head.appointments, asked.now
    if not asked.retrain.quiet_hours or asked.is_overdue:
        return None
    until = known.quiet_until
    if known.folder != asked.head.folder or until is None or now >= until:
        return Answer(False, "quiet_hours", "the next quiet hours are being looked up", now, passes="a moment")
    if known.quiet_from is None or now < known.quiet_from:
        return None
    ends = min(until, asked.due_at) if asked.due_at is not None else until
    why = f"quiet hours until {_told(until)}"
    return Answer(False, "quiet_hours", why, ends, passes="their end")


def _cool_down(asked: Asked) -> Answer | None:
    opened, seconds = asked.head.opened, cool_down_seconds(asked.retrain, asked.head.useless, asked.kinds)
    if not opened or asked.now >= opened[-1] + timedelta(seconds=seconds):
        return None
    until = opened[-1] + timedelta(seconds=seconds)
    why = f"a release was opened {_told(opened[-1])}, the cool-down of {seconds:g} s is over {_told(until)}"
    return Answer(False, "cool_down", why, until, passes="its end", numbers={"limit": seconds})


def cool_down_seconds(retrain: Retrain, useless: int, kinds: frozenset[str]) -> float:
    """The cool-down after so many releases in a row that were not promoted: a monitor or new code says that this time is another.

    >>> rules = Retrain(cool_down_seconds=3600, back_off=2, back_off_most_hours=5)
    >>> [cool_down_seconds(rules, useless, frozenset(["data"])) / 3600 for useless in range(5)]
    [1.0, 2.0, 4.0, 5.0, 5.0]
    >>> cool_down_seconds(rules, 4, frozenset(["data", "drift"])) / 3600
    1.0
    """
    base = retrain.cool_down_seconds
    if kinds & NOT_TRIED_YET:
        return base
    return max(base, min(base * retrain.back_off**useless, retrain.back_off_most_hours * 3600))


def _budget(asked: Asked) -> Answer | None:
    return budgets.full(asked.retrain, asked.head, asked.run_seconds, asked.now)


AUTOMATIC: tuple[Rule, ...] = (
    *(_heard, _data, _denied, _same_input, _loop),
    *(_breaker, _new_rows, _quiet_hours, _cool_down, _budget),
)
IN_ANY_CASE: tuple[Rule, ...] = (_data,)
