"""The example models of other kinds: their scripts really train, and what they answer is right or a clear refusal."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from pyarrow import csv

from local.datasets import write_csv
from shared.data.contract import read_contract
from shared.data.reading import read_table
from shared.data.split import split, split_by_time
from shared.model_yaml.spec_file import load_folder
from shared.runs.boundary import boundary
from shared.runs.cases import read_cases
from shared.runs.invariances import read_invariances, try_invariances
from shared.runs.server import Answer
from tests.documents import ROOT
from tests.kinds.journey import KINDS

FEW = {"loans": (1, 1501), "films": (1, 301), "demand": (1, 701)}


@dataclass(frozen=True)
class Trained:
    """A folder, and how a model that its train.py made answers a request, as a server would."""

    folder: Path
    ask: Callable[[bytes], Answer]
    classes: tuple[str, ...]


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an MLflow store of the tests' own."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    MlflowClient(uri).create_experiment("examples")
    return uri


@pytest.fixture(scope="module", params=sorted(KINDS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tracking: str) -> Trained:
    """Each folder's model, trained on a part of its rows without the holdout."""
    place, folder = tmp_path_factory.mktemp(request.param), ROOT / "models" / request.param
    spec, rows = load_folder(folder), KINDS[request.param].rows(*FEW[request.param])
    write_csv(rows, place / "rows.csv")
    table, data = read_table(place / "rows.csv", read_contract(folder / spec.data.contract)), spec.data
    sides = (
        split_by_time(table, data.time, data.block_days, data.holdout_percent)
        if data.split == "time"
        else split(table, data.key, data.holdout_percent)
    )
    csv.write_csv(sides[0], place / "train.csv")
    parameters = [part for name, value in spec.train.parameters.items() for part in (f"--{name}", value)]
    command = [sys.executable, "train.py", "--data", str(place / "train.csv"), "--model-dir", str(place / "model")]
    known = {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_EXPERIMENT_NAME": "examples", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*command, *parameters], cwd=folder, env={**os.environ, **known}, check=True)
    return Trained(folder, _asking(folder, place / "model"), spec.gates.compare.classes)


def _asking(folder: Path, model: Path) -> Callable[[bytes], Answer]:
    found = importlib.util.spec_from_file_location(f"{folder.name}_score", folder / "score.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_MODEL_DIR", str(model))
        module.init()

    def ask(body: bytes) -> Answer:
        try:
            return Answer(200, json.dumps(module.run(body.decode())), 0.0)
        except ValueError as error:
            return Answer(400, str(error), 0.0)

    return ask


def test_the_owners_cases_pass(trained: Trained) -> None:
    assert [fault for case in read_cases(trained.folder) if (fault := case.fault(trained.ask(case.body)))] == []


def test_requests_at_the_boundary_get_a_right_answer_or_a_clear_refusal(trained: Trained) -> None:
    found = boundary(read_cases(trained.folder), trained.ask, trained.classes)
    assert found["broken"] == []


def test_the_declared_invariances_hold(trained: Trained) -> None:
    good = [case.body for case in read_cases(trained.folder) if case.status == 200]
    assert try_invariances(read_invariances(trained.folder), good, trained.ask)["broken"] == []
