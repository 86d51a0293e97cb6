"""The reproducing step: a version's training once more, from what its certificate names, and what came out otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shared.certificates.certificate_story import differences
from shared.errors import Permanent
from shared.runs.model_files import model_files
from shared.runs.provenance import PROVENANCE
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Scorer, score
from shared.runs.tracking import Tracking
from shared.runs.train import REFERENCE, train
from shared.spec import Spec

TOLD = 20
SHARE_OF_TIME = 0.4
BESIDE = (PROVENANCE, REFERENCE)
"""What the run writes beside the owner's files: told apart, since the one names the run and the other is a sketch by chance."""


def reproduce(
    run: RunDir, spec: Spec, rows: Rows, *, python: str, tracking: Tracking, environment: Mapping[str, str]
) -> dict[str, object]:
    """Train as the input `candidate` says that it was trained, with its parameters and its hash seed; compare the two.

    {"v", "answer": "same bytes", "same predictions" or "differs", "files": {"same", "differ"}, "provenance": [[path, then,
    now]], "predictions": {"rows", "differ", "largest"} on the holdout rows, or {"error"}}. The bytes are those of the owner's
    files. Raises what training raises, and `Permanent` where no run of ours trained the version.
    """
    before = run.input("candidate")
    made_of = _provenance(before)
    seed = made_of.get("seeds", {}).get("PYTHONHASHSEED")
    theirs = {**environment, "PYTHONHASHSEED": str(seed)} if seed is not None else environment
    again = RunDir(run.path, replace(run.request, parameters=made_of["parameters"]))
    train(again, spec, rows, python=python, tracking=tracking, environment=theirs)
    after = run.outputs / "model"
    then, now = ({file.path: file.sha256 for file in model_files(place).files} for place in (before, after))
    differ = sorted(name for name in {*then, *now} - set(BESIDE) if then.get(name) != now.get(name))
    predictions = _predictions(run, [before, after], rows, spec, python=python, environment=environment)
    return {
        "v": 1,
        "version": run.version("candidate"),
        "answer": _answer(differ, predictions),
        "files": {"same": len({*then, *now} - set(BESIDE)) - len(differ), "differ": differ[:TOLD]},
        "provenance": _changes(made_of, _provenance(after)),
        "predictions": predictions,
    }


def _provenance(model: Path) -> Any:
    try:
        return json.loads((model / PROVENANCE).read_text())
    except (OSError, ValueError) as error:
        raise Permanent(
            "the version does not say what it was made of: no run of ours trained it",
            next="nothing here: what others trained is theirs to repeat",
        ) from error


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[list[object]]:
    """Where what it was made of differs, but for the run's own name: another package, another Python, another machine."""
    changed = [[path, one, other] for path, one, other in differences(then, now) if path != "run"]
    for change in changed:
        if isinstance(change[1], list) and isinstance(change[2], list):
            change[1:] = [
                sorted(set(change[1]) - set(change[2]))[:TOLD],
                sorted(set(change[2]) - set(change[1]))[:TOLD],
            ]
    return changed[:TOLD]


def _answer(differ: Sequence[str], predictions: Mapping[str, object]) -> str:
    if not differ:
        return "same bytes"
    return "same predictions" if predictions.get("differ") == 0 else "differs"


def _predictions(
    run: RunDir, models: Sequence[Path], rows: Rows, spec: Spec, *, python: str, environment: Mapping[str, str]
) -> dict[str, object]:
    """How many holdout rows get another prediction from the second model, and by how much at most."""
    asked = rows.holdout.drop_columns([spec.data.target]).to_pylist()
    scored = [
        score(
            Scorer(model, run.input("folder"), python),
            asked,
            scratch=run.scratch / f"scored-{number}",
            environment=environment,
            max_seconds=run.request.max_seconds * SHARE_OF_TIME,
            classes=spec.gates.compare.classes,
        )
        for number, model in enumerate(models)
    ]
    for predictions in scored:
        if predictions.error:
            return {"error": predictions.error}
    one, other = (predictions.values for predictions in scored)
    if one.shape != other.shape:
        return {"error": f"predictions of shape {list(one.shape)} before, {list(other.shape)} now"}
    apart = np.abs(one - other).reshape(len(one), -1).max(axis=1)
    if not np.isfinite(apart).all():
        return {"error": "a prediction is no finite number"}
    return {"rows": len(apart), "differ": int((apart > 0).sum()), "largest": float(apart.max())}
