"""What is packed for Databricks is a model to MLflow itself."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.platforms.databricks_packing import MLFLOW, pack
from tests.contracts.databricks_bench import BODY, published


@pytest.fixture
def kept() -> Iterator[None]:
    """A pyfunc changes modules, paths and the environment of the process that serves it."""
    modules, paths, environment = dict(sys.modules), list(sys.path), dict(os.environ)
    yield
    for name in [name for name in sys.modules if name == "score" or name.startswith(("baton_entry", "azureml_inf"))]:
        if name not in modules:
            del sys.modules[name]
    sys.path[:] = paths
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.long  # MLflow takes long to import
@pytest.mark.usefixtures("kept")
def test_mlflow_loads_what_was_packed_checks_its_columns_and_answers_as_an_endpoint_does(tmp_path: Path) -> None:
    """With MLflow's own reading of a request and writing of an answer, which is what an endpoint's container runs."""
    import mlflow.pyfunc
    from mlflow.pyfunc.scoring_server import infer_and_parse_data, predictions_to_json

    folder, model = tmp_path / "folder", tmp_path / "model"
    folder.mkdir()
    model.mkdir()
    published("pulse", "", folder)
    (model / "weights.txt").write_text("3")
    pack(tmp_path / "pyfunc", "pulse-0007", "7", folder, model)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "pyfunc"))
    asked = infer_and_parse_data({"dataframe_records": [{"body": BODY}]}, loaded.metadata.get_input_schema())
    answered = Written()
    predictions_to_json(loaded.predict(asked), answered)  # type: ignore[no-untyped-call]
    said = {"status": 200, "body": '{"predictions": [3.0]}', "version": "7", "deployment": "pulse-0007"}
    assert json.loads(answered.text) == {"predictions": [said]}
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        loaded.predict({"wrong": ["x"]})


@pytest.mark.long  # MLflow takes long to import
@pytest.mark.usefixtures("kept")
def test_without_a_folder_it_answers_503(tmp_path: Path) -> None:
    import mlflow.pyfunc

    pack(tmp_path / "pyfunc", "closed", "")
    (said,) = mlflow.pyfunc.load_model(str(tmp_path / "pyfunc")).predict({"body": [BODY]})
    assert (said["status"], said["deployment"], said["version"]) == (503, "closed", "")


def test_what_score_needs_is_installed_beside_the_mlflow_that_is_tried_here(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "model").mkdir()
    published("pulse", "", tmp_path / "folder")
    pack(tmp_path / "pyfunc", "pulse-0007", "7", tmp_path / "folder", tmp_path / "model")
    assert (tmp_path / "pyfunc" / "requirements.txt").read_text().split() == [MLFLOW, "numpy==2.3.1"]
    assert importlib.metadata.version("mlflow") == MLFLOW.rpartition("=")[2]


class Written:
    """A file that keeps what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text
