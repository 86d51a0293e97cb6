"""A search for hyper-parameters within the training run: trials on a part of the training rows, none on the holdout.

Optuna's TPE sampler chooses (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011), seeded, one
trial after the other, so that the same rows give the same trials. The first trial is what model.yaml declares, so the
best is never worse than that on the rows that it was chosen by. A trial that fails is recorded and the search goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import BatonError, RunFailed
from shared.model_yaml.search_space import Dimension, dimension
from shared.spec import Direction, Search

if TYPE_CHECKING:
    from optuna.trial import Trial as Suggesting

ERROR_ROOM = 200
Parameters = Mapping[str, str]
Attempt = Callable[[int, Parameters, float], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: its parameters, and the metric's value on the validation rows, or why there is none."""

    number: int
    parameters: Parameters
    value: float | None
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """All trials in order, the best of them, and what ended the search."""

    trials: tuple[Trial, ...]
    best: Trial
    ended: str

    def summary(self, asked: Search, metric: str) -> dict[str, Any]:
        """What a model's provenance says of the search: it holds no time, so that the same search gives the same words."""
        best = {"number": self.best.number, "value": self.best.value, "parameters": dict(self.best.parameters)}
        return {
            "metric": metric,
            "trials": len(self.trials),
            "failed": sum(trial.value is None for trial in self.trials),
            "seed": asked.seed,
            "space": dict(asked.space),
            "best": best,
            "ended": self.ended,
        }

    def told(self) -> dict[str, Any]:
        """All trials as a document."""
        return {"v": 1, "trials": [asdict(trial) for trial in self.trials]}


def search(
    asked: Search,
    declared: Parameters,
    attempt: Attempt,
    *,
    direction: Direction,
    most_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Searched:
    """Try up to `asked.trials` parameters, for at most `most_seconds`; `RunFailed` if no trial has a value.

    `attempt(number, parameters, seconds)` gives a trial's value and may take so long; what it raises as `BatonError`, or a
    value that is not finite, makes it a failed trial. `declared` are the parameters of the first trial.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {name: found for name, words in asked.space.items() if (found := dimension(words)) is not None}
    kinds = {"bayesian": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    sampler = kinds[asked.sampler](seed=asked.seed)
    study = optuna.create_study(sampler=sampler, direction="minimize" if direction == "lower" else "maximize")
    study.enqueue_trial({name: _typed(found, declared[name]) for name, found in space.items()})
    trials: list[Trial] = []
    ends_at = clock() + most_seconds
    while len(trials) < asked.trials and (left := ends_at - clock()) > 0:
        suggesting = study.ask()
        parameters = {**declared, **{name: _suggested(suggesting, name, found) for name, found in space.items()}}
        began = clock()
        value, error = _tried(attempt, len(trials), parameters, left)
        trials.append(Trial(len(trials), parameters, value, round(clock() - began, 3), error))
        study.tell(suggesting, value, state=None if value is not None else optuna.trial.TrialState.FAIL)
    return _searched(trials, asked, direction, most_seconds)


def _tried(attempt: Attempt, number: int, parameters: Parameters, seconds: float) -> tuple[float | None, str]:
    try:
        value = attempt(number, parameters, seconds)
    except BatonError as error:
        return None, error.what[:ERROR_ROOM]
    return (value, "") if math.isfinite(value) else (None, f"its value is {value}")


def _searched(trials: list[Trial], asked: Search, direction: Direction, most_seconds: float) -> Searched:
    sign = 1 if direction == "lower" else -1
    known = [(sign * trial.value, trial.number) for trial in trials if trial.value is not None]
    if not known:
        why = (
            f"all {len(trials)} trials failed, the last: {trials[-1].error}"
            if trials
            else "there was no time for a trial"
        )
        raise RunFailed(
            f"the search found no parameters: {why}",
            next="see the trials in the run's log; mend train.py or train.search",
        )
    all_done = len(trials) == asked.trials
    ended = f"all {asked.trials} trials were made" if all_done else f"its {most_seconds:g} s were over"
    return Searched(tuple(trials), trials[min(known)[1]], ended)


def _typed(found: Dimension, text: str) -> str | int | float:
    if found.choices:
        return text
    return int(float(text)) if found.whole else float(text)


def _suggested(suggesting: Suggesting, name: str, found: Dimension) -> str:
    """The parameter's next value as train.py gets it: a number in full, so that it can be given again."""
    if found.choices:
        return str(suggesting.suggest_categorical(name, list(found.choices)))
    if found.whole:
        return str(suggesting.suggest_int(name, int(found.low), int(found.high), log=found.log))
    return repr(float(suggesting.suggest_float(name, found.low, found.high, log=found.log)))
