"""What `train.search` of model.yaml comes to: how long it may take, and the sweep where each trial is a job. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.model_yaml.search_space import Dimension, dimension
from shared.platforms.port import Sweep
from shared.spec import Search, Spec

WORD = re.compile(r"[A-Za-z0-9_.+-]+")
SHORTEST_SECONDS = 60


def most_seconds(spec: Spec, *, jobs: int = 1) -> float:
    """How long a search may take: its minutes, or what its money buys of so many machines at once."""
    asked, price = spec.train.search, spec.retrain.price_per_minute
    bought = asked.max_money / price / jobs if asked.max_money and price else asked.max_minutes
    return min(asked.max_minutes, bought) * 60


def sweep(spec: Spec) -> Sweep | None:
    """The sweep that model.yaml asks for; None where a search, if any, goes on inside the training run."""
    asked = spec.train.search
    if not asked.space or not asked.jobs:
        return None
    jobs = min(asked.jobs, asked.trials)
    return Sweep(
        space=dict(asked.space),
        sampler=asked.sampler,
        seed=asked.seed,
        goal="minimize" if spec.gates.direction == "lower" else "maximize",
        trials=asked.trials,
        jobs=jobs,
        seconds=most_seconds(spec, jobs=jobs),
    )


def faults(spec: Spec) -> Iterator[tuple[str, object, str]]:
    """What a sweep job cannot do of what is asked: entry, value, and what would be right.

    Source: learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters (Bayesian sampling takes choices and even
    ranges only; a time-out is in whole minutes with HyperDrive, the older of the two).
    """
    asked = spec.train.search
    if not asked.jobs or not asked.space:
        return
    for name, words in asked.space.items():
        found = dimension(words)
        if found is not None and (right := _fault(found, asked)):
            yield f"train.search.space.{name}", words, right
    names = [wire_name(name) for name in asked.space]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield "train.search.space", ", ".join(twice), "names that differ in more than dashes: a sweep job knows none"
    if most_seconds(spec, jobs=asked.jobs) < SHORTEST_SECONDS:
        yield "train.search.max_minutes", asked.max_minutes, "minutes and money for at least one minute of all jobs"


def _fault(found: Dimension, asked: Search) -> str:
    if found.log and asked.sampler == "bayesian":
        return "a range without log, or sampler: random: Bayesian sampling of sweep jobs knows none"
    if wrong := [choice for choice in found.choices if not WORD.fullmatch(choice)]:
        return f"choices of letters, digits and _ . + - in sweep jobs, not {wrong[0]!r}"
    return ""


def wire_name(name: str) -> str:
    """A parameter's name in a search space of the platform, which has no dashes.

    >>> wire_name("max-depth")
    'max_depth'
    """
    return name.replace("-", "_")
