"""The smallest model folder, `tests/models/linear`: its rules and rows, and runs of it as a trainer lays them out."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from mlflow.tracking import MlflowClient

from shared.errors import PlatformBusy
from shared.platforms.port import RunRequest
from shared.runs.judge import judge
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.train import train
from shared.spec import Approval, CertificateLimits, Data, Gates, Load, Spec, Train

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
GOOD, WORSE, TRUE = [1.0, 2.0, -1.0], [1.2, 2.0, -1.0], {"X1": 2.0, "X2": -1.0}


def table_of(rows, seed):
    draw = np.random.default_rng(seed)
    x1, x2 = draw.normal(size=(2, rows))
    target = 1 + TRUE["X1"] * x1 + TRUE["X2"] * x2 + draw.normal(scale=0.1, size=rows)
    return pa.table({"ID": np.arange(rows) + 1000 * seed, "X1": x1, "X2": x2, "Y": target})


NEW_HOLDOUT = 12
ROWS = Rows(train=table_of(80, seed=1), holdout=table_of(40, seed=2), new_holdout=NEW_HOLDOUT)


def store_in(place, empty_store):
    """A client whose database and artefacts lie in `place`."""
    shutil.copy(empty_store, place / "mlflow.db")
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    client.create_experiment("linear", artifact_location=(place / "artefacts").as_uri())
    return client


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


SAVE = "import sys, pathlib; pathlib.Path(sys.argv[sys.argv.index('--model-dir') + 1], 'w.json').write_text('[]')\n"


def quick(folder, script=SAVE):
    """The folder with a train.py that needs no MLflow."""
    (folder / "train.py").write_text(script)
    return folder


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
