"""The three steps of a release on the smallest model folder: real scripts, real MLflow, the real inference server."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from mlflow.tracking import MlflowClient

from shared import gates
from shared.errors import MetricMissing, Permanent, PlatformBusy, RunFailed
from shared.model_yaml.gate_spec import Check, Holdout, Sanity, Slices
from shared.platforms.port import RunRequest
from shared.runs.certify import certify
from shared.runs.judge import judge
from shared.runs.model_files import model_files
from shared.runs.provenance import of_certificate
from shared.runs.reference import read_reference
from shared.runs.reproduce import reproduce
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Scorer, score
from shared.runs.tracking import RUN_TAG, MlflowTracking
from shared.runs.train import train
from shared.spec import Approval, CertificateLimits, Data, Gates, Load, Search, Spec, Train

LINEAR = Path(__file__).parents[1] / "models" / "linear"
GATES = Gates(
    metric="mse", direction="lower", floor=4.0, certificate=CertificateLimits(start_seconds=30, load=Load(requests=100))
)
SPEC = Spec(
    name="linear",
    owner="tests",
    purpose="",
    data=Data("contract.yaml", key=("ID",), target="Y", holdout_percent=30),
    train=Train("train.py", {}),
    gates=GATES,
    approval=Approval(("operations",)),
)
GOOD, WORSE, TRUE = [1.0, 2.0, -1.0], [1.5, 2.0, -1.0], {"X1": 2.0, "X2": -1.0}


def table_of(rows, seed):
    draw = np.random.default_rng(seed)
    x1, x2 = draw.normal(size=(2, rows))
    target = 1 + TRUE["X1"] * x1 + TRUE["X2"] * x2 + draw.normal(scale=0.1, size=rows)
    return pa.table({"ID": np.arange(rows) + 1000 * seed, "X1": x1, "X2": x2, "Y": target})


NEW_HOLDOUT = 12
ROWS = Rows(train=table_of(80, seed=1), holdout=table_of(40, seed=2), new_holdout=NEW_HOLDOUT)


@pytest.fixture(scope="session")
def serving_python(tmp_path_factory):
    """The interpreter of an environment with Microsoft's inference server in it."""
    place = tmp_path_factory.mktemp("serving") / "env"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, place], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [*uv, "pip", "install", "-q", "--python", python, "azureml-inference-server-http==1.5.1"], check=True
    )
    return str(python)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """An MLflow database with its tables made, to copy: making them takes a second."""
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow(tmp_path, empty_store):
    """The client of a store of the test's own."""
    return store_in(tmp_path, empty_store)


def store_in(place, empty_store):
    """A client whose database and artefacts lie in `place`."""
    shutil.copy(empty_store, place / "mlflow.db")
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    client.create_experiment("linear", artifact_location=(place / "artefacts").as_uri())
    return client


@pytest.fixture
def folder(tmp_path):
    """A copy of the linear model's folder, to spoil."""
    return Path(shutil.copytree(LINEAR, tmp_path / "linear"))


def run_of(tmp_path, folder, step="train", **inputs):
    """A run's folder with its inputs laid out; `inputs` maps a name to (what the request says, the folder)."""
    path = tmp_path / f"run-{step}"
    (path / "inputs").mkdir(parents=True)
    shutil.copytree(folder, path / "inputs" / "folder")
    for name, (_, files) in inputs.items():
        shutil.copytree(files, path / "inputs" / name)
    request = RunRequest(
        run_id="linear-0001-t-1",
        model="linear",
        step=step,
        folder="0123456789abcdef",
        inputs={name: said for name, (said, _) in inputs.items()},
        parameters={"alpha": "0.1"} if step == "train" else {},
        max_seconds=60,
    )
    return RunDir(path, request)


class Remembered:
    """A tracking port that answers with `metrics` and remembers how the run ended."""

    def __init__(self, metrics=None, disk_is_full=False):
        self.ended = []
        self._metrics = {"mse": 1.0} if metrics is None else metrics
        self._disk_is_full = disk_is_full

    def begin(self, request):
        return "tracked-1"

    def environment(self, tracked):
        return {}

    def begin_trial(self, tracked, number):
        return f"{tracked}-{number}"

    def metrics(self, tracked):
        return self._metrics

    def log(self, tracked, name, value):
        self.logged = {(tracked, name): value}

    def store_model(self, tracked, folder):
        if self._disk_is_full:
            raise PlatformBusy("MLflow could not store the model's files: no space left on device", next="free some")

    def end(self, tracked, *, completed):
        self.ended.append(completed)


def trained(run, tracking, rows=ROWS, environment=os.environ):
    return train(run, SPEC, rows, python=sys.executable, tracking=tracking, environment=environment)


def append(file, text):
    file.write_text(file.read_text() + text)


# Training


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


SAVE = "import sys, pathlib; pathlib.Path(sys.argv[sys.argv.index('--model-dir') + 1], 'w.json').write_text('[]')\n"


def quick(folder, script=SAVE):
    """The folder with a train.py that needs no MLflow."""
    (folder / "train.py").write_text(script)
    return folder


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


def test_no_row_to_train_on_is_told(tmp_path, folder):
    with pytest.raises(Permanent, match="no row to train on"):
        trained(run_of(tmp_path, folder), Remembered(), rows=Rows(ROWS.train.slice(0, 0), ROWS.holdout))


# Judging


def weights(tmp_path, name, values):
    place = tmp_path / name
    place.mkdir()
    (place / "weights.json").write_text(json.dumps(values))
    return place


def judged(tmp_path, folder, candidate=GOOD, champion=None, champion_folder=None, rows=ROWS, spec=SPEC):
    inputs = {"candidate": ("run:linear-0002-t-1", weights(tmp_path, "candidate", candidate))}
    if champion is not None:
        inputs["champion"] = ("version:7", weights(tmp_path, "champion", champion))
    if champion_folder is not None:
        inputs["champion_folder"] = ("folder:fedcba", champion_folder)
    run = run_of(tmp_path, folder, step="judge", **inputs)
    pythons = {"folder": sys.executable, "champion_folder": sys.executable}
    document = judge(run, spec, rows, pythons=pythons, environment=os.environ)
    json.dumps(document, allow_nan=False)
    return document


PROFIT = """
def per_row(rows, truth, predicted):
    return [10 - abs(wanted - found) * (2 if row["X1"] > 0 else 1) for row, wanted, found in zip(rows, truth, predicted)]
"""


def with_gates(metric="mse", direction="lower", floor=4.0, **more):
    """The linear model's spec with these gates."""
    return replace(SPEC, gates=replace(GATES, metric=metric, direction=direction, floor=floor, **more))


def test_a_metric_of_the_folder_is_computed_by_its_owners_code(tmp_path, folder):
    (folder / "profit.py").write_text(PROFIT)
    spec = with_gates("profit.py", "higher", 5.0)

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, spec=spec)

    columns = {name: ROWS.holdout[name].to_numpy() for name in ("X1", "X2", "Y")}
    off = np.abs(GOOD[0] + GOOD[1] * columns["X1"] + GOOD[2] * columns["X2"] - columns["Y"])
    assert evidence["candidate"]["value"] == pytest.approx(np.mean(10 - off * np.where(columns["X1"] > 0, 2, 1)))
    assert gates.judge(spec.gates, evidence, against="7").passed


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "def per_row(rows, truth, predicted): return [1.0]",
            "profit.py: ValueError: per_row() answered 1 numbers to 40 rows",
        ),
        (
            "def per_row(rows, truth, predicted): return [float('nan')] * len(rows)",
            "profit.py: 40 of 40 of its numbers are not finite",
        ),
        ("import nothing_there", "profit.py: ModuleNotFoundError: No module named 'nothing_there'"),
    ],
)
def test_a_metric_of_the_folder_that_fails_holds_with_its_reason(tmp_path, folder, code, why):
    (folder / "profit.py").write_text(code)
    spec = with_gates("profit.py", "higher", 5.0)

    verdict = gates.judge(spec.gates, judged(tmp_path, folder, spec=spec))

    assert verdict.first_failure.why == f"the candidate could not be scored: {why}"


def test_guards_slices_and_leaks_are_measured_where_the_spec_asks_for_them(tmp_path, folder):
    spec = with_gates(
        guards={"mae": "0.1", "latency": "900", "size": "50"},
        slices=Slices(where=("X1 > 0",), min_rows=30),
        sanity=Sanity(max_overlap_percent=0, schema="same"),
        holdout=Holdout(error_budget=0.05),
    )
    older = Path(shutil.copytree(folder, tmp_path / "older"))

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older, spec=spec)

    assert evidence["guards"]["mae"]["lower"] > 0
    assert evidence["guards"]["size"]["mean"] == 0
    assert evidence["guards"]["latency"]["lower"] <= evidence["guards"]["latency"]["upper"]
    assert (evidence["sanity"]["overlap"], evidence["sanity"]["schema"]) == (0, [])
    assert evidence["slices"] == [{"slice": "X1 > 0", "rows": evidence["slices"][0]["rows"], "positives": None}]
    assert 0 < evidence["gain"]["p"] < 0.01
    assert gates.judge(spec.gates, evidence, against="7", share=0.5).passed


def test_rows_that_training_saw_and_columns_that_changed_are_told(tmp_path, folder):
    leaking = Rows(train=pa.concat_tables([ROWS.train, ROWS.holdout]), holdout=ROWS.holdout)
    older = Path(shutil.copytree(folder, tmp_path / "older"))
    contract = older / "contract.yaml"
    contract.write_text(contract.read_text().replace("X2", "X3"))
    spec = with_gates(sanity=Sanity(max_overlap_percent=5, schema="same"))

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older, rows=leaking, spec=spec)

    assert evidence["sanity"]["overlap"] == 40
    assert evidence["sanity"]["schema"] == ["X3 is gone", "X2 is new"]
    assert gates.judge(spec.gates, evidence).first_failure.gate == "no_overlap"


def mse(weights):
    columns = {name: ROWS.holdout[name].to_numpy() for name in ("X1", "X2", "Y")}
    return np.mean((weights[0] + weights[1] * columns["X1"] + weights[2] * columns["X2"] - columns["Y"]) ** 2)


def test_a_better_candidate_passes_with_both_values_and_the_interval(tmp_path, folder):
    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE)

    assert evidence["rows"] == 40
    assert evidence["candidate"]["value"] == pytest.approx(mse(GOOD))
    assert evidence["champion"]["version"] == "7"
    assert evidence["champion"]["value"] == pytest.approx(mse(WORSE))
    assert evidence["gain"]["mean"] == pytest.approx(mse(WORSE) - mse(GOOD))
    assert 0 < evidence["gain"]["lower"] < evidence["gain"]["mean"] < evidence["gain"]["upper"]
    assert gates.judge(GATES, evidence, against="7").passed


def test_a_worse_candidate_is_held_by_the_gain(tmp_path, folder):
    verdict = gates.judge(GATES, judged(tmp_path, folder, candidate=WORSE, champion=GOOD))

    assert [result.gate for result in verdict.results if not result.passed] == ["min_gain"]


def test_the_same_model_again_is_held(tmp_path, folder):
    verdict = gates.judge(GATES, judged(tmp_path, folder, candidate=GOOD, champion=GOOD))

    assert [result.gate for result in verdict.results if not result.passed] == ["min_gain", "not_identical"]


def test_the_first_candidate_is_judged_by_the_floor(tmp_path, folder):
    evidence = judged(tmp_path, folder)

    assert (evidence["champion"], evidence["gain"]) == (None, None)
    assert gates.judge(GATES, evidence, against="").passed


def test_the_champion_is_scored_by_its_own_score_py(tmp_path, folder):
    older = Path(shutil.copytree(LINEAR, tmp_path / "older"))
    append(older / "score.py", "\n\ndef run(data):\n    return {'predictions': [0.5 * n for n in range(40)]}\n")

    evidence = judged(tmp_path, folder, champion=GOOD, champion_folder=older)

    assert evidence["champion"]["predicted"] == {"min": 0.0, "mean": 9.75, "max": 19.5}


@pytest.mark.parametrize("spoil", ["raise KeyError('weights')", "import sys; sys.exit(4)", "import os; os._exit(5)"])
def test_a_champion_that_cannot_be_scored_is_evidence_that_holds(tmp_path, folder, spoil):
    older = Path(shutil.copytree(LINEAR, tmp_path / "older"))
    append(older / "score.py", f"\n\ndef init():\n    {spoil}\n")

    evidence = judged(tmp_path, folder, champion=GOOD, champion_folder=older)

    assert "score.py" in evidence["champion"]["error"]
    assert evidence["champion"]["version"] == "7"
    assert gates.judge(GATES, evidence).first_failure.gate == "evidence_complete"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("{'predictions': [float('nan')] * 40}", "40 of 40 predictions are no finite number"),
        ("{'predictions': [1.0]}", "1 predictions to 40 rows"),
        ("{'predictions': ['high'] * 40}", "prediction 0 is 'high'"),
        ("{'predictions': [1e300] * 40}", "too large to measure"),
        ("[1.0] * 40", "must be {'predictions'"),
    ],
)
def test_a_candidate_that_answers_nonsense_is_held_with_what_it_answered(tmp_path, folder, answer, told):
    append(folder / "score.py", f"\n\ndef run(data):\n    return {answer}\n")

    evidence = judged(tmp_path, folder, champion=None)

    assert told in evidence["candidate"]["error"]
    assert not gates.judge(GATES, evidence).passed


def test_a_candidate_that_predicts_one_number_is_held(tmp_path, folder):
    append(folder / "score.py", "\n\ndef run(data):\n    return {'predictions': [1.0] * 40}\n")

    verdict = gates.judge(GATES, judged(tmp_path, folder))

    assert "sane_predictions" in [result.gate for result in verdict.results if not result.passed]


def test_a_model_that_never_answers_is_given_up(tmp_path, folder):
    append(folder / "score.py", "\n\ndef run(data):\n    import threading\n    threading.Event().wait()\n")
    scorer = Scorer(weights(tmp_path, "model", GOOD), folder, sys.executable)

    predictions = score(scorer, [{"X1": 0}], scratch=tmp_path / "scratch", environment=os.environ, max_seconds=0.5)

    assert predictions.error == "score.py did not answer 1 rows within 0.5 s"


def test_no_holdout_row_is_held(tmp_path, folder):
    evidence = judged(tmp_path, folder, champion=GOOD, rows=Rows(ROWS.train, ROWS.holdout.slice(0, 0)))

    assert evidence["rows"] == 0
    assert not gates.judge(GATES, evidence).passed


# Reproducing

LEARN = """import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
weights = [float(given["--alpha"]), 2.0, -1.0]
pathlib.Path(given["--model-dir"], "weights.json").write_text(json.dumps(weights))
"""


@pytest.fixture
def before(tmp_path, folder):
    """A version's files, as its training left them, by a train.py that needs no MLflow."""
    run = run_of(tmp_path, quick(folder, LEARN))
    trained(run, Remembered())
    return run.outputs / "model"


def reproduced(tmp_path, folder, model):
    run = run_of(tmp_path, folder, step="reproduce", candidate=("version:1", model))
    return reproduce(run, SPEC, ROWS, python=sys.executable, tracking=Remembered(), environment=os.environ)


def test_a_version_that_is_trained_again_is_the_same_byte_for_byte(tmp_path, folder, before):
    found = reproduced(tmp_path, folder, before)

    assert (found["answer"], found["files"]) == ("same bytes", {"same": 1, "differ": []})
    assert found["predictions"] == {"rows": 40, "differ": 0, "largest": 0.0}
    assert found["provenance"] == []


def test_a_version_that_comes_out_otherwise_says_in_what_and_by_how_much(tmp_path, folder, before):
    (before / "weights.json").write_text("[0.35, 2.0, -1.0]")
    made_of = json.loads((before / "provenance.json").read_text())
    made_of["environment"]["packages"].append("numpy==1.0")
    (before / "provenance.json").write_text(json.dumps(made_of))

    found = reproduced(tmp_path, folder, before)

    assert (found["answer"], found["files"]) == ("differs", {"same": 0, "differ": ["weights.json"]})
    assert (found["predictions"]["rows"], found["predictions"]["differ"]) == (40, 40)
    assert found["predictions"]["largest"] == pytest.approx(0.25)
    assert found["provenance"] == [["environment.packages", ["numpy==1.0"], []]]


def test_a_version_that_was_trained_in_another_image_says_so(tmp_path, folder, before):
    """Or in one, and now in none."""
    made_of = json.loads((before / "provenance.json").read_text())
    made_of["environment"]["image"] = "mcr.example/base:20251130"
    (before / "provenance.json").write_text(json.dumps(made_of))

    found = reproduced(tmp_path, folder, before)

    assert found["answer"] == "same bytes"
    assert found["provenance"] == [["environment.image", "mcr.example/base:20251130", None]]


def test_other_bytes_with_the_same_predictions_are_told_apart(tmp_path, folder, before):
    append(before / "weights.json", "\n")

    assert reproduced(tmp_path, folder, before)["answer"] == "same predictions"


def test_the_parameters_are_those_of_the_training_and_not_of_the_request(tmp_path, folder, before):
    (before / "weights.json").write_text("[50.0, 2.0, -1.0]")
    made_of = json.loads((before / "provenance.json").read_text())
    (before / "provenance.json").write_text(json.dumps({**made_of, "parameters": {"alpha": "50"}}))

    assert reproduced(tmp_path, folder, before)["answer"] == "same bytes"


def test_a_version_that_does_not_say_what_it_was_made_of_is_not_trained_again(tmp_path, folder):
    with pytest.raises(Permanent, match="no run of ours trained it"):
        reproduced(tmp_path, folder, weights(tmp_path, "candidate", GOOD))


# Certifying


def certified(tmp_path, folder, python, limits=GATES.certificate, holdout=None):
    run = run_of(tmp_path, folder, step="certify", candidate=("version:3", weights(tmp_path, "candidate", GOOD)))
    spec = Spec(
        "linear", "tests", "", SPEC.data, SPEC.train, Gates("mse", "lower", 4.0, certificate=limits), SPEC.approval
    )
    return certify(run, spec, holdout, pythons={"folder": sys.executable, "serving": python}, environment=os.environ)


def test_a_good_version_earns_a_certificate_of_the_real_server(tmp_path, folder, serving_python):
    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["version"] == "3"
    assert certificate["cases"] == {"passed": 3, "failed": []}
    assert set(certificate["malformed"].values()) == {400}
    assert certificate["latency_ms"]["requests"] == 100
    assert 0 < certificate["latency_ms"]["p50"] <= certificate["latency_ms"]["p95_upper"] < 500
    assert certificate["provenance"]["files"] == {
        "weights.json": hashlib.sha256((tmp_path / "candidate" / "weights.json").read_bytes()).hexdigest()
    }
    assert certificate["provenance"]["training"] is None
    assert certificate["provenance"]["serving"]["packages"] > 20
    assert certificate["boundary"] == {"tried": 27, "broken": []}
    assert certificate["overload"]["recovered"]
    assert 0 < certificate["start_seconds"] < 30
    assert gates.certify(GATES.certificate, certificate).passed


def test_declared_checks_measure_the_started_server_and_are_gates(tmp_path, folder, serving_python):
    checks = {
        "calibration": Check(limits={"slope": "at most 1.2", "mean_error": "at least -0.1"}),
        "mine": Check(limits={"share": "at most 0"}),
    }
    limits = replace(GATES.certificate, checks=checks)
    certificate = certified(tmp_path, folder, serving_python, limits, holdout=ROWS.holdout.to_pylist())

    results = {result.gate: result for result in gates.certify(limits, certificate).results}
    assert results["check_calibration"].passed
    assert 0.9 < certificate["checks"]["calibration"]["measures"]["slope"]["value"] < 1.1
    assert results["check_mine"].why.startswith("nothing was measured: LookupError: there is no check mine")


def test_without_rows_no_declared_check_is_passed(tmp_path, folder, serving_python):
    limits = replace(GATES.certificate, checks={"calibration": Check(limits={"slope": "at most 1.2"})})

    verdict = gates.certify(limits, certified(tmp_path, folder, serving_python, limits))

    assert verdict.results[-1].why == "nothing was measured: the run was given no dataset version"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("def init():\n    raise KeyError('weights')", "score.py raised KeyError: 'weights'"),
        ("import no_such_module", "score.py raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("del run", "does not have a run() function"),
    ],
)
def test_a_server_that_cannot_start_is_a_certificate_that_holds(tmp_path, folder, serving_python, spoil, told):
    append(folder / "score.py", f"\n\n{spoil}\n")

    certificate = certified(tmp_path, folder, serving_python)

    assert told in certificate["error"]
    assert gates.certify(GATES.certificate, certificate).first_failure.gate == "starts"


def test_an_init_that_takes_too_long_is_given_up(tmp_path, folder, serving_python):
    append(folder / "score.py", "\n\ndef init():\n    import threading\n    threading.Event().wait()\n")

    certificate = certified(tmp_path, folder, serving_python, CertificateLimits(start_seconds=2))

    assert certificate["error"].startswith("not healthy after 3.")


def test_a_server_error_on_malformed_requests_is_held(tmp_path, folder, serving_python):
    append(folder / "score.py", "\n\ndef refused(why):\n    raise RuntimeError(why)\n")

    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["cases"]["failed"] == ["case 3 (text for a number): status 500, must be 400"]
    assert certificate["malformed"]["not json"] == 500
    held = [result.gate for result in gates.certify(GATES.certificate, certificate).results if not result.passed]
    assert held == ["cases_pass", "refuses_malformed", "right_answers"]


def test_a_prediction_that_is_no_number_and_a_broken_invariance_are_held(tmp_path, folder, serving_python):
    careless = (folder / "score.py").read_text().replace("if not math.isfinite(number)", "if False")
    (folder / "score.py").write_text(careless)
    (folder / "tests" / "invariances.json").write_text('[{"name": "X1 does not matter", "change": {"X1": 9}}]')

    verdict = gates.certify(GATES.certificate, certified(tmp_path, folder, serving_python))

    assert {result.gate: result.why for result in verdict.results if not result.passed} == {
        "right_answers": "X1 is 1e308: status 200 with prediction Infinity, which is no finite number",
        "invariant": verdict.results[4].why,
    }
    assert verdict.results[4].why.startswith("X1 does not matter: X1 is 9: prediction 0 is ")


def test_cases_that_cannot_be_read_are_held(tmp_path, folder, serving_python):
    (folder / "tests" / "cases.json").write_text('[{"request": 1}]')

    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["cases"]["failed"] == ["tests/cases.json cannot be read: KeyError: 'expect'"]


def test_no_server_is_left_behind(tmp_path, folder, serving_python):
    certified(tmp_path, folder, serving_python)

    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if os.access(file, os.R_OK)]
    assert not [command for command in commands if serving_python.encode() in command]


# The command


def dataset_in(place, rows):
    """A dataset version as a run finds it, a manifest and one CSV: the input that names it, and where it lies."""
    content = "ID,X1,X2,Y\n" + "".join(f"{r['ID']},{r['X1']},{r['X2']},{r['Y']}\n" for r in rows.to_pylist())
    return dataset_of(place, content, rows=rows.num_rows)


def dataset_of(place, content, *, rows):
    """The same with a CSV of this content."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    (place / "files").mkdir(parents=True)
    (place / "files" / f"{sha256}.csv").write_text(content)
    file = {"number": 1, "sha256": sha256, "rows": rows, "bytes": len(content), "blob": "", "new": True}
    manifest = json.dumps({"v": 1, "model": "linear", "contract": "", "files": [file]}).encode()
    (place / "manifest.json").write_bytes(manifest)
    return f"dataset:linear/versions/{hashlib.sha256(manifest).hexdigest()}.json", place


def command(run, **environment):
    """Do the run's step as a trainer does: the exit code, result.json and error.json (None where there is none)."""
    request = {name: getattr(run.request, name) for name in RunRequest.__slots__}
    (run.path / "request.json").write_text(json.dumps(request))
    pythons = {"folder": sys.executable, "champion_folder": sys.executable, **environment.pop("pythons", {})}
    settings = {"BATON_RUN_DIR": str(run.path), "BATON_PYTHONS": json.dumps(pythons), **environment}
    ended = subprocess.run(
        [sys.executable, "-m", "shared.runs", run.request.step],
        cwd=LINEAR.parents[2],
        env={**os.environ, **settings},
        check=False,
    )
    files = [run.path / "result.json", run.path / "error.json"]
    return ended.returncode, *(json.loads(file.read_text()) if file.exists() else None for file in files)


def test_a_candidate_is_trained_judged_and_certified_by_the_command(tmp_path, folder, mlflow, serving_python):
    data = dataset_in(tmp_path / "data", table_of(150, seed=5))
    train_run = run_of(tmp_path, folder, data=data)
    code, trained_result, _ = command(train_run, MLFLOW_TRACKING_URI=mlflow.tracking_uri)
    assert code == 0
    candidate = train_run.outputs / "model"
    judge_run = run_of(tmp_path, folder, step="judge", data=data, candidate=("run:linear-0001-t-1", candidate))
    judge_code, evidence, _ = command(judge_run)
    certify_run = run_of(tmp_path, folder, step="certify", candidate=("version:1", candidate))
    certify_code, certificate, _ = command(certify_run, pythons={"serving": serving_python})

    assert (judge_code, certify_code) == (0, 0)
    assert trained_result["rows"]["train"] + evidence["rows"] == 150
    assert gates.judge(GATES, evidence, against="").passed
    assert gates.certify(GATES.certificate, certificate).passed
    assert certificate["model_sha256"] == trained_result["model"]["sha256"]


def test_a_failure_leaves_its_reason_and_no_result(tmp_path, folder, mlflow):
    data = dataset_in(tmp_path / "data", table_of(50, seed=5))
    run = run_of(tmp_path, quick(folder, "raise RuntimeError('singular')"), data=data)

    code, result, error = command(run, MLFLOW_TRACKING_URI=mlflow.tracking_uri)

    assert (code, result) == (1, None)
    assert error["what"] == "train.py failed: RuntimeError: singular"
    assert error["next"].startswith("mend it in models/linear/train.py")


def test_altered_data_is_refused_by_its_hash_and_nothing_is_trained(tmp_path, folder, mlflow):
    name, place = dataset_in(tmp_path / "data", table_of(50, seed=5))
    for file in (place / "files").iterdir():
        file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    run = run_of(tmp_path, folder, data=(name, place))

    code, result, error = command(run, MLFLOW_TRACKING_URI=mlflow.tracking_uri)

    assert (code, result) == (1, None)
    assert "was altered: its bytes have the hash" in error["what"]
    assert error["next"].endswith("nothing was trained on it")
    assert not (run.path / "scratch").exists()


def test_data_that_cannot_be_read_is_told(tmp_path, folder, mlflow):
    data = dataset_of(tmp_path / "data", "ID,X1\n1\n", rows=1)
    run = run_of(tmp_path, folder, data=data)

    code, result, error = command(run, MLFLOW_TRACKING_URI=mlflow.tracking_uri)

    assert (code, result) == (1, None)
    assert "was accepted, but" in error["what"]
