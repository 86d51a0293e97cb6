"""The laptop's drift monitor: what the endpoints are asked, against what the serving version was trained on.

`watch_once` reads what the router collected (container `scored`) since it last did, keeps the newest rows that the
serving version answered, and compares their profile with the version's reference.json, as `baton drift` compares files. An alarm
is the event that Azure ML's dataset monitors publish, once for a window of rows, with the columns named; the next window begins
after it.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.label_monitor import LabelMonitor
from local.scored_window import ROWS_AT_LEAST, Watched, load, save, scored_rows
from shared import log, wiring
from shared.data.comparing import Change, compare
from shared.data.profile import Profile
from shared.data.rules import Kind
from shared.data.scored import profile_of_rows, profile_of_values
from shared.errors import BatonError
from shared.monitoring.performance import Judged, judged
from shared.names import digest
from shared.platforms.local_router import RouterClient
from shared.platforms.local_run import read_json
from shared.platforms.port import EndpointSeen
from shared.runs.reference import TRAINED_ANEW, ReferenceUnreadable, read_reference
from shared.storage.port import Blobs

Publish = Callable[[str, str, dict[str, object], str], object]
DRIFT = "Microsoft.MachineLearningServices.DatasetDriftDetected"
COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"
REPORT_EVERY = timedelta(minutes=15)
CONTAINER = "scored"
PREDICTION = "prediction"
COLUMNS_TOLD = 20
LOOK_BACK = timedelta(hours=24)
NEEDED = ("BATON_HOME", "BATON_DATA", "BATON_ROUTER", "BATON_ROUTER_KEY")


@dataclass(frozen=True, slots=True)
class Monitor:
    """Watches all models. `endpoints` says what serves now; what the monitor remembers is under `home`/monitor."""

    home: Path
    endpoints: Callable[[], Sequence[EndpointSeen]]
    blobs: Blobs
    publish: Publish
    labels: LabelMonitor | None = None

    def watch(self, now: datetime) -> None:
        """Look at each endpoint; one that cannot be looked at is logged and leaves the others alone."""
        for endpoint in self.endpoints():
            try:
                self._watch(endpoint, now)
            except BatonError as error:
                log.warning("drift is not watched", model=endpoint.model, why=error.what, next=error.next)

    def _watch(self, endpoint: EndpointSeen, now: datetime) -> None:
        serving = max(endpoint.deployments, key=lambda deployment: deployment.share, default=None)
        if serving is None or serving.share == 0:
            return
        file = self.home / "monitor" / f"{endpoint.model}.json"
        before = self._told(file, load(file))
        watched = before if before.version == serving.version else before.beginning(serving.version)
        watched = self._read(endpoint.model, watched, now)
        reference = self.home / "endpoints" / endpoint.model / serving.name / "model" / "reference.json"
        if watched.is_due:
            watched = _look(endpoint.model, watched.looking(f"{now:%Y-%m-%d}"), reference)
        if watched != before:
            save(file, watched)
        watched = self._told(file, watched)
        if reference.exists():
            self._report(file, watched, reference, now)
        if self.labels:
            self.labels.watch(endpoint.model, serving.version, now)

    def _report(self, file: Path, watched: Watched, reference: Path, now: datetime) -> None:
        """A life sign now and then, whatever was seen, as the completed runs of a monitor on Azure ML are one; none without sight."""
        slot = f"{now - timedelta(seconds=now.timestamp() % REPORT_EVERY.total_seconds()):%Y%m%dT%H%M}"
        if slot == watched.reported:
            return
        if _reference(file.stem, watched, reference) is None:
            save(file, replace(watched, reported=slot))
            return
        run = f"{file.stem}-monitor-{slot}"
        data = {"experimentId": "monitor", "experimentName": "monitor", "runId": run, "runType": None}
        tags = {"runTags": {"baton.monitor": file.stem}, "runProperties": {}}
        self.publish(f"experiments/monitor/runs/{run}", COMPLETED, {**data, **tags}, run)
        save(file, replace(watched, reported=slot))

    def _told(self, file: Path, watched: Watched) -> Watched:
        """Publish the alarm that waits, if one does: again after a crash, with the same id."""
        if not watched.pending:
            return watched
        alarm = str(watched.pending["RunId"])
        subject = f"datadrifts/{watched.pending['DataDriftId']}/runs/{alarm}"
        self.publish(subject, DRIFT, dict(watched.pending), alarm)
        log.info("drift alarm published", model=file.stem, coefficient=watched.pending["DriftCoefficient"], id=alarm)
        told = replace(watched, pending={})
        save(file, told)
        return told

    def _read(self, model: str, watched: Watched, now: datetime) -> Watched:
        """With the rows of the segments after the cursor. Names grow with time, and segments are sent in their order."""
        for name in self._segments(model, watched.cursor, now):
            lines = self.blobs.read(CONTAINER, name).splitlines()
            watched = watched.adding(scored_rows(lines, watched.version), name)
        return watched

    def _segments(self, model: str, cursor: str, now: datetime) -> Iterator[str]:
        oldest = now - LOOK_BACK
        if cursor:
            oldest = max(oldest, datetime.strptime(cursor[len(model) : len(model) + 14] + "+0000", "/%Y/%m/%d/%H%z"))
        hours = math.ceil((now - oldest) / timedelta(hours=1)) + 1
        for hour in (oldest + timedelta(hours=number) for number in range(hours)):
            names = self.blobs.names(CONTAINER, f"{model}/{hour:%Y/%m/%d/%H}-")
            yield from sorted(name for name in names if name > cursor)


def watch_once(settings_env: Mapping[str, str], publish: Publish) -> None:
    """Look once at every model with new scored rows; `publish(subject, event_type, data, id)` takes an alarm.

    Safe to repeat and to kill anywhere: an alarm may be published twice, with the same id. Without the settings of a
    stack there is nothing to watch. Raises `PlatformBusy` if the router does not answer.
    """
    if not all(settings_env.get(name) for name in NEEDED):
        return
    from azure.storage.blob import BlobServiceClient

    from shared.storage.blobs import AzureBlobs

    home, data, router, key = (settings_env[name] for name in NEEDED)
    endpoints = RouterClient(router, key).endpoints
    with BlobServiceClient.from_connection_string(data, retry_total=0) as service:
        place, blobs = Path(home).resolve(), AzureBlobs(service)
        labels = LabelMonitor(place, blobs, functools.partial(_judged, data), publish)
        Monitor(place, endpoints, blobs, publish, labels).watch(datetime.now(UTC))


def _judged(data: str, model: str, version: str) -> Judged:
    """What the ledger's evidence says of a version."""
    keeper = wiring.keeper(data, clock=lambda: datetime.now(UTC))
    return judged(keeper.book, keeper.blobs, wiring.published_rules(keeper.blobs), model, version)


def _reference(model: str, watched: Watched, file: Path) -> Profile | None:
    """What the serving version was trained on; None, and a line in the log, if it does not tell."""
    try:
        if file.exists():
            return read_reference(read_json(file))
        why, todo = "the version has no reference.json", TRAINED_ANEW
    except ReferenceUnreadable as error:
        why, todo = error.what, error.next
    log.warning("drift is not watched", model=model, version=watched.version, why=why, next=todo)
    return None


def _look(model: str, watched: Watched, reference: Path) -> Watched:
    """After one comparison: an alarm ends the window."""
    before = _reference(model, watched, reference)
    if before is None:
        return watched
    rows = [row.features for row in watched.window]
    asked = compare(before, profile_of_rows(rows, before), alpha=watched.alpha / 2)
    for signal, found in (("data", asked), ("prediction", _answered(watched))):
        changes = [change for change in found if change.drifted]
        if changes:
            told = {"signal": signal, "rows": len(rows), "columns": _told_changes(changes)}
            log.warning("drift seen", model=model, version=watched.version, **told)
            return replace(watched, pending=_alarm(model, watched, signal, changes), window=(), fresh=0)
    return watched


def _answered(watched: Watched) -> Sequence[Change]:
    """The window's predictions against the version's first ones; of a window that has too few others, nothing."""
    now = [row.prediction for row in watched.window][-watched.later :] if watched.later else []
    if len(now) < ROWS_AT_LEAST:
        return ()
    kind: Kind = "string" if any(isinstance(value, str) for value in (*watched.first, *now)) else "number"
    before, after = (
        Profile(len(values), {PREDICTION: profile_of_values(values, kind)}) for values in (watched.first, now)
    )
    return compare(before, after, alpha=watched.alpha / 2)


def _alarm(model: str, watched: Watched, signal: str, changes: Sequence[Change]) -> dict[str, object]:
    """The event's data, in the documentation's casing, and the columns. The id says of which rows, so a repeat is the same alarm."""
    first, last = watched.window[0], watched.window[-1]
    rows = json.dumps([model, watched.version, first.at, first.request_id, last.at, last.request_id])
    return {
        "DataDriftId": f"{model}-drift",
        "DataDriftName": model,
        "RunId": f"{model}-drift-{digest(rows)[:16]}",
        "BaseDatasetId": f"{model}:{watched.version}",
        "TargetDatasetId": f"{CONTAINER}/{model}",
        "DriftCoefficient": round(max(change.size for change in changes), 6),
        "Signal": signal,
        "Columns": list(dict.fromkeys(change.column for change in changes))[:COLUMNS_TOLD],
        "StartTime": first.at,
        "EndTime": last.at,
    }


def _told_changes(changes: Sequence[Change]) -> str:
    told = [f"{change.column}: {change.what} (size {change.size:.2f}, p {change.p_value:.1g})" for change in changes]
    return "; ".join(told[:COLUMNS_TOLD])
