"""Sweeps through SDK v1: a HyperDrive run under the run's id, each trial a run below it that starts the same script.

Wire and rules: azureml-train-core 1.62.0, hyperdrive/_search.py and runconfig.py. A HyperDrive run takes the id that it is
given (`custom_run_id`, POST .../hdruns/{id}); its time is whole minutes; its sampling takes no seed that is documented.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.platforms import azureml_sweep
from shared.platforms.port import RunRequest, Sweep
from shared.runs.trying import METRIC

RUN_TYPE = "hyperdrive"
MOST_MINUTES = 10080  # runconfig.py, MAX_DURATION_MINUTES: the service cuts what is longer


def granted(asked: Sweep) -> Sweep:
    """The sweep as HyperDrive takes it: in whole minutes, not more than were asked for.

    >>> granted(Sweep({}, "random", 0, "minimize", 4, 2, 150.0)).seconds
    120.0
    """
    return replace(asked, seconds=60.0 * min(int(asked.seconds // 60), MOST_MINUTES))


def hyperdrive(trial: Any, request: RunRequest, asked: Sweep) -> Any:
    """The HyperDrive run whose trials are this script's runs, with what was chosen as `--name value` behind it."""
    from azureml.train.hyperdrive import HyperDriveConfig, PrimaryMetricGoal

    return HyperDriveConfig(
        run_config=trial,
        hyperparameter_sampling=_sampling(asked),
        primary_metric_name=METRIC,
        primary_metric_goal=PrimaryMetricGoal.from_str(asked.goal),
        max_total_runs=asked.trials,
        max_concurrent_runs=asked.jobs,
        max_duration_minutes=int(asked.seconds // 60),
        custom_run_id=request.run_id,
    )


def _sampling(asked: Sweep) -> Any:
    from azureml.train import hyperdrive

    space = {
        f"--{name}": getattr(hyperdrive, kind)(*given) for name, (kind, given) in azureml_sweep.space(asked).items()
    }
    return (
        hyperdrive.RandomParameterSampling(space)
        if asked.sampler == "random"
        else hyperdrive.BayesianParameterSampling(space)
    )
