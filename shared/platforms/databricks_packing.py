"""What Databricks serves: a version's files and its published folder as one MLflow pyfunc, in a model of its own.

A pyfunc is a folder with a file MLmodel, which names a module that loads it (MLflow's documentation, mlflow.pyfunc,
"Filesystem format"; its `loader_module` and `data`), so that it is written without MLflow. Packed versions of a model
`pulse` are versions of `pulse_serving`, each with the deployment's name as a tag; our names have no underscore.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Set
from functools import partial
from pathlib import Path
from typing import Any

from shared.platforms.databricks_service import Workspace, found
from shared.platforms.databricks_versions import READY, REGISTRY, files_of, make_model, tagged, tags_of, versions_of
from shared.runs.environments import requirements

ENTRY = Path(__file__).with_name("databricks_entry") / "serve.py.txt"
PYTHON = "3.11.7"
MLFLOW = "mlflow==3.17.2"
DEPLOYMENT_TAG, VERSION_TAG = "baton.deployment", "baton.version"


def pack(into: Path, deployment: str, version: str, folder: Path | None = None, model: Path | None = None) -> None:
    """Write the pyfunc into an empty folder. Without folder and model it is the one that answers 503."""
    data, code = into / "data", into / "code"
    data.mkdir(parents=True)
    code.mkdir()
    shutil.copy2(ENTRY, code / "baton_entry.py")
    (data / "serving.json").write_text(json.dumps({"version": version, "deployment": deployment}))
    wanted = [MLFLOW]
    if folder is not None and model is not None:
        shutil.copytree(folder, data / "folder")
        shutil.copytree(model, data / "model")
        wanted += requirements(folder, "scoring")
    (into / "requirements.txt").write_text("\n".join(wanted) + "\n")
    _write(into / "python_env.yaml", {"python": PYTHON, "dependencies": ["-r requirements.txt"]})
    pip: list[object] = [f"python={PYTHON}", "pip", {"pip": wanted}]
    _write(into / "conda.yaml", {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": pip})
    _write(into / "MLmodel", _mlmodel())


def packed_version(model: str, deployment: str, tags: Mapping[str, str], pyfunc: Path, workspace: Workspace) -> str:
    """The packed version of a deployment, made if need be: a caller that died before the end is taken up from there."""
    name = serving_model(model)
    make_model(name, workspace)
    one = pack_of(model, deployment, workspace)
    if one is None:
        body = {
            "name": workspace.model(name),
            "source": f"models:/{workspace.model(model)}/{tags.get(VERSION_TAG, '')}",
            "tags": [{"key": key, "value": value} for key, value in {**tags, DEPLOYMENT_TAG: deployment}.items()],
        }
        one = workspace.ask("POST", f"{REGISTRY}/model-versions/create", body=body)["model_version"]
    number = str(one["version"])
    if one["status"] != READY:
        target = files_of(workspace, name, number)
        for path in sorted(path for path in pyfunc.rglob("*") if path.is_file()):
            workspace.write(f"{target}/{path.relative_to(pyfunc)}", path.read_bytes())
        whole = {"name": workspace.model(name), "version": number}
        workspace.ask("POST", f"{REGISTRY}/model-versions/finalize", body=whole)
    return number


def pack_of(model: str, deployment: str, workspace: Workspace) -> dict[str, Any] | None:
    """The first packed version of a deployment; two processes that pack at the same moment may make a second one."""
    return tagged(versions_of(serving_model(model), workspace), DEPLOYMENT_TAG, deployment)


def remove_packs(model: str, kept: Set[str], workspace: Workspace) -> None:
    """Remove what was packed for deployments that are not among `kept`."""
    name = workspace.model(serving_model(model))
    for one in versions_of(serving_model(model), workspace):
        if (deployment := tags_of(one).get(DEPLOYMENT_TAG)) not in kept:
            delete = partial(workspace.client.model_versions.delete, name, int(one["version"]))
            found(delete, f"remove what was packed for {deployment}")


def serving_model(model: str) -> str:
    """The model that holds what was packed of another."""
    return f"{model}_serving"


def _mlmodel() -> dict[str, object]:
    answer = {"status": "long", "body": "string", "version": "string", "deployment": "string"}
    return {
        "flavors": {
            "python_function": {
                "loader_module": "baton_entry",
                "data": "data",
                "code": "code",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "python_version": PYTHON,
            }
        },
        "mlflow_version": MLFLOW.rpartition("=")[2],
        "signature": {"inputs": _columns({"body": "string"}), "outputs": _columns(answer), "params": None},
    }


def _columns(kinds: Mapping[str, str]) -> str:
    return json.dumps([{"type": kind, "name": name, "required": True} for name, kind in kinds.items()])


def _write(path: Path, document: Mapping[str, object]) -> None:
    """JSON, which is YAML."""
    path.write_text(json.dumps(document, indent=2))
