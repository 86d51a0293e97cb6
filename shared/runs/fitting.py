"""The owner's train.py on some rows: once for the candidate, and once for each trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from shared.errors import RunFailed
from shared.runs.owner_code import owner_environment, run_script
from shared.runs.provenance import WARM_START
from shared.runs.run_dir import RunDir
from shared.spec import Spec


@dataclass(frozen=True, slots=True)
class Training:
    """A training run's folder and rules, and the interpreter and environment of its scripts."""

    run: RunDir
    spec: Spec
    python: str
    environment: Mapping[str, str]

    def fit(
        self,
        table: pa.Table,
        model: Path,
        parameters: Mapping[str, str],
        tracked: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> None:
        """Train on the rows, into the folder `model`; `tracked` is what the script needs to log. `RunFailed` says what went wrong.

        With the input of a warm start the script also gets `--warm-start` and the folder with the champion's files.
        """
        data, entry = self.run.scratch / "train.csv", self.spec.train.entry
        csv.write_csv(table, data)
        model.mkdir(exist_ok=True)
        given = [part for name, value in parameters.items() for part in (f"--{name}", value)]
        given += ["--warm-start", str(self.run.input(WARM_START))] if self.run.has(WARM_START) else []
        command = [self.python, entry, "--data", str(data), "--model-dir", str(model), *given]
        theirs = owner_environment(self.environment, **tracked)
        ended = run_script(command, cwd=self.run.input("folder"), environment=theirs, seconds=seconds)
        if ended.code != 0:
            raise RunFailed(f"{entry} failed: {ended.reason}", next=mend(self.run, self.spec, "mend it"))


def mend(run: RunDir, spec: Spec, what: str) -> str:
    """What to do about the training script."""
    model = run.request.model
    return f"{what} in models/{model}/{spec.train.entry}, `baton publish models/{model}`, then {run.again}"
