"""The MLflow server and the workspace daemon as processes: a version registered by hand becomes an event."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from local.daemon import wait_until
from tests.integration.conftest import Daemon
from tests.integration.recording import peer

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def test_a_version_registered_by_hand_is_announced_also_after_a_restart(
    start: Callable[..., Daemon], tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    home = {"BATON_HOME": str(tmp_path)}
    url = start("local.mlflow_server", **home).url
    client = MlflowClient(url, url)
    with peer(lambda _: (200, {})) as grid:
        settings = home | {
            "MLFLOW_TRACKING_URI": url,
            "BATON_WORKSPACE_TOPIC": f"{grid.url}/topics/workspace/api/events",
            "BATON_TOPIC_KEY": "key",
        }
        workspace = start("local.workspace", **settings)
        register_by_hand(client, tmp_path)
        assert grid.next().body[0]["data"]["modelVersion"] == "1"
        memory = tmp_path / "workspace" / "announced.txt"
        wait_until(memory.exists, timeout_seconds=10, what="the workspace did not remember what it announced")
        workspace.kill()
        register_by_hand(client, tmp_path)
        start("local.workspace", **settings)
        event = grid.next().body[0]
    assert event["subject"] == "models/pulse:2"
    assert event["eventType"] == "Microsoft.MachineLearningServices.ModelRegistered"
    assert event["data"]["modelTags"] == {"who": "a person"}
    assert grid.arrived.empty()


def register_by_hand(client: MlflowClient, folder: Path) -> None:
    """What a data scientist does with the MLflow client."""
    (folder / "model.json").write_text(json.dumps({"alpha": 0.4}))
    run = client.create_run("0").info.run_id
    client.log_artifact(run, str(folder / "model.json"), "model")
    if not client.search_registered_models("name = 'pulse'"):
        client.create_registered_model("pulse")
    client.create_model_version("pulse", f"runs:/{run}/model", run, tags={"who": "a person"})


def test_a_second_mlflow_server_keeps_off_the_first_ones_file(start: Callable[..., Daemon], tmp_path: Path) -> None:
    start("local.mlflow_server", BATON_HOME=str(tmp_path))
    second = subprocess.run(
        [sys.executable, "-m", "local.mlflow_server"],
        env={**os.environ, "BATON_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert "another MLflow server has" in second.stderr
    assert second.stdout == ""
