"""What somebody does who trains on their own laptop and registers the outcome with the plain MLflow client."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
from pathlib import Path

from shared.runs.environments import python_for


def train_and_register(model: str, *, source: Path, data: Path, out: Path, tracking: str, home: Path) -> str:
    """Train the folder `source` on `data` and register what it leaves in `out`; returns the new version of `model`."""
    from mlflow.tracking import MlflowClient

    out.mkdir(exist_ok=True)
    client = MlflowClient(tracking)
    name = "by-hand"
    experiment = client.get_experiment_by_name(name)
    run = client.create_run(experiment.experiment_id if experiment else client.create_experiment(name)).info.run_id
    words = ["--data", str(data), "--model-dir", str(out), "--alpha", "30"]
    settings = {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_RUN_ID": run}
    command = [str(python_for(source, "run", home=home)), str(source / "train.py"), *words]
    subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)
    client.log_artifacts(run, str(out), "model")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        client.set_terminated(run)
        return str(client.create_model_version(model, f"runs:/{run}/model", run).version)
