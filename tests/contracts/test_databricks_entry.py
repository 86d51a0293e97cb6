"""What Databricks starts, as it starts it: a script beside the packed source, and a folder that stands for the volume's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.errors import Permanent
from shared.platforms.azureml_source import source_folder
from shared.platforms.databricks import START, _packed
from shared.runs import on_databricks
from shared.runs.on_databricks import copy_run_model, of_the_volume
from tests.wire.databricks import FakeDatabricks

RUN = "Volumes/main/mlops/baton/runs/pulse-0001-t-1"
REQUEST = {"run_id": "pulse-0001-t-1", "model": "pulse", "step": "train", "folder": ""}


def run_folder(root: Path) -> Path:
    folder = root / RUN
    folder.mkdir(parents=True)
    document = {"v": 1, "at_ms": 1, "request": REQUEST, "settings": {"BATON_DATA": "BlobEndpoint=https://a"}}
    (folder / "request.json").write_text(json.dumps(document))
    return folder


def test_the_script_unpacks_the_source_and_keeps_why_the_step_failed_in_the_runs_folder(
    tmp_path: Path, databricks: FakeDatabricks
) -> None:
    """A train step without a model folder fails by design; the workspace is named, and not asked for anything."""
    folder = run_folder(tmp_path)
    (tmp_path / "source.zip").write_bytes(_packed(source_folder(tmp_path / "home")))
    (tmp_path / "start.py").write_bytes(START.read_bytes())
    settings = {"DATABRICKS_HOST": databricks.wire.url, "DATABRICKS_TOKEN": "t", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "start.py"), str(tmp_path / "source.zip"), str(folder)],
        cwd=tmp_path, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "RuntimeError: the step failed" in done.stdout
    assert "no input 'folder'" in json.loads((folder / "outputs/error.json").read_text())["what"]


def test_a_step_gets_the_workspaces_mlflow_and_what_it_leaves_is_kept(
    tmp_path: Path, databricks: FakeDatabricks, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_HOST", databricks.wire.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "t")
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "client.2.5")
    given: dict[str, str] = {}

    def step(arguments: list[str], environment: Mapping[str, str]) -> int:
        given.update(environment)
        run = Path(environment["BATON_RUN_DIR"])
        (run / "outputs/model").mkdir(parents=True)
        (run / "outputs/model/model.json").write_text("{}")
        (run / "result.json").write_text('{"v": 1}')
        return len(arguments) - 1

    assert on_databricks.main(str(folder), step=step) == 0
    named = ("MLFLOW_TRACKING_URI", "BATON_EXPERIMENTS", "DATABRICKS_HOST", "DATABRICKS_TOKEN")
    assert [given[name] for name in named] == ["databricks", "/Shared/baton-", databricks.wire.url, "t"]
    assert given["BATON_IMAGE"] == "Databricks Runtime client.2.5"
    copy_run_model(folder.parent, "pulse-0001-t-1", tmp_path / "copied")
    assert (tmp_path / "copied/model.json").read_text() == "{}"
    assert (folder / "outputs/result.json").exists()


def test_a_run_that_left_no_model_and_a_run_without_its_credential_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="left no outputs/model"):
        copy_run_model(tmp_path, "pulse-0001-t-1", tmp_path / "copied")
    with pytest.raises(Permanent, match="BATON_DATABRICKS_CREDENTIAL not set"):
        of_the_volume(tmp_path, "main.mlops", {"BATON_DATA": "x"}, tmp_path)
