"""The laptop's drift monitor: what the endpoints are asked, against what the serving version was trained on.

`watch_once` reads what the router collected (container `scored`) since it last did, keeps the newest rows that the
serving version answered, and compares their profile with the version's reference.json, as `baton drift` compares files. An alarm
is the event that Azure ML's dataset monitors publish, once for a window of rows, with the columns named; the next window begins
after it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import log
from shared.data.comparing import Change, compare
from shared.data.profile import Profile
from shared.data.scored import profile_of_rows
from shared.data.significance import ALPHA
from shared.errors import BatonError
from shared.names import digest
from shared.platforms.local_router import RouterClient
from shared.platforms.local_run import read_json, write_json
from shared.platforms.port import EndpointSeen
from shared.runs.reference import TRAINED_ANEW, ReferenceUnreadable, read_reference
from shared.storage.port import Blobs

Publish = Callable[[str, str, dict[str, object], str], object]
DRIFT = "Microsoft.MachineLearningServices.DatasetDriftDetected"
COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"
REPORT_EVERY = timedelta(minutes=15)
CONTAINER = "scored"
ROWS_AT_LEAST = 50
ROWS_KEPT = 1000
COLUMNS_TOLD = 20
LOOK_BACK = timedelta(hours=24)
NEEDED = ("BATON_HOME", "BATON_DATA", "BATON_ROUTER", "BATON_ROUTER_KEY")


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """The features of one scored row, when it was scored (ISO 8601, UTC), and the request that held it."""

    at: str
    request_id: str
    features: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Watched:
    """How far the monitor is with a model: what `<home>/monitor/<model>.json` holds.

    `cursor` is the last segment read, `window` the serving version's newest rows since it began or since the last
    alarm, `fresh` how many of them no look has seen; `looks` counts the looks of `day`. `pending` is an alarm that
    was decided and perhaps not yet published, `reported` the quarter of an hour of the last life sign.
    """

    version: str = ""
    cursor: str = ""
    window: tuple[ScoredRow, ...] = ()
    fresh: int = 0
    looks: int = 0
    day: str = ""
    reported: str = ""
    pending: Mapping[str, object] = field(default_factory=dict)

    def beginning(self, version: str) -> Watched:
        """With nothing seen yet of a version that began to serve."""
        return replace(self, version=version, window=(), fresh=0)

    def adding(self, rows: Iterable[ScoredRow], cursor: str) -> Watched:
        """With the rows of further segments."""
        new = tuple(rows)
        window = (*self.window, *new)[-ROWS_KEPT:]
        return replace(self, window=window, fresh=self.fresh + len(new), cursor=cursor)

    @property
    def is_due(self) -> bool:
        """Whether a look is worth its share of the false alarms: enough rows, and enough of them new."""
        return self.fresh >= max(ROWS_AT_LEAST, len(self.window) // 4)

    def looking(self, day: str) -> Watched:
        """With one more look begun."""
        return replace(self, fresh=0, looks=self.looks + 1 if day == self.day else 1, day=day)

    @property
    def alpha(self) -> float:
        """This look's chance of a false alarm. All looks of a day together stay below `ALPHA`: 6/pi^2 times 1/k^2 sums to 1."""
        return ALPHA * 6 / (math.pi * self.looks) ** 2


@dataclass(frozen=True, slots=True)
class Monitor:
    """Watches all models. `endpoints` says what serves now; what the monitor remembers is under `home`/monitor."""

    home: Path
    endpoints: Callable[[], Sequence[EndpointSeen]]
    blobs: Blobs
    publish: Publish

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
        before = self._told(file, _load(file))
        watched = before if before.version == serving.version else before.beginning(serving.version)
        watched = self._read(endpoint.model, watched, now)
        reference = self.home / "endpoints" / endpoint.model / serving.name / "model" / "reference.json"
        if watched.is_due:
            watched = _look(endpoint.model, watched.looking(f"{now:%Y-%m-%d}"), reference)
        if watched != before:
            _save(file, watched)
        watched = self._told(file, watched)
        if reference.exists():
            self._report(file, watched, reference, now)

    def _report(self, file: Path, watched: Watched, reference: Path, now: datetime) -> None:
        """A life sign now and then, whatever was seen, as the completed runs of a monitor on Azure ML are one; none without sight."""
        slot = f"{now - timedelta(seconds=now.timestamp() % REPORT_EVERY.total_seconds()):%Y%m%dT%H%M}"
        if slot == watched.reported:
            return
        if _reference(file.stem, watched, reference) is None:
            _save(file, replace(watched, reported=slot))
            return
        run = f"{file.stem}-monitor-{slot}"
        data = {"experimentId": "monitor", "experimentName": "monitor", "runId": run, "runType": None}
        tags = {"runTags": {"baton.monitor": file.stem}, "runProperties": {}}
        self.publish(f"experiments/monitor/runs/{run}", COMPLETED, {**data, **tags}, run)
        _save(file, replace(watched, reported=slot))

    def _told(self, file: Path, watched: Watched) -> Watched:
        """Publish the alarm that waits, if one does: again after a crash, with the same id."""
        if not watched.pending:
            return watched
        alarm = str(watched.pending["RunId"])
        subject = f"datadrifts/{watched.pending['DataDriftId']}/runs/{alarm}"
        self.publish(subject, DRIFT, dict(watched.pending), alarm)
        log.info("drift alarm published", model=file.stem, coefficient=watched.pending["DriftCoefficient"], id=alarm)
        told = replace(watched, pending={})
        _save(file, told)
        return told

    def _read(self, model: str, watched: Watched, now: datetime) -> Watched:
        """With the rows of the segments after the cursor. Names grow with time, and segments are sent in their order."""
        for name in self._segments(model, watched.cursor, now):
            lines = self.blobs.read(CONTAINER, name).splitlines()
            watched = watched.adding(_rows(lines, watched.version), name)
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
        Monitor(Path(home).resolve(), endpoints, AzureBlobs(service), publish).watch(datetime.now(UTC))


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
    changes = [
        change for change in compare(before, profile_of_rows(rows, before), alpha=watched.alpha) if change.drifted
    ]
    if not changes:
        return watched
    log.warning("drift seen", model=model, version=watched.version, rows=len(rows), columns=_told_changes(changes))
    return replace(watched, pending=_alarm(model, watched, changes), window=(), fresh=0)


def _alarm(model: str, watched: Watched, changes: Sequence[Change]) -> dict[str, object]:
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
        "Columns": list(dict.fromkeys(change.column for change in changes))[:COLUMNS_TOLD],
        "StartTime": first.at,
        "EndTime": last.at,
    }


def _told_changes(changes: Sequence[Change]) -> str:
    told = [f"{change.column}: {change.what} (size {change.size:.2f}, p {change.p_value:.1g})" for change in changes]
    return "; ".join(told[:COLUMNS_TOLD])


def _rows(lines: Iterable[bytes], version: str) -> Iterator[ScoredRow]:
    """The answered rows of one version; probes, which name their deployment, and rows of another shape are passed over."""
    for kept in map(_line, lines):
        answered = (kept.get("version"), kept.get("status"), kept.get("pinned")) == (version, 200, False)
        if answered and isinstance(kept.get("rows"), list):
            yield from (
                ScoredRow(kept["time"], kept["request_id"], row) for row in kept["rows"] if isinstance(row, dict)
            )


def _line(line: bytes) -> dict[str, Any]:
    """What one collected line holds; nothing if a crash cut it short."""
    try:
        kept = json.loads(line)
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _load(file: Path) -> Watched:
    kept = read_json(file)
    kept.pop("v", None)
    window = tuple(ScoredRow(**row) for row in kept.pop("window", ()))
    return Watched(**kept, window=window)


def _save(file: Path, watched: Watched) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"v": 1, **asdict(watched)})
