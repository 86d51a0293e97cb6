"""Sweeps through azureml-core (SDK v1): the trials of one, and which of them left its model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.platforms import azureml_sweep
from shared.platforms.azureml_sweep import TrialSeen

TIMES = {"startTimeUtc": "start_time_utc", "endTimeUtc": "end_time_utc"}  # the SDK renames what the service says


def trials_of(run: Any, now: datetime) -> list[TrialSeen]:
    """The trials of a sweep, with what they left."""
    children = {child.id: child for child in run.get_children()}

    def documents(wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        return [file_of(children[run_id], name) for run_id, name in wanted]

    return azureml_sweep.trials([_dto(child) for child in children.values()], documents, now)


def _dto(child: Any) -> dict[str, Any]:
    times = {name: child._run_dto.get(key) for name, key in TIMES.items()}
    return {"runId": child.id, "status": child.status, **times}


def model_run(run: Any) -> Any:
    """The run whose outputs/model is what this one made: the best trial of a sweep, else itself."""
    limits = azureml_sweep.tagged(run.tags)
    if not limits:
        return run
    tried = trials_of(run, datetime.now(UTC))
    wanted = azureml_sweep.candidate(run.id, run.properties, tried, str(limits["goal"]))
    return next(child for child in run.get_children() if child.id == wanted)


def file_of(run: Any, name: str) -> bytes | None:
    """A file that a run left; None if it is not there."""
    if name not in run.get_file_names():
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.json"
        run.download_file(name, str(path))
        return path.read_bytes()
