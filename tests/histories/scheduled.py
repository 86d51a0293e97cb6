"""What a daily schedule must have come to: a small calendar of the test's own says which moments have passed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tests.histories.stage import Stage
from tests.histories.told import Told

DAILY = re.compile(r'retrain: "(\d+) (\d+) \* \* \*"')
DAY = timedelta(days=1)
SWEPT_WITHIN = timedelta(minutes=5)


def moments(stage: Stage, model: str) -> int:
    """How many moments of the model's schedule have passed since it was first published with one: each may cause a release."""
    first = _first(stage, model)
    return len(range((stage.world.now - first) // DAY + 1)) if first is not None and first <= stage.world.now else 0


def check(stage: Stage, model: str) -> None:
    """Each moment is heard once, at its time or later; of those that were missed one is made up; the next one lies ahead.

    Whether an alarm of a person's answer or a dead letter stands in between does not matter: time decides alone.
    """
    first = _first(stage, model)
    told = Told(stage, model)
    heard = [line for line in told.lines if line["event"]["kind"] == "ScheduleDue"]
    times = [datetime.fromisoformat(line["event"]["moment"]) for line in heard]
    if first is None:
        if heard:
            stage.watch.find("allowed", f"{model}: it has no schedule, and {times} were heard")
        return
    for line, moment in zip(heard, times, strict=True):
        if (moment - first) % DAY or moment > datetime.fromisoformat(line["at"]):
            stage.watch.find("allowed", f"{model}: {moment} was heard at {line['at']}, the schedule begins at {first}")
    if sorted(set(times)) != times:
        stage.watch.find("allowed", f"{model}: moments are heard twice or in disorder: {times}")
    _check_next(told, first)


def _check_next(told: Told, first: datetime) -> None:
    """Whatever was last said of the next moment has not passed for longer than a sweep takes."""
    fields = {"ScheduleRead": "retrain_at", "ScheduleDue": "next_at"}
    said = [line["event"][fields[line["event"]["kind"]]] for line in told.lines if line["event"]["kind"] in fields]
    now = told.stage.world.now
    if not said or not said[-1]:
        told.stage.watch.find("allowed", f"{told.model}: its schedule from {first} on was never read")
    elif datetime.fromisoformat(said[-1]) < now - SWEPT_WITHIN:
        told.stage.watch.find("allowed", f"{told.model}: {said[-1]} has passed unheard, it is {now}")


def _first(stage: Stage, model: str) -> datetime | None:
    """The first moment that may be heard: after the first publishing with a schedule, by the last rule that was given."""
    given = [
        (at, DAILY.search(detail))
        for at, what, of, detail in stage.notes.happened
        if (what, of) == ("scheduled", model)
    ]
    if not given or given[0][1] is None:
        return None
    at, rule = given[0]
    minute, hour = int(rule[1]), int(rule[2])
    first = at.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return first if first > at else first + DAY
