"""`python -m shared.runs train|judge|certify|check|reproduce`: one step in the run's folder, whose path is in BATON_RUN_DIR.

Exit code 0 and result.json: completed. 1 and error.json {"what", "next"}: failed by design, the reason is told.
Anything else is a fault of Baton or of the machine, told by the log.

BATON_PYTHONS is JSON: {"folder": interpreter for the model folder, "champion_folder": for the champion's, "serving":
for the inference server, "checks": for checks that have requirements of their own}. MLFLOW_TRACKING_URI is where training is
tracked, BATON_DATA the data account, which a check keeps its drop in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.errors import BatonError, SettingsRefused
from shared.model_yaml.spec_file import load_spec
from shared.runs.run_dir import RunDir
from shared.spec import Spec

Environment = Mapping[str, str]


def main(arguments: list[str], environment: Environment) -> int:
    """Do the step named in `arguments`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m shared.runs", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("step", choices=STEPS)
    step = STEPS[parser.parse_args(arguments).step]
    run = RunDir.open(Path(_setting(environment, "BATON_RUN_DIR")))
    try:
        run.complete(step(run, environment))
    except BatonError as error:
        run.fail(error)
        print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201 - the run's log is what it prints
        return 1
    return 0


def _train(run: RunDir, environment: Environment) -> Mapping[str, object]:
    from shared.runs.dataset import read_rows
    from shared.runs.tracking import tracking
    from shared.runs.train import train

    spec = _spec(run)
    rows = read_rows(run.input("data"), run.input("folder"), spec.data, manifest=run.manifest)
    tracked = tracking(environment, _setting(environment, "MLFLOW_TRACKING_URI"))
    return train(run, spec, rows, python=_pythons(environment)["folder"], tracking=tracked, environment=environment)


def _reproduce(run: RunDir, environment: Environment) -> Mapping[str, object]:
    from shared.runs.dataset import read_rows
    from shared.runs.reproduce import reproduce
    from shared.runs.tracking import tracking

    spec = _spec(run)
    rows = read_rows(run.input("data"), run.input("folder"), spec.data, manifest=run.manifest)
    tracked = tracking(environment, _setting(environment, "MLFLOW_TRACKING_URI"))
    return reproduce(run, spec, rows, python=_pythons(environment)["folder"], tracking=tracked, environment=environment)


def _judge(run: RunDir, environment: Environment) -> Mapping[str, object]:
    from shared.runs.dataset import read_rows
    from shared.runs.judge import judge

    spec = _spec(run)
    rows = read_rows(run.input("data"), run.input("folder"), spec.data, manifest=run.manifest)
    return judge(run, spec, rows, pythons=_pythons(environment), environment=environment)


def _certify(run: RunDir, environment: Environment) -> Mapping[str, object]:
    from shared.runs.certify import certify

    spec, holdout, trained = _spec(run), None, None
    if spec.gates.certificate.checks and run.has("data"):
        from shared.runs.dataset import read_rows
        from shared.runs.examine import MOST_ROWS
        from shared.runs.rows import evenly

        rows = read_rows(run.input("data"), run.input("folder"), spec.data, manifest=run.manifest)
        holdout, trained = rows.holdout.to_pylist(), evenly(rows.train, MOST_ROWS).to_pylist()
    return certify(run, spec, holdout, trained, pythons=_pythons(environment), environment=environment)


def _check(run: RunDir, environment: Environment) -> Mapping[str, object]:
    from shared.runs.check_drop import check_drop
    from shared.storage.blobs import AzureBlobs
    from shared.storage.clients import blob_service

    return check_drop(run, _spec(run), blobs=AzureBlobs(blob_service(_setting(environment, "BATON_DATA"))))


STEPS: Mapping[str, Callable[[RunDir, Environment], Mapping[str, object]]] = {
    "train": _train,
    "judge": _judge,
    "certify": _certify,
    "check": _check,
    "reproduce": _reproduce,
}


def _spec(run: RunDir) -> Spec:
    return load_spec((run.input("folder") / "model.yaml").read_text(), file=f"models/{run.request.model}/model.yaml")


def _pythons(environment: Environment) -> Mapping[str, str]:
    pythons: Mapping[str, str] = json.loads(_setting(environment, "BATON_PYTHONS"))
    return pythons


def _setting(environment: Environment, name: str) -> str:
    if name not in environment:
        raise SettingsRefused(f"the run's environment has no {name}", next="start runs through a trainer")
    return environment[name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
