"""The judging step: candidate and champion score the same holdout rows of the newest data, each through its own score.py."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from shared.errors import Permanent
from shared.names import digest
from shared.runs.comparison import Numbers, metric_named
from shared.runs.evidence import Champion, evidence
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Predictions, Scorer, score, unscored
from shared.spec import Spec

SHARE_OF_TIME = 0.4  # of the run's, for each model: what hangs is told as evidence before the run's own limit ends it


def judge(
    run: RunDir, spec: Spec, rows: Rows, *, pythons: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, object]:
    """Score and compare; return the evidence document (`shared/runs/evidence.py`).

    A model that cannot be scored is evidence with an "error", on which the gates hold, and no failed run. Which rows
    were used is told by "holdout", a hash of them, and "rows_new" of them come from files that are new in the version.
    """
    metric_named(spec.gates.metric)
    truth = _truth(rows.holdout, spec)
    asked = rows.holdout.drop_columns([spec.data.target]).to_pylist()

    def predictions(name: str, folder: str) -> Predictions:
        if folder not in pythons:
            return unscored(f"there is no Python environment for its {folder}")
        scorer = Scorer(run.input(name), run.input(folder), pythons[folder])
        seconds = run.request.max_seconds * SHARE_OF_TIME
        return score(scorer, asked, scratch=run.scratch / name, environment=environment, max_seconds=seconds)

    champion = None
    if run.has("champion"):
        folder = "champion_folder" if run.has("champion_folder") else "folder"
        champion = Champion(run.version("champion"), predictions("champion", folder))
    document = evidence(spec.gates, truth, predictions("candidate", "folder"), champion)
    used = {"holdout": digest(repr(asked)), "rows_new": rows.new_holdout}
    return {**document, **used, "inputs": dict(run.request.inputs)}


def _truth(table: pa.Table, spec: Spec) -> Numbers:
    try:
        values: Numbers = table[spec.data.target].cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Permanent(
            f"the target {spec.data.target} is no number: {error}", next="declare it as a number in the contract"
        ) from error
    if missing := int((~np.isfinite(values)).sum()):
        raise Permanent(
            f"{missing} of {len(values)} holdout rows have no {spec.data.target}",
            next=f"declare {spec.data.target} as required in the contract, so that such a drop is refused",
        )
    return values
