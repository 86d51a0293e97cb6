"""Gets a local run's inputs onto disk and names its interpreters: `python -m local.materialise RUN_FOLDER`.

Interpreters are written to pythons.json. A fault goes to error.json, as what happened and what to do next.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from shared.errors import BatonError, SettingsRefused
from shared.files.published import InputMissing
from shared.platforms.local_run import RunFolder, find_run, write_json
from shared.runs.materialise import Sources, materialise, pythons


def run_model(runs: Path, run_id: str, into: Path) -> None:
    """Copy what a run of this machine left in outputs/model."""
    run = find_run(runs, run_id)
    made = run.path / "outputs" / "model" if run else None
    if made is None or not made.is_dir():
        raise InputMissing(
            f"run {run_id} left no outputs/model on this machine.", next="retry the release: it trains again"
        )
    shutil.copytree(made, into, dirs_exist_ok=True)


def _sources(environment: Mapping[str, str], home: Path) -> Sources:
    from shared.platforms.local import LocalRegistry
    from shared.storage.blobs import AzureBlobs
    from shared.storage.clients import blob_service

    blobs = AzureBlobs(blob_service(_setting("BATON_DATA", environment)))
    return Sources(
        blobs,
        partial(run_model, home / "runs"),
        lambda: LocalRegistry(_setting("MLFLOW_TRACKING_URI", environment), home=home),
    )


def _setting(name: str, environment: Mapping[str, str]) -> str:
    if not environment.get(name):
        raise SettingsRefused(
            f"{name} is not set where the run was started.", next="start with `baton up`, which sets it"
        )
    return environment[name]


def main(arguments: list[str]) -> int:
    folder = RunFolder(Path(arguments[0]))
    home = folder.path.parent.parent
    try:
        request = folder.request()
        materialise(request, folder.inputs, sources=_sources(os.environ, home))
        write_json(folder.path / "pythons.json", pythons(request, folder.inputs, home=home))
    except BatonError as error:
        write_json(folder.path / "error.json", {"what": error.what, "next": error.next})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
