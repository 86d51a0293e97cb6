"""The training step: the owner's train.py on the training rows, its metrics collected, its model kept."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from shared.data.contract import read_contract
from shared.errors import BatonError, MetricMissing, Permanent, PlatformBusy, RunFailed
from shared.runs.fitting import Training, mend
from shared.runs.model_files import ModelFiles, model_files
from shared.runs.provenance import PROVENANCE, of_training
from shared.runs.reference import reference
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.tracking import Tracking
from shared.runs.trials import search_parameters, try_parameters
from shared.runs.trying import METRIC, TRIAL_OF, as_asked
from shared.spec import Spec

REFERENCE = "reference.json"
FILES_TOLD = 50  # the result is a small document; `count` and `sha256` are about all files


def train(
    run: RunDir, spec: Spec, rows: Rows, *, python: str, tracking: Tracking, environment: Mapping[str, str]
) -> dict[str, object]:
    """Train on `rows.train` and keep the model; return the run's result document.

    Writes outputs/model (the owner's files, reference.json and provenance.json) and outputs/reference.json. The holdout rows are
    written nowhere. Raises `RunFailed` for what the owner's script did, `MetricMissing` for what it logged, and
    `PlatformBusy` if MLflow could not keep it.
    """
    started = time.monotonic()
    tracked = tracking.begin(run.request)
    try:
        _needs_rows(rows.train)
        training = Training(run, spec, python, environment)
        chosen = _chosen(training, rows.train, tracking, tracked)
        training.fit(rows.train, run.outputs / "model", chosen.parameters, tracking.environment(tracked))
        logged = {name: value for name, value in tracking.metrics(tracked).items() if name != METRIC}
        metrics = _finite(logged, run, spec)
        made_of = of_training(
            run, spec, python=python, environment=environment, parameters=chosen.parameters, searched=chosen.told
        )
        model = _model(run, spec, rows.train, made_of)
        tracking.store_model(tracked, run.outputs / "model")
    except BatonError:
        with suppress(PlatformBusy):  # the first error is the one to tell
            tracking.end(tracked, completed=False)
        raise
    tracking.end(tracked, completed=True)
    return {
        "v": 1,
        "metrics": metrics,
        "rows": {
            "train": rows.train.num_rows,
            "holdout": rows.holdout.num_rows,
            "holdout_new": rows.new_holdout,
        },
        "model": {
            "sha256": model.sha256,
            "bytes": model.bytes,
            "count": len(model.files),
            "files": [asdict(file) for file in model.files[:FILES_TOLD]],
        },
        "mlflow_run_id": tracked,
        "seconds": round(time.monotonic() - started, 3),
        **chosen.result,
        **({"warm_start": made_of["warm_start"]} if "warm_start" in made_of else {}),
    }


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What the candidate is trained with: the parameters, what its provenance tells of them, and what the result does."""

    parameters: Mapping[str, str]
    told: Mapping[str, object] | None = None
    result: Mapping[str, object] = field(default_factory=dict)


def _chosen(training: Training, train: pa.Table, tracking: Tracking, tracked: str) -> _Chosen:
    """As declared; or the best of a search; or what a sweep chose, whose trial this run is, once it was tried."""
    spec, declared = training.spec, training.run.request.parameters
    asked = spec.train.search
    if sweep := training.environment.get(TRIAL_OF):
        tried = try_parameters(training, train, as_asked(asked.space, declared), tracking, tracked)
        parameters = as_asked(asked.space, declared)
        return _Chosen(parameters, {**tried, "sweep": sweep, "most_trials": asked.trials}, {"trial": tried})
    if not asked.space:
        return _Chosen(declared)
    found = search_parameters(training, train, tracking, tracked)
    told = found.summary(asked, spec.gates.metric)
    return _Chosen(found.best.parameters, told, {"search": told, "attachments": {"trials": found.told()}})


def _needs_rows(table: pa.Table) -> None:
    if not table.num_rows:
        raise Permanent(
            "there is no row to train on", next="drop more data, or lower data.holdout_percent in model.yaml"
        )


def _finite(metrics: Mapping[str, float], run: RunDir, spec: Spec) -> dict[str, float]:
    if not metrics:
        raise MetricMissing(
            f"{spec.train.entry} logged no metric", next=mend(run, spec, "log one with mlflow.log_metric")
        )
    wrong = [f"{name} = {value}" for name, value in metrics.items() if not math.isfinite(value)]
    if wrong:
        raise MetricMissing(f"{spec.train.entry} logged {', '.join(wrong)}", next=mend(run, spec, "log finite numbers"))
    return dict(metrics)


def _model(run: RunDir, spec: Spec, table: pa.Table, made_of: Mapping[str, object]) -> ModelFiles:
    folder = run.outputs / "model"
    made = model_files(folder).files
    if not made:
        raise RunFailed(
            f"{spec.train.entry} wrote no file to its --model-dir", next=mend(run, spec, "save the model there")
        )
    for name in (REFERENCE, PROVENANCE):
        if any(file.path == name for file in made):
            raise RunFailed(f"{spec.train.entry} wrote {name}", next=mend(run, spec, "give that file another name"))
    (folder / PROVENANCE).write_text(json.dumps(made_of, indent=1))
    contract = read_contract(run.input("folder") / spec.data.contract)
    profile = json.dumps(reference(table, contract, without={*spec.data.key, spec.data.target}), allow_nan=False)
    for place in (folder, run.outputs):
        (place / REFERENCE).write_text(profile)
    return model_files(folder)
