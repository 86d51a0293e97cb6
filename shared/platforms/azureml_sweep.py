"""A sweep of Azure ML, whichever SDK starts it: its search space, its trials, and which of them is the candidate.

A trial is a run below the sweep's, called after it with a number (`<run>_0`), and leaves the same documents as a training
run, with what it tried (`shared/runs/trying.py`). The service names its best trial in a property of the sweep; as long as
that does not show, the best is by the values that the trials told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.errors import RunFailed
from shared.model_yaml.search_space import dimension
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_run import (
    ERROR,
    RESULT,
    SETTLED_AFTER,
    run_seconds,
    run_status,
    run_time,
    without_result,
)
from shared.platforms.port import RunSeen, RunStatus, Sweep
from shared.runs.search import Searched, Trial
from shared.spec import Search

SWEEP_TAG = "baton.sweep"
BEST = "best_child_run_id"  # azure-ai-ml 1.35.2: SWEEP_JOB_BEST_CHILD_RUN_ID_PROPERTY_NAME; HyperDrive runs have it too
SHOWN_AFTER = timedelta(minutes=1)  # a list of trials may lag so long behind the end of the sweep
BY_TIME_SECONDS = 5.0
TRIAL_ID = re.compile(r"(?P<sweep>.+)_(?P<number>[0-9]+)")
Documents = Callable[[Sequence[tuple[str, str]]], Sequence[bytes | None]]
"""Contents of files, each by run and path, None for one that is not there."""


@dataclass(frozen=True, slots=True)
class TrialSeen:
    """One trial: how far it is, and what it left, or why it left nothing."""

    run_id: str
    number: int
    status: RunStatus
    seconds: float
    result: Mapping[str, Any]
    error: str

    @property
    def value(self) -> float | None:
        """What it measured on the validation rows; None where it did not come to its end."""
        value = (self.result.get("trial") or {}).get("value")
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def tag(sweep: Sweep) -> str:
    """What the sweep's own tag says, so that whoever looks at it knows its limits."""
    return json.dumps({"trials": sweep.trials, "seconds": int(sweep.seconds), "goal": sweep.goal})


def tagged(tags: Mapping[str, str] | None) -> Mapping[str, Any]:
    """The limits of a sweep, empty for any other run."""
    told = (tags or {}).get(SWEEP_TAG)
    return dict(json.loads(told)) if told else {}


def space(sweep: Sweep) -> dict[str, tuple[str, list[Any]]]:
    """The distribution of each parameter and its arguments, in the service's words.

    Whole numbers are choices where there are few, else even or logarithmic steps of 1: the outermost get half the chance.
    Source: learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.parameter_expressions.

    >>> asked = {"alpha": "1 to 100, log", "max-depth": "1 to 3", "kind": "a | b", "rows": "1 to 9000"}
    >>> space(Sweep(asked, "random", 0, "minimize", 4, 2, 60.0))  # doctest: +NORMALIZE_WHITESPACE
    {'alpha': ('qloguniform', [0.0, 4.605170185988092, 1]), 'max-depth': ('choice', [[1, 2, 3]]),
     'kind': ('choice', [['a', 'b']]), 'rows': ('quniform', [1, 9000, 1])}
    """
    return {name: _distribution(words, sweep) for name, words in sweep.space.items()}


def _distribution(words: str, sweep: Sweep) -> tuple[str, list[Any]]:
    found = dimension(words)
    if found is None:
        raise AzureMLRefused(f"{words!r} is no dimension of a search.", next="see train.search.space in docs/search.md")
    if found.choices:
        return "choice", [list(found.choices)]
    if found.log:
        if sweep.sampler == "bayesian":
            raise AzureMLRefused(
                f"Bayesian sampling of a sweep job knows no logarithmic range like {words!r}.",
                next="set train.search.sampler: random, or leave out train.search.jobs, and publish",
            )
        ends = [math.log(found.low), math.log(found.high)]
        return ("qloguniform", [*ends, 1]) if found.whole else ("loguniform", ends)
    if not found.whole:
        return "uniform", [found.low, found.high]
    if sweep.sampler == "random" and found.high - found.low < 100:
        return "choice", [list(range(int(found.low), int(found.high) + 1))]
    return "quniform", [int(found.low), int(found.high), 1]


def trials(children: Sequence[Mapping[str, Any]], documents: Documents, now: datetime) -> list[TrialSeen]:
    """The trials among the runs below a sweep, in their order, with the documents of those that ended."""
    named = [(found, child) for child in children if (found := TRIAL_ID.fullmatch(str(child["runId"])))]
    states = [run_status(found[0], str(child["status"])) for found, child in named]
    wanted = [
        (found[0], RESULT if state == "completed" else ERROR)
        for (found, _), state in zip(named, states, strict=True)
        if state in ("completed", "failed")
    ]
    left = {run_id: content for (run_id, _), content in zip(wanted, documents(wanted), strict=True)}
    seen = [
        _trial(found, child, state, left.get(found[0]), now)
        for (found, child), state in zip(named, states, strict=True)
    ]
    return sorted(seen, key=lambda trial: trial.number)


def _trial(
    found: re.Match[str], child: Mapping[str, Any], state: RunStatus, content: bytes | None, now: datetime
) -> TrialSeen:
    told = json.loads(content) if content else {}
    seconds = round(run_seconds(child, now), 3)
    if state == "completed":
        return TrialSeen(found[0], int(found["number"]), state, seconds, told, "" if told else "it left no result")
    failed = told.get("what") or "the service gives no reason; its logs are in the studio"
    return TrialSeen(found[0], int(found["number"]), state, seconds, {}, failed if state == "failed" else state)


def best(properties: Mapping[str, str] | None, tried: Sequence[TrialSeen], goal: str) -> TrialSeen | None:
    """The trial that is the candidate: the one that the service names, else the best by its value; None if there is none."""
    valued = [(trial.value, trial) for trial in tried if trial.value is not None]
    named = str((properties or {}).get(BEST) or "")
    sign = 1 if goal == "minimize" else -1
    ordered = sorted(valued, key=lambda one: (one[1].run_id != named, sign * one[0], one[1].number))
    return ordered[0][1] if ordered else None


def look(
    run_id: str,
    status: RunStatus,
    limits: Mapping[str, Any],
    properties: Mapping[str, str] | None,
    details: Mapping[str, Any],
    tried: Sequence[TrialSeen],
    now: datetime,
) -> RunSeen:
    """A sweep that ended, as a training run that searched: the best trial's result, with what all of them tried.

    One that its time ended is canceled by the service, and has completed for us as far as a trial has; its seconds are those
    of all trials. What does not show yet is told as still running, for up to `SETTLED_AFTER` after the end.
    """
    ended, spent = run_time(details.get("endTimeUtc")), sum(trial.seconds for trial in tried)
    by_time = status == "canceled" and run_seconds(details, now) >= limits["seconds"] - BY_TIME_SECONDS
    if status == "canceled" and not by_time:
        return RunSeen(run_id, "canceled", "canceled on request", {}, spent)
    if not _settled(tried, limits, ended, now, whole=not by_time):
        return without_result(run_id, ended, spent, now)
    found = best(properties, tried, str(limits["goal"]))
    if status == "failed" or found is None:
        last = next((trial.error for trial in reversed(tried) if trial.error), "there was no time for a trial")
        return RunSeen(run_id, "failed", f"the search found no parameters: {last}"[:1000], {}, spent)
    return RunSeen(run_id, "completed", "", _result(found, tried, limits, by_time=by_time), spent)


def _settled(
    tried: Sequence[TrialSeen], limits: Mapping[str, Any], ended: datetime | None, now: datetime, *, whole: bool
) -> bool:
    """Whether all there is to see of the trials shows."""
    if ended is not None and now - ended > SETTLED_AFTER:
        return True
    if any(
        trial.status in ("queued", "running") or (trial.status == "completed" and not trial.result) for trial in tried
    ):
        return False
    return (whole and len(tried) >= int(limits["trials"])) or (ended is not None and now - ended > SHOWN_AFTER)


def _result(
    found: TrialSeen, tried: Sequence[TrialSeen], limits: Mapping[str, Any], *, by_time: bool
) -> Mapping[str, object]:
    told = found.result["trial"]
    listed = tuple(_told(trial) for trial in tried)
    made, asked = len(listed), int(limits["trials"])
    ended = f"its {limits['seconds']} s were over" if by_time else f"the sweep ended after {made} of {asked} trials"
    searched = Searched(
        listed,
        next(trial for trial in listed if trial.number == found.number),
        f"all {asked} trials were made" if made >= asked else ended,
    )
    summary = searched.summary(Search(space=told["space"], seed=told["seed"]), told["metric"])
    kept = {name: value for name, value in found.result.items() if name != "trial"}
    return {
        **kept,
        "search": {**summary, "sampler": told["sampler"], "run": found.run_id},
        "attachments": {"trials": searched.told()},
    }


def _told(trial: TrialSeen) -> Trial:
    parameters = (trial.result.get("trial") or {}).get("parameters") or {}
    return Trial(
        trial.number, parameters, trial.value, trial.seconds, "" if trial.value is not None else trial.error[:200]
    )


def candidate(run_id: str, properties: Mapping[str, str] | None, tried: Sequence[TrialSeen], goal: str) -> str:
    """The trial whose files are the sweep's model; `RunFailed` if no trial has a value."""
    found = best(properties, tried, goal)
    if found is None:
        raise RunFailed(
            f"no trial of {run_id} came to its end.", next="see its trials in the studio; retry the release"
        )
    return found.run_id
