"""`python -m shared.runs`, as a trainer starts it: what a run leaves behind when it ends well or fails."""

import hashlib
import json
import os
import subprocess
import sys

from shared import gates
from shared.platforms.port import RunRequest
from tests.integration.linear import (
    GATES,
    LINEAR,
    quick,
    run_of,
    table_of,
)


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
