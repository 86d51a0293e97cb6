"""Trials of a search, and a warm start from what serves, on the smallest model folder with real processes."""

import json
import os
import sys
from dataclasses import replace

import pytest

from shared.errors import RunFailed
from shared.runs.run_dir import RunDir
from shared.runs.tracking import MlflowTracking
from shared.runs.train import train
from shared.spec import Search, Train
from tests.integration.linear import (
    ROWS,
    SPEC,
    WORSE,
    Remembered,
    quick,
    run_of,
    trained,
    weights,
)

NEEDS_NO_MLFLOW = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
for name in ("--data", "--model-dir", "--alpha", "--degree", "--warm-start"):
    parser.add_argument(name)
options = parser.parse_args()
if options.warm_start:
    assert (pathlib.Path(options.warm_start) / "weights.json").exists()
if options.alpha == "1000":
    os.kill(os.getpid(), 9)
off = {"0.1": 0.5, "9": 0.0}.get(options.alpha, 2.0)
(pathlib.Path(options.model_dir) / "weights.json").write_text(json.dumps([1.0 + off, 2.0, -1.0]))
"""


def test_the_best_trial_of_a_search_is_the_candidate_and_a_killed_one_is_told(tmp_path, folder):
    space = Search(space={"alpha": "0.1 | 9 | 1000"}, trials=8, seed=1)
    spec = replace(SPEC, train=Train("train.py", {"alpha": "0.1"}, search=space))
    run, tracking = run_of(tmp_path, quick(folder, NEEDS_NO_MLFLOW)), Remembered()

    result = train(run, spec, ROWS, python=sys.executable, tracking=tracking, environment=os.environ)

    trials = result["attachments"]["trials"]["trials"]
    assert {trial["parameters"]["alpha"] for trial in trials} == {"0.1", "9", "1000"}
    assert {trial["error"] for trial in trials if trial["value"] is None} == {
        "train.py failed: exit code -9; last line: none"
    }
    assert result["search"]["best"]["parameters"] == {"alpha": "9"}
    assert json.loads((run.outputs / "model" / "weights.json").read_text()) == [1.0, 2.0, -1.0]
    made_of = json.loads((run.outputs / "model" / "provenance.json").read_text())
    assert (made_of["parameters"], made_of["search"]["trials"]) == ({"alpha": "9"}, 8)
    assert tracking.ended == [trial["value"] is not None for trial in trials] + [True]
    holdout = [repr(value) for value in ROWS.holdout["X1"].to_pylist()]
    texts = [file.read_text(errors="replace") for file in run.path.rglob("*") if file.is_file()]
    assert not [value for value in holdout for text in texts if value in text]


def test_a_trial_that_hangs_is_killed_when_its_time_is_over(tmp_path, folder):
    hangs = 'import sys, time\nif "0.1" in sys.argv: time.sleep(60)\n' + NEEDS_NO_MLFLOW
    space = Search(space={"alpha": "0.1 | 9"}, trials=3, seed=1, max_minutes=0.1)
    spec = replace(SPEC, train=Train("train.py", {"alpha": "0.1"}, search=space))
    run = run_of(tmp_path, quick(folder, hangs))

    with pytest.raises(RunFailed, match="all 1 trials failed, the last: train.py failed: exit code -9"):
        train(run, spec, ROWS, python=sys.executable, tracking=Remembered(), environment=os.environ)


def test_a_trial_of_a_sweep_tells_its_value_and_leaves_a_candidate_of_all_rows(tmp_path, folder):
    space = Search(space={"alpha": "0.1 to 9", "degree": "1 to 3"}, sampler="random", seed=1, jobs=2)
    spec = replace(SPEC, train=Train("train.py", {"alpha": "0.1", "degree": "1"}, search=space))
    run = run_of(tmp_path, quick(folder, NEEDS_NO_MLFLOW))
    run = RunDir(run.path, replace(run.request, parameters={"alpha": "0.25", "degree": "2.0"}))
    tracking, environment = Remembered(), {**os.environ, "BATON_TRIAL_OF": "linear-0001-t-1"}

    result = train(run, spec, ROWS, python=sys.executable, tracking=tracking, environment=environment)

    told = result["trial"]
    assert tracking.logged == {("tracked-1", "baton_validation"): told["value"]}
    assert (told["parameters"], told["metric"], told["seed"]) == ({"alpha": "0.25", "degree": "2"}, "mse", 1)
    assert (result["rows"]["train"], "search" in result) == (80, False)
    made_of = json.loads((run.outputs / "model" / "provenance.json").read_text())
    assert made_of["parameters"] == {"alpha": "0.25", "degree": "2"}
    assert (made_of["search"]["sweep"], made_of["search"]["most_trials"]) == ("linear-0001-t-1", 20)


def test_trials_are_runs_of_mlflow_below_the_training_and_nobody_adopts_them(tmp_path, folder, mlflow):
    tracking = MlflowTracking(mlflow.tracking_uri)
    tracked = tracking.begin(run_of(tmp_path, folder).request)

    tracking.end(child := tracking.begin_trial(tracked, 4), completed=False)

    found = mlflow.get_run(child)
    assert (found.data.tags["mlflow.parentRunId"], found.info.run_name, found.info.status) == (
        tracked,
        "trial-4",
        "FAILED",
    )
    assert not [name for name in found.data.tags if name.startswith("baton.")]


def test_a_warm_start_gets_the_champions_files_and_the_model_says_so(tmp_path, folder):
    champion = weights(tmp_path, "champion", WORSE)
    run = run_of(tmp_path, quick(folder, NEEDS_NO_MLFLOW), champion=("version:7", champion))

    result = trained(run, Remembered())

    made_of = json.loads((run.outputs / "model" / "provenance.json").read_text())
    assert result["warm_start"] == made_of["warm_start"]
    assert (made_of["warm_start"]["version"], len(made_of["warm_start"]["model_sha256"])) == ("7", 64)
