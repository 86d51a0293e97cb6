"""The diabetes model: its script really trains, more data really helps, and bad requests are answered as such."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from local.datasets import BREAKS, PATIENTS, Row, diabetes, main, write_csv
from shared.data.check import check
from shared.data.contract import read_contract
from shared.data.split import is_holdout
from shared.model_yaml.spec_file import load_folder
from shared.runs.cases import read_cases
from shared.runs.comparison import Gain, compare
from shared.runs.metrics import METRICS
from shared.runs.server import Answer

MODEL = Path(__file__).parents[2] / "models" / "diabetes"
GATES = load_folder(MODEL).gates
ALPHA = load_folder(MODEL).train.parameters["alpha"]
Trained = Callable[[int, str], Path]


def held(row: Row) -> bool:
    return is_holdout([str(row["PATIENT"])], 20)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an MLflow store of the tests' own."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    MlflowClient(uri).create_experiment("diabetes")
    return uri


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tracking: str) -> Trained:
    """Trains on the first rows (without the holdout) by the folder's script; each pair of arguments once."""
    place = tmp_path_factory.mktemp("trained")

    def train(rows: int, alpha: str) -> Path:
        model = place / f"{rows}-{alpha}"
        if not model.exists():
            write_csv([row for row in diabetes(1, rows + 1) if not held(row)], place / "train.csv")
            arguments = ["--data", str(place / "train.csv"), "--model-dir", str(model), "--alpha", alpha]
            known = {
                "MLFLOW_TRACKING_URI": tracking,
                "MLFLOW_EXPERIMENT_NAME": "diabetes",
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            subprocess.run([sys.executable, "train.py", *arguments], cwd=MODEL, env={**os.environ, **known}, check=True)
        return model

    return train


def scorer(model: Path) -> ModuleType:
    """The folder's score.py as a module of its own, with the model loaded."""
    spec = importlib.util.spec_from_file_location("diabetes_score", MODEL / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ["AZUREML_MODEL_DIR"] = str(model)
    try:
        module.init()
    finally:
        del os.environ["AZUREML_MODEL_DIR"]
    return module


def losses(model: Path, rows: Sequence[Row]) -> NDArray[np.float64]:
    answer: Mapping[str, list[float]] = scorer(model).run(json.dumps({"data": rows}))
    return (np.array([row["Y"] for row in rows], dtype=float) - np.array(answer["predictions"])) ** 2


def gain(champion: Path, candidate: Path) -> Gain:
    rows = [row for row in diabetes() if held(row)]
    both = losses(champion, rows), losses(candidate, rows)
    return compare(*both, metric=METRICS["mse"], direction="lower", confidence=GATES.confidence)


def test_the_first_hundred_patients_are_enough_for_the_floor(trained: Trained) -> None:
    rows = [row for row in diabetes(1, 101) if held(row)]
    assert len(rows) >= GATES.min_rows
    assert losses(trained(100, ALPHA), rows).mean() < GATES.floor


def test_all_patients_make_a_better_model_than_the_first_hundred(trained: Trained) -> None:
    assert gain(trained(100, ALPHA), trained(PATIENTS, ALPHA)).lower > GATES.minimum_gain


def test_held_back_too_strongly_it_is_worse(trained: Trained) -> None:
    assert gain(trained(PATIENTS, ALPHA), trained(PATIENTS, "5000")).upper < 0


def test_training_is_tracked_with_parameters_and_metrics(trained: Trained, tracking: str) -> None:
    trained(100, ALPHA)
    client = MlflowClient(tracking)
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    run = next(run for run in runs if run.data.params["rows"] == "82")
    assert run.data.params["alpha"] == str(float(ALPHA))
    assert {"mse_train", "mae_train", "r2_train"} <= set(run.data.metrics)


def test_the_owners_cases_pass(trained: Trained) -> None:
    score = scorer(trained(PATIENTS, ALPHA))

    def answer(body: bytes) -> Answer:
        try:
            return Answer(200, json.dumps(score.run(body.decode())), 0.0)
        except ValueError as error:
            return Answer(400, str(error), 0.0)

    assert [fault for case in read_cases(MODEL) if (fault := case.fault(answer(case.body)))] == []


@pytest.mark.parametrize("value", ["1e300", "1" + "0" * 400, "true", '"59"', "null", "[1]", "-Infinity"])
def test_a_measurement_without_a_prediction_is_refused(trained: Trained, value: str) -> None:
    row = json.dumps({**diabetes(1, 2)[0], "AGE": "?"}).replace('"?"', value)
    with pytest.raises(ValueError, match="row 1|infinity|too large|no prediction"):
        scorer(trained(PATIENTS, ALPHA)).run(f'{{"data": [{row}]}}')


# The data that it is tried with


def test_every_patient_is_in_one_part() -> None:
    parts = [row["PATIENT"] for first, end in ((1, 101), (101, 301), (301, 443)) for row in diabetes(first, end)]
    assert sorted(parts) == list(range(1, PATIENTS + 1))


def test_the_data_are_those_of_the_study() -> None:
    """Its first patient, as published: 59 years, sex 2, BMI 32.1, ..., progression 151."""
    (first,) = (row for row in diabetes() if row["PATIENT"] == 1)
    assert list(first.values()) == [1, 59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87, 151]


def test_all_patients_keep_the_contract(tmp_path: Path) -> None:
    main(["diabetes", "--out", str(tmp_path / "all.csv")])
    verdict = check(tmp_path / "all.csv", read_contract(MODEL / "contract.yaml"))
    assert (verdict.accepted, verdict.rows, verdict.problems) == (True, 442, ())


@pytest.mark.parametrize(
    ("name", "rule", "column", "rows"),
    [
        ("schema", "missing_column", "AGE", ()),
        ("text", "type", "BMI", (3, 7, 8)),
        ("range", "maximum", "AGE", (2, 5)),
        ("missing", "required", "S5", (4, 6, 9)),
    ],
)
def test_each_break_is_refused_by_name(
    tmp_path: Path, name: str, rule: str, column: str, rows: tuple[int, ...]
) -> None:
    main(["diabetes", "--rows", "1:51", "--break", name, "--out", str(tmp_path / "bad.csv")])
    verdict = check(tmp_path / "bad.csv", read_contract(MODEL / "contract.yaml"))
    (problem,) = verdict.problems
    assert (verdict.accepted, problem.rule, problem.column, problem.rows) == (False, rule, column, rows)
    assert name in BREAKS
