"""Training of the smallest model folder: real scripts and real MLflow, and what a training script may do wrong."""

import json
import os
import platform
import sys

import numpy as np
import pytest

from shared.errors import MetricMissing, Permanent, PlatformBusy, RunFailed
from shared.runs.model_files import model_files
from shared.runs.provenance import of_certificate
from shared.runs.reference import read_reference
from shared.runs.rows import Rows
from shared.runs.tracking import RUN_TAG, MlflowTracking
from tests.integration.linear import (
    LINEAR,
    NEW_HOLDOUT,
    ROWS,
    SAVE,
    Remembered,
    quick,
    run_of,
    store_in,
    trained,
)


@pytest.fixture(scope="module")
def once(tmp_path_factory, empty_store):
    """One training with everything real: its run, its result, and the client of its store."""
    place = tmp_path_factory.mktemp("once")
    client = store_in(place, empty_store)
    run = run_of(place, LINEAR)
    return run, trained(run, MlflowTracking(client.tracking_uri)), client


def test_training_tells_metrics_rows_and_files(once):
    _, result, _ = once

    assert result["metrics"] == {"train_mse": pytest.approx(0.01, abs=0.01)}
    assert result["rows"] == {"train": 80, "holdout": 40, "holdout_new": NEW_HOLDOUT}
    assert [file["path"] for file in result["model"]["files"]] == [
        "provenance.json",
        "reference.json",
        "weights.json",
    ]


def test_mlflow_holds_parameters_and_model_of_the_run(once):
    _, result, mlflow = once

    tracked = mlflow.get_run(result["mlflow_run_id"])

    assert (tracked.info.status, tracked.data.params) == ("FINISHED", {"alpha": "0.1"})
    assert tracked.data.tags[RUN_TAG] == "linear-0001-t-1"
    assert [item.path for item in mlflow.list_artifacts(tracked.info.run_id, "model")] == [
        "model/provenance.json",
        "model/reference.json",
        "model/weights.json",
    ]


def test_the_reference_profiles_the_features_and_neither_key_nor_target(once):
    run, _, _ = once

    reference = json.loads((run.outputs / "reference.json").read_text())

    found = read_reference(reference)
    assert (sorted(found.columns), found.rows) == (["X1", "X2"], 80)
    assert found.columns["X1"].numbers.mean == pytest.approx(ROWS.train["X1"].to_numpy().mean())
    assert reference["profile"]["columns"]["X1"]["deciles"] == pytest.approx(
        np.quantile(ROWS.train["X1"].to_numpy(), np.arange(11) / 10, method="inverted_cdf"), rel=1e-6
    )


def test_the_model_says_what_it_was_made_of(once):
    run, _, _ = once

    made_of = json.loads((run.outputs / "model" / "provenance.json").read_text())

    assert (made_of["folder"], made_of["parameters"]) == ("0123456789abcdef", {"alpha": "0.1"})
    assert made_of["seeds"] == {"PYTHONHASHSEED": None}
    assert f"numpy=={np.__version__}" in made_of["environment"]["packages"]


def test_the_image_of_a_run_is_told_in_its_model_and_in_the_certificate(tmp_path, folder):
    """Here there is none: the interpreter is what stands for it."""
    run, inside = run_of(tmp_path, quick(folder)), {**os.environ, "BATON_IMAGE": "mcr.example/base:20251130"}
    trained(run, Remembered(), environment=inside)
    model = run.outputs / "model"

    made_of = json.loads((model / "provenance.json").read_text())
    told = of_certificate(model_files(model), model, python=sys.executable, environment=os.environ)
    served = of_certificate(model_files(model), model, python=sys.executable, environment=inside)["serving"]

    assert made_of["environment"]["image"] == "mcr.example/base:20251130"
    assert told["training"]["environment"]["image"] == "mcr.example/base:20251130"
    assert (served["image"], "image" in told["serving"]) == ("mcr.example/base:20251130", False)
    assert told["serving"]["python"] == platform.python_version()


def test_holdout_rows_are_written_nowhere(once):
    run, _, _ = once
    holdout = [repr(value) for value in ROWS.holdout["X1"].to_pylist()]

    texts = [file.read_text(errors="replace") for file in run.path.rglob("*") if file.is_file()]

    assert not [value for value in holdout for text in texts if value in text]


def test_a_run_that_begins_twice_is_one_run_of_mlflow(tmp_path, folder, mlflow):
    tracking = MlflowTracking(mlflow.tracking_uri)
    request = run_of(tmp_path, folder).request

    assert tracking.begin(request) == tracking.begin(request)
    experiment = mlflow.get_experiment_by_name("linear").experiment_id
    assert len(mlflow.search_runs([experiment])) == 1


def test_a_store_that_takes_no_files_is_busy(tmp_path, folder, mlflow):
    (tmp_path / "artefacts").write_text("a file where the folder should be")
    tracking = MlflowTracking(mlflow.tracking_uri)
    tracked = tracking.begin(run_of(tmp_path, folder).request)

    with pytest.raises(PlatformBusy, match="could not store the model's files"):
        tracking.store_model(tracked, folder)


def test_a_full_disk_of_the_artefact_store_ends_the_run_as_failed(tmp_path, folder):
    tracking = Remembered(disk_is_full=True)

    with pytest.raises(PlatformBusy, match="no space left on device"):
        trained(run_of(tmp_path, quick(folder)), tracking)

    assert tracking.ended == [False]


def test_the_owners_code_does_not_see_batons_settings(tmp_path, folder):
    look = "import os; assert not [name for name in os.environ if name.startswith('BATON_')]\n"
    environment = {**os.environ, "BATON_DATA": "AccountKey=secret"}

    assert trained(run_of(tmp_path, quick(folder, SAVE + look)), Remembered(), environment=environment)


@pytest.mark.parametrize(
    ("script", "metrics", "error", "what"),
    [
        ("raise RuntimeError('singular')", None, RunFailed, "train.py failed: RuntimeError: singular"),
        ("import sys; print('no luck'); sys.exit(3)", None, RunFailed, "failed: exit code 3; last line: no luck"),
        ("import os; os.kill(os.getpid(), 9)", None, RunFailed, "failed: exit code -9; last line: none"),
        ("def broken(:", None, RunFailed, "failed: SyntaxError: invalid syntax"),
        ("pass", None, RunFailed, "train.py wrote no file to its --model-dir"),
        (SAVE.replace("w.json", "reference.json"), None, RunFailed, "train.py wrote reference.json"),
        (SAVE.replace("w.json", "provenance.json"), None, RunFailed, "train.py wrote provenance.json"),
        (SAVE, {}, MetricMissing, "train.py logged no metric"),
        (SAVE, {"mse": float("nan"), "mae": 1.0}, MetricMissing, "train.py logged mse = nan"),
    ],
)
def test_what_the_training_script_did_wrong_is_told_with_the_remedy(tmp_path, folder, script, metrics, error, what):
    tracking = Remembered(metrics)

    with pytest.raises(error) as raised:
        trained(run_of(tmp_path, quick(folder, script)), tracking)

    assert what in raised.value.what
    assert "models/linear/train.py" in raised.value.next
    assert "`baton retry linear-0001 --why ...`" in raised.value.next
    assert tracking.ended == [False]


def test_no_row_to_train_on_is_told(tmp_path, folder):
    with pytest.raises(Permanent, match="no row to train on"):
        trained(run_of(tmp_path, folder), Remembered(), rows=Rows(ROWS.train.slice(0, 0), ROWS.holdout))
