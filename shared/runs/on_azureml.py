"""`python -m shared.runs.on_azureml`: one step of a release as a run of Azure ML, in the snapshot that was sent along.

BATON_REQUEST is the request as JSON. Inputs come from the data account (BATON_DATA) and from the workspace, both by
the compute's identity. What lies in ./outputs at the end is kept by Azure ML: result.json or error.json, and model.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import BatonError, SettingsRefused
from shared.platforms.port import RunRequest
from shared.runs.__main__ import main as do_step
from shared.runs.materialise import Sources, materialise, pythons
from shared.runs.run_dir import RunDir
from shared.runs.trying import parameters_of

if TYPE_CHECKING:
    from azureml.core import Workspace

KEPT = ("result.json", "error.json", "outputs/model", "outputs/reference.json")


def carry_out(
    environment: Mapping[str, str],
    here: Path,
    *,
    arguments: Sequence[str] = (),
    sources: Callable[[Mapping[str, str], Path], Sources],
    step: Callable[[list[str], Mapping[str, str]], int] = do_step,
) -> int:
    """Do the requested step in `here`/baton-run and keep its end in `here`/outputs; returns the exit code.

    `arguments` are what a sweep chose for this trial of it.
    """
    if "BATON_REQUEST" not in environment:
        raise SettingsRefused("BATON_REQUEST is not set.", next="start runs through Baton's trainer")
    document = json.loads(environment["BATON_REQUEST"])
    document["parameters"] = {**document.get("parameters", {}), **parameters_of(arguments)}
    place = here / "baton-run"
    place.mkdir()
    (place / "request.json").write_text(json.dumps(document))
    run = RunDir(place, RunRequest(**document))
    try:
        code = _prepared_step(run, environment, here, sources, step)
    except BatonError as error:
        run.fail(error)
        print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201 - the run's log is what it prints
        code = 1
    _keep(place, here / "outputs")
    return code


def _prepared_step(
    run: RunDir,
    environment: Mapping[str, str],
    here: Path,
    sources: Callable[[Mapping[str, str], Path], Sources],
    step: Callable[[list[str], Mapping[str, str]], int],
) -> int:
    inputs = run.path / "inputs"
    if run.request.folder or run.request.inputs:
        materialise(run.request, inputs, sources=sources(environment, here))
    interpreters = pythons(run.request, inputs, home=here / "baton-home") if run.request.folder else {}
    settings = {"BATON_RUN_DIR": str(run.path), "BATON_PYTHONS": json.dumps(interpreters)}
    return step([run.request.step], {**environment, **settings})


def _keep(place: Path, outputs: Path) -> None:
    outputs.mkdir(exist_ok=True)
    for name in KEPT:
        found, target = place / name, outputs / Path(name).name
        if found.is_dir():
            shutil.copytree(found, target, dirs_exist_ok=True)
        elif found.exists():
            shutil.copy2(found, target)


def of_the_workspace(environment: Mapping[str, str], here: Path) -> Sources:
    """Inputs from the data account and from the workspace that this run belongs to."""
    from shared.platforms.azureml_registry import AzureMLRegistry, fetch_run_model
    from shared.platforms.azureml_service import Service
    from shared.storage.blobs import AzureBlobs
    from shared.storage.clients import blob_service

    if not environment.get("BATON_DATA"):
        raise SettingsRefused("BATON_DATA is not set for the run.", next="start runs through Baton's trainer")
    service = Service(_workspace_of_this_run, seconds=900.0)
    return Sources(
        AzureBlobs(blob_service(environment["BATON_DATA"])),
        partial(fetch_run_model, service),
        lambda: AzureMLRegistry(service),
    )


def _workspace_of_this_run() -> Workspace:
    from azureml.core import Run

    return Run.get_context(allow_offline=False).experiment.workspace


if __name__ == "__main__":
    sys.exit(carry_out(os.environ, Path.cwd(), arguments=sys.argv[1:], sources=of_the_workspace))
