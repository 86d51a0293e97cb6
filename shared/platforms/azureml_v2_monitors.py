"""Model monitors of an Azure ML workspace through azure-ai-ml (SDK v2): one schedule a model, on the deployment that serves.

Its runs compare what the deployment was asked, or answered, with what it was before, as the service's data collector kept
it. An alert is a tag on the run, which Baton reads as a drift cause (`shared/monitoring/breach.py`): the signals' names begin
with the model's for that.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from shared.names import digest
from shared.platforms.azureml_errors import AzureMLRefused, NotThere
from shared.platforms.azureml_v2_changes import FAILED, settled, until_ready
from shared.platforms.azureml_v2_service import Workspace, found, word
from shared.platforms.azureml_v2_serving import endpoint_name
from shared.platforms.following import Following, Monitoring

TAG = "baton.watches"
# Support of 3.4 ended on 2026-03-31 and its jobs are being switched off (learn.microsoft.com, apache-spark-34-runtime).
SPARK_VERSION, SPARK_MACHINE = "3.5", "standard_e4s_v3"  # the smallest machine that serverless Spark takes


def keep_monitor(workspace: Workspace, model: str, serves: Following, wait_seconds: float) -> None:
    """Have the model's monitor watch this deployment as asked, or have none. The same again, after whatever crash, changes nothing.

    One that is disabled, as a removal that ended halfway leaves it, is made anew; one that is being made is waited for.
    """
    name, endpoint = f"baton-{model}", endpoint_name(model, workspace)
    deployment, asked = serves.deployment, serves.monitoring
    there = found(workspace, partial(workspace.client.schedules.get, name), f"read monitor {name}")
    ours = None if there is None else (there.tags or {}).get(TAG)
    if not asked.signals:
        if ours:
            _remove(workspace, name, wait_seconds)
        return
    if there is not None and not ours:
        raise AzureMLRefused(
            f"a schedule {name} is there, and Baton did not make it.",
            next=f"rename or delete it (`az ml schedule delete --name {name} {workspace.where}`), then replay",
        )
    mark = digest(repr((endpoint, deployment, asked, SPARK_VERSION)))[:16]
    is_cut_off = there is not None and (there.is_enabled is False or word(there.provisioning_state) in FAILED)
    if there is None or ours != mark or is_cut_off:
        wanted = _definition(name, model, f"{endpoint}:{deployment}", asked, mark)
        begin = partial(workspace.client.schedules.begin_create_or_update, wanted)
        there = settled(begin, f"make monitor {name}", wait_seconds)
    anew = "see why in the studio, then replay: it is made anew"
    until_ready(f"monitor {name}", word(there.provisioning_state), next=anew)


def _definition(name: str, model: str, target: str, asked: Monitoring, mark: str) -> Any:
    from azure.ai.ml.entities import (
        CronTrigger,
        MonitorDefinition,
        MonitoringTarget,
        MonitorSchedule,
        ServerlessSparkCompute,
    )

    monitor = MonitorDefinition(
        compute=ServerlessSparkCompute(instance_type=SPARK_MACHINE, runtime_version=SPARK_VERSION),
        monitoring_target=MonitoringTarget(ml_task=asked.task, endpoint_deployment_id=f"azureml:{target}"),
        monitoring_signals={f"{model}_{kind}_drift": _signal(kind, asked.threshold) for kind in asked.signals},
    )
    trigger = CronTrigger(expression=asked.at, time_zone=asked.time_zone)
    tags = {TAG: mark, "baton.model": model}
    return MonitorSchedule(
        name=name, trigger=trigger, create_monitor=monitor, display_name=name, tags=tags, is_enabled=True
    )


def _signal(kind: str, threshold: float) -> Any:
    """Numbers by the normalised Wasserstein distance, words by Jensen and Shannon's; both are 0 where nothing moved."""
    from azure.ai.ml.entities import (
        CategoricalDriftMetrics,
        DataDriftMetricThreshold,
        DataDriftSignal,
        NumericalDriftMetrics,
        PredictionDriftMetricThreshold,
        PredictionDriftSignal,
    )

    signal, limits = (
        (DataDriftSignal, DataDriftMetricThreshold)
        if kind == "data"
        else (PredictionDriftSignal, PredictionDriftMetricThreshold)
    )
    beyond = limits(
        numerical=NumericalDriftMetrics(normalized_wasserstein_distance=threshold),
        categorical=CategoricalDriftMetrics(jensen_shannon_distance=threshold),
    )
    more = {"features": "all_features"} if kind == "data" else {}
    return signal(metric_thresholds=beyond, alert_enabled=True, **more)


def _remove(workspace: Workspace, name: str, wait_seconds: float) -> None:
    """The service deletes a schedule that is disabled; one that is gone is fine."""
    schedules = workspace.client.schedules
    with suppress(NotThere):
        for ask, doing in ((schedules.begin_disable, "disable"), (schedules.begin_delete, "delete")):
            settled(partial(ask, name), f"{doing} monitor {name}", wait_seconds)
