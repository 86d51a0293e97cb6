"""What the workspace tells Event Grid about a run: each status once, in order, again until it was taken.

The shapes are those of Azure Machine Learning (learn.microsoft.com/azure/event-grid/event-schema-machine-learning),
keys in camelCase as captured events have them. Which events were taken is kept in the run's folder, so
that whoever holds the run's lock next (its supervisor or the workspace daemon) goes on where the last one stopped.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import datetime

from local.topic import Topic
from shared.errors import PlatformBusy
from shared.platforms.local_run import Change, RunFolder
from shared.platforms.port import RunRequest

EVENTS = "Microsoft.MachineLearningServices"
_LONGEST_PAUSE_SECONDS = 5.0
_EXPERIMENTS = uuid.UUID(
    "6f0e2b5c-5f6a-4f58-9a67-0c1d6a1f4a11"
)  # any fixed namespace: Azure's experiment ids are GUIDs
_log = logging.getLogger("baton.runs")


def tell(folder: RunFolder, topic: Topic) -> bool:
    """Publish what Event Grid has not taken yet, in order; False as soon as it does not take one."""
    request = folder.request()
    for change in folder.untold():
        try:
            _publish(request, change, topic)
        except PlatformBusy as error:
            _log.warning("event not taken yet run=%s status=%s why=%s", request.run_id, change.status, error.what)
            return False
        folder.mark_told(change)
    return True


def tell_until_over(folder: RunFolder, topic: Topic, over: threading.Event, *, patience_seconds: float) -> None:
    """Publish the changes as they come, until the run is `over` and all were taken, or patience with Event Grid ends.

    What is untold then stays so on disk; the workspace daemon goes on with it.
    """
    pause = 0.2
    give_up_at = None
    while give_up_at is None or time.monotonic() < give_up_at:
        was_over = over.is_set()
        if was_over and give_up_at is None:
            give_up_at = time.monotonic() + patience_seconds
        if tell(folder, topic):
            if was_over:
                return
            over.wait()
        else:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _publish(request: RunRequest, change: Change, topic: Topic) -> None:
    experiment = str(uuid.uuid5(_EXPERIMENTS, request.model))
    data: dict[str, object] = {
        "experimentId": experiment,
        "experimentName": request.model,
        "runId": request.run_id,
        "runType": f"baton.{request.step}",
        "runTags": dict(request.tags),
        "runProperties": {},
    }
    if change.status == "completed":
        kind = f"{EVENTS}.RunCompleted"
    else:
        kind = f"{EVENTS}.RunStatusChanged"
        data["runStatus"] = change.status.capitalize()
    subject = f"experiments/{experiment}/runs/{request.run_id}"
    topic.publish(subject, kind, data, f"{request.run_id}:{change.status}", datetime.fromisoformat(change.at))
