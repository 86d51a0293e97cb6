"""A trial of a search: trained on a part of the training rows, scored on the rest through score.py, as judging does it."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from shared.errors import Permanent, PlatformBusy, RunFailed
from shared.gating.metric_facts import is_custom
from shared.model_yaml.searching import most_seconds
from shared.runs.beside import true_values, units
from shared.runs.dataset import search_parts
from shared.runs.fitting import Training
from shared.runs.measuring import Measuring
from shared.runs.own_metric import with_own_metric
from shared.runs.rows import Parts
from shared.runs.scoring import Predictions, Scorer, score
from shared.runs.search import Searched, search
from shared.runs.tracking import Tracking
from shared.runs.trying import METRIC
from shared.spec import Spec

FEWEST = 2


def search_parameters(training: Training, train: pa.Table, tracking: Tracking, tracked: str) -> Searched:
    """Try parameters as `train.search` asks, within its caps; the best are those to train the candidate with.

    The metric is that of the gates, on `validation_percent` of all rows, which lie in the training part: no row of the holdout
    is read. Raises `Permanent` where there are too few rows, `RunFailed` if no trial has a value.
    """
    spec, asked = training.spec, training.spec.train.search
    trial = _Trials(training, _parts(train, spec), tracking, tracked)
    return search(
        asked,
        training.run.request.parameters,
        trial.attempt,
        direction=spec.gates.direction,
        most_seconds=most_seconds(spec),
    )


def try_parameters(
    training: Training, train: pa.Table, parameters: Mapping[str, str], tracking: Tracking, tracked: str
) -> dict[str, object]:
    """Try the parameters that a sweep chose for this run, and log their value for it to compare; returns what is told of it.

    {"parameters", "value", "metric", "space", "seed", "sampler"}. It raises as `search_parameters` does.
    """
    spec, asked = training.spec, training.spec.train.search
    trial = _Trials(training, _parts(train, spec), tracking, tracked)
    value = trial.attempt(0, parameters, training.run.request.max_seconds)
    if not math.isfinite(value):
        raise RunFailed(f"its value is {value}", next="mend train.py or score.py")
    tracking.log(tracked, METRIC, value)
    return {
        "parameters": dict(parameters),
        "value": value,
        "metric": spec.gates.metric,
        "space": dict(asked.space),
        "seed": asked.seed,
        "sampler": asked.sampler,
    }


def _parts(train: pa.Table, spec: Spec) -> Parts:
    parts = search_parts(train, spec.data, spec.train.search.validation_percent)
    if min(parts.train.num_rows, parts.validation.num_rows) < FEWEST:
        rows = f"{parts.train.num_rows} rows to train trials on and {parts.validation.num_rows} to choose by"
        raise Permanent(f"a search needs more data: there are {rows}", next="drop more data, or leave out train.search")
    return parts


@dataclass(frozen=True, slots=True)
class _Trials:
    training: Training
    parts: Parts
    tracking: Tracking
    tracked: str

    def attempt(self, number: int, parameters: Mapping[str, str], seconds: float) -> float:
        """The metric's value of one trial, which may take so many seconds."""
        began, place = time.monotonic(), self.training.run.scratch / f"trial-{number}"
        child = self.tracking.begin_trial(self.tracked, number)
        done = False
        try:
            environment = self.tracking.environment(child)
            self.training.fit(self.parts.train, place, parameters, environment, seconds=seconds)
            value = self._value(place, seconds=max(1.0, seconds - (time.monotonic() - began)))
            done = True
        finally:
            shutil.rmtree(place, ignore_errors=True)
            with suppress(PlatformBusy):  # how the trial ended is in the run's own result
                self.tracking.end(child, completed=done)
        return value

    def _value(self, model: Path, *, seconds: float) -> float:
        run, spec, held = self.training.run, self.training.spec, self.parts.validation
        gates, scratch = spec.gates, run.scratch / "trial-scratch"
        asked = held.drop_columns([spec.data.target]).to_pylist()
        scorer = Scorer(model, run.input("folder"), self.training.python)
        environment = self.training.environment
        found = score(
            scorer, asked, scratch=scratch, environment=environment, max_seconds=seconds, classes=gates.compare.classes
        )
        if is_custom(gates.metric):
            found = with_own_metric(
                found,
                run.input("folder") / gates.metric,
                asked,
                held[spec.data.target].to_pylist(),
                python=self.training.python,
                scratch=scratch,
                environment=environment,
                max_seconds=seconds,
            )
        return _measured(found, held, spec)


def _measured(found: Predictions, held: pa.Table, spec: Spec) -> float:
    measuring = Measuring(spec.gates, true_values(held, spec), units(held, spec))
    wrong = found.error or (f"{found.not_finite} predictions are no finite number" if found.not_finite else "")
    if wrong := wrong or measuring.unfit(spec.gates.metric, found):
        raise RunFailed(f"it could not be scored: {wrong}", next="mend score.py or train.py")
    return measuring.value(spec.gates.metric, found)
