"""The judging step: candidate and champion score the same holdout rows of the newest data, each through its own score.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from shared.gating.metric_facts import is_custom
from shared.names import digest
from shared.runs.beside import overlap, schema_change, true_values, units
from shared.runs.evidence import Beside, Champion, evidence
from shared.runs.metrics import metric_named
from shared.runs.own_metric import with_own_metric
from shared.runs.ranked import VALUES
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Predictions, Scorer, score, unscored
from shared.spec import Spec

SHARE_OF_TIME = 0.4  # of the run's, for each model: what hangs is told as evidence before the run's own limit ends it
TIMED_ROWS = 100
MB = 1e6


def judge(
    run: RunDir, spec: Spec, rows: Rows, *, pythons: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, object]:
    """Score and compare; return the evidence document (`shared/runs/evidence.py`).

    A model that cannot be scored is evidence with an "error", on which the gates hold, and no failed run. Which rows
    were used is told by "holdout", a hash of them, and "rows_new" of them come from files that are new in the version.
    """
    if not is_custom(spec.gates.metric) and spec.gates.metric not in VALUES:
        metric_named(spec.gates.metric)
    truth = true_values(rows.holdout, spec)
    judging = _Judging(run, spec, rows.holdout, pythons, environment)
    champion = None
    if run.has("champion"):
        folder = "champion_folder" if run.has("champion_folder") else "folder"
        scored = judging.predictions("champion", folder)
        champion = Champion(run.version("champion"), scored, size_mb=_size_mb(run.input("champion")))
    beside = Beside(
        columns=rows.holdout.drop_columns([spec.data.target]),
        unit=units(rows.holdout, spec),
        size_mb=_size_mb(run.input("candidate")),
        sanity={**overlap(rows, spec), **schema_change(run, spec)},
    )
    document = evidence(spec.gates, truth, judging.predictions("candidate", "folder"), champion, beside)
    used = {"holdout": digest(repr(judging.asked)), "rows_new": rows.new_holdout}
    return {**document, **used, "inputs": dict(run.request.inputs)}


@dataclass(frozen=True)
class _Judging:
    run: RunDir
    spec: Spec
    holdout: pa.Table
    pythons: Mapping[str, str]
    environment: Mapping[str, str]

    @property
    def asked(self) -> list[dict[str, object]]:
        """The rows as they are sent: without the target."""
        rows: list[dict[str, object]] = self.holdout.drop_columns([self.spec.data.target]).to_pylist()
        return rows

    def predictions(self, name: str, folder: str) -> Predictions:
        """What the model of the input `name` predicts, through the score.py of the input `folder`."""
        if folder not in self.pythons:
            return unscored(f"there is no Python environment for its {folder}")
        gates, asked = self.spec.gates, self.asked
        seconds = self.run.request.max_seconds * SHARE_OF_TIME
        scored = score(
            Scorer(self.run.input(name), self.run.input(folder), self.pythons[folder]),
            asked,
            scratch=self.run.scratch / name,
            environment=self.environment,
            max_seconds=seconds,
            classes=gates.compare.classes,
            timed=TIMED_ROWS if "latency" in gates.guards else 0,
        )
        if not is_custom(gates.metric):
            return scored
        return with_own_metric(
            scored,
            self.run.input("folder") / gates.metric,
            asked,
            self.holdout[self.spec.data.target].to_pylist(),
            python=self.pythons["folder"],
            scratch=self.run.scratch / name,
            environment=self.environment,
            max_seconds=seconds,
        )


def _size_mb(folder: Path) -> float:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return size / MB if size else math.nan
