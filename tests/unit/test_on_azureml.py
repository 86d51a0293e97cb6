"""A run as it goes on Azure ML's compute: what is sent along suffices, and its end lies where Azure ML keeps it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from shared.errors import SettingsRefused
from shared.files.folder import folder_hash
from shared.files.published import InputMissing
from shared.platforms.azureml_source import SHARED, run_packages, source_folder
from shared.platforms.port import RunRequest
from shared.runs.materialise import Sources
from shared.runs.on_azureml import carry_out
from shared.runs.tracking import MlflowTracking, PlatformTracking, tracking
from tests.fakes.platform import FakeRegistry
from tests.fakes.storage import MemoryBlobs

ROOT = Path(__file__).resolve().parents[2]
FOLDER = {"model.yaml": b"name: pulse\n"}


def published() -> tuple[MemoryBlobs, str]:
    """An account in which one folder is published, and its hash."""
    blobs = MemoryBlobs()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FOLDER.items():
            (Path(folder) / name).write_bytes(content)
        wanted = folder_hash(Path(folder))
    for name, content in FOLDER.items():
        blobs.drop("models", f"pulse/{wanted}/{name}", content)
    return blobs, wanted


BLOBS, HASH = published()
REQUEST = {
    "run_id": "pulse-0001-k-1",
    "model": "pulse",
    "step": "check",
    "folder": HASH,
    "inputs": {"candidate": "run:pulse-0001-t-1"},
}
ENVIRONMENT = {"BATON_REQUEST": json.dumps(REQUEST)}


def run_model(run_id: str, into: Path) -> None:
    if run_id != "pulse-0001-t-1":
        raise InputMissing(f"run {run_id} left no outputs/model.", next="retry the release")
    (into / "model.json").write_text(run_id)


def sources(_environment: Mapping[str, str], _here: Path) -> Sources:
    return Sources(BLOBS, run_model, FakeRegistry)


def reading(arguments: list[str], environment: Mapping[str, str]) -> int:
    """A step that reads its input and leaves a result and a model."""
    run = Path(environment["BATON_RUN_DIR"])
    read = (run / "inputs/candidate/model.json").read_text()
    (run / "result.json").write_text(json.dumps({"v": 1, "step": arguments, "read": read}))
    (run / "outputs/model").mkdir(parents=True)
    (run / "outputs/model/weights").write_bytes(b"1")
    return 0


def test_a_run_reads_its_inputs_and_leaves_its_end_in_outputs(tmp_path: Path) -> None:
    assert carry_out(ENVIRONMENT, tmp_path, sources=sources, step=reading) == 0
    result = json.loads((tmp_path / "outputs/result.json").read_text())
    assert result == {"v": 1, "step": ["check"], "read": "pulse-0001-t-1"}
    assert (tmp_path / "outputs/model/weights").read_bytes() == b"1"


def test_an_input_that_is_gone_is_told_and_no_step_begins(tmp_path: Path) -> None:
    missing = json.dumps({**REQUEST, "inputs": {"candidate": "run:pulse-0009-t-1"}})
    assert carry_out({"BATON_REQUEST": missing}, tmp_path, sources=sources, step=reading) == 1
    told = json.loads((tmp_path / "outputs/error.json").read_text())
    assert told == {"what": "run pulse-0009-t-1 left no outputs/model.", "next": "retry the release"}
    assert not (tmp_path / "outputs/result.json").exists()


def test_a_run_that_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="BATON_REQUEST"):
        carry_out({}, tmp_path, sources=sources, step=reading)


def test_what_is_sent_along_runs_by_itself_as_far_as_its_first_input(tmp_path: Path) -> None:
    """A new interpreter in the snapshot, without this clone on its path, gets as far as asking for the data account."""
    settings = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    alone = f"import runpy, sys; sys.path = [{str(source_folder(tmp_path))!r}, *(p for p in sys.path if p and p != {str(ROOT)!r})]"
    command = [sys.executable, "-c", f"{alone}; runpy.run_module('shared.runs.on_azureml', run_name='__main__')"]
    ended = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "BATON_DATA is not set for the run" in (tmp_path / "outputs/error.json").read_text()


def test_a_trial_begins_with_a_script_that_hands_on_what_was_chosen(tmp_path: Path) -> None:
    settings = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    command = [sys.executable, str(source_folder(tmp_path) / "start.py"), "--alpha", "0.5", "--depth"]
    ended = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert "pairs of --name and value, not ['--alpha', '0.5', '--depth']" in ended.stderr


def test_a_source_that_several_make_at_once_comes_to_be_whole(tmp_path: Path) -> None:
    """A submit that hangs is left to itself, and the next try begins to make the same folder."""
    with ThreadPoolExecutor(8) as callers:
        made = set(callers.map(lambda _: source_folder(tmp_path), range(8)))
    (folder,) = made
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    wanted = {f"shared/{path.relative_to(SHARED).as_posix()}" for path in SHARED.rglob("*.py")}
    assert files == wanted | {"start.py"}
    assert list(folder.parent.iterdir()) == [folder]


def test_the_snapshot_is_made_once_for_each_state_of_the_code(tmp_path: Path) -> None:
    first = source_folder(tmp_path)
    assert source_folder(tmp_path) == first
    assert sorted(path.name for path in first.iterdir()) == ["shared", "start.py"]
    assert not list(first.rglob("__pycache__"))


def test_every_package_of_a_run_is_pinned() -> None:
    packages = run_packages()
    assert {"azureml-core", "azureml-mlflow", "pyarrow"} <= {package.split("==")[0] for package in packages}
    assert all(package.count("==") == 1 for package in packages)


def test_the_request_survives_its_way_to_the_run() -> None:
    from shared.platforms.azureml_run import request_document

    request = RunRequest("r", "m", "train", "f", {"data": "dataset:x"}, {"alpha": "1"}, {"t": "u"}, 60.0, 512)
    assert RunRequest(**json.loads(request_document(request))) == request


def test_azure_mls_own_run_is_the_tracked_one() -> None:
    tracked = tracking({"AZUREML_RUN_ID": "pulse-0001-t-1"}, "sqlite://")
    assert isinstance(tracked, PlatformTracking)
    assert tracked.begin(RunRequest("other", "m", "train", "f")) == "pulse-0001-t-1"
    assert not isinstance(tracking({}, "sqlite://"), PlatformTracking)
    assert isinstance(tracking({}, "sqlite://"), MlflowTracking)


def test_a_run_on_databricks_leaves_its_model_in_its_folder_alone_and_not_in_mlflow_too(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'm.db'}"
    tracked = tracking({"BATON_EXPERIMENTS": str(tmp_path / "baton-")}, store)
    assert isinstance(tracked, MlflowTracking)
    run = tracked.begin(RunRequest("pulse-0001-t-1", "pulse", "train", "f"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").write_bytes(b"1")
    tracked.store_model(run, tmp_path / "model")
    assert MlflowClient(store).list_artifacts(run) == []
    tracked.log(run, "mse", 2.5)
    assert tracked.metrics(run) == {"mse": 2.5}


def test_a_trial_of_a_sweep_gets_what_was_chosen_over_what_is_declared(tmp_path: Path) -> None:
    asked = json.dumps({**REQUEST, "inputs": {}, "parameters": {"alpha": "1", "rows": "all"}})
    assert (
        carry_out({"BATON_REQUEST": asked}, tmp_path, arguments=["--alpha", "-0.5"], sources=sources, step=telling) == 0
    )
    assert json.loads((tmp_path / "outputs/result.json").read_text()) == {"alpha": "-0.5", "rows": "all"}


def telling(arguments: list[str], environment: Mapping[str, str]) -> int:
    """A step whose result are its parameters."""
    run = Path(environment["BATON_RUN_DIR"])
    (run / "result.json").write_text(json.dumps(json.loads((run / "request.json").read_text())["parameters"]))
    return 0


def test_a_trial_whose_choice_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="pairs of --name and value"):
        carry_out(ENVIRONMENT, tmp_path, arguments=["--alpha"], sources=sources, step=telling)
