"""A whole Baton in memory: the real chain over fakes at the ports, with a clock that tests move.

`World` is what unit tests and histories drive. Drops are files whose first line says what the check
would say of them, runs end as scripted, and every call of a port can be made to crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from unittest.mock import patch

from shared import events, names, wire, wiring
from shared.approvals import sign
from shared.data.verdict import Problem, Verdict
from shared.effects.parts import Checker
from shared.journaling.segments import Sizes
from shared.notify import FileNotifier, Notifier
from shared.perform import Performer
from shared.settings import LOCAL_STORAGE, LOCAL_WORKSPACE, Settings
from shared.state import Head, Release
from shared.traces.port import UNTOLD, Tracer
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer, Outcome
from tests.fakes.storage import MemoryBells, MemoryBlobs, MemoryTable
from tests.fakes.trapped import Call, Trap, no_trap, trapped

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "a key for tests, 24 long"
SIGNING_KEY = "00" * 32
P = TypeVar("P")
MODEL_YAML = """\
v: 1
name: {model}
owner: the-team
purpose: A model for tests.
data:
  contract: contract.yaml
  key: [ID]
  target: Y
  batch: {{files: {files}, quiet_seconds: {quiet}}}
  window: {window}
  holdout_percent: 20{closed}
train:
  entry: train.py
  parameters: {{alpha: {alpha}}}
  max_minutes: 5
  tries: 2
gates:
  metric: mse
  direction: lower
  floor: 5000
  minimum_gain: 0
  confidence: 0.95
  min_rows: 15
  certificate: {{p95_ms: 500, start_seconds: 60, size_mb: 50, valid_days: {valid_days}, checks: {checks}}}
  holdout: {holdout}
retrain: {{on: [data, drift, performance, request, code], cool_down_seconds: {cool_down}, budget_per_day: {budget},
  breaker: {breaker}{more}}}
rollout: {{steps: {steps}, bake_seconds: 30, min_requests: 10, max_error_percent: 5, deadline_minutes: 30}}
approval: {{approvers: [operations], expires_hours: 24}}
schedule: {schedule}
adopt: {adopt}
"""
RULES: Mapping[str, Any] = {
    "files": 1,
    "window": "all",
    "quiet": 60,
    "alpha": 1,
    "cool_down": 0,
    "budget": 50,
    "valid_days": 90,
    "checks": "{}",
    "breaker": 100,
    "more": "",
    "schedule": "{}",
    "holdout": "{}",
    "adopt": "always",
    "closed": "",
    "steps": "[10, 50, 100]",
}
CASES = '[{"request": {"data": [{"X": 1}]}, "expect": {"status": 200}}]'


def spec_text(model: str = "m", **rules: Any) -> str:
    """A model.yaml with these rules in place of `RULES`."""
    return MODEL_YAML.format(model=model, **{**RULES, **rules})


def evidence(
    value: float, champion: float | None = None, *, version: str = "1", lower: float | None = None, v: int = 2
) -> Outcome:
    """How a judge run ends: the candidate's metric, and the champion's with the gain's lower bound; as 0.1.0 told it with `v` 1."""
    document: dict[str, Any] = {
        "v": v,
        "metric": "mse",
        "direction": "lower",
        "rows": 80,
        "candidate": {"value": value},
        "champion": None,
        "gain": None,
        "sanity": {"not_finite": 0, "constant": False, "identical": False},
    }
    if champion is not None:
        mean = champion - value
        bounds = {"mean": mean, "lower": mean - 10 if lower is None else lower, "upper": mean + 10, "confidence": 0.95}
        document |= {"champion": {"version": version, "value": champion}, "gain": bounds}
    if v > 1:
        document["sanity"] |= {"overlap": 0, "copies": 0, "schema": [], "contracts": ["1", "1"]}
    return Outcome(result=document)


TRAINED = Outcome(result={"v": 1, "metrics": {"mse_train": 2900.0}})
CERTIFIED = Outcome(
    result={
        "v": 2,
        "cases": {"passed": 3, "failed": []},
        "malformed": {"not_json": 400},
        "refusals": {"broken": []},
        "boundary": {"tried": 100, "broken": []},
        "invariances": {"declared": 0, "tried": 0, "broken": []},
        "start_seconds": 2.0,
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p95_upper": 2.5, "requests": 300, "errors": 0},
        "overload": {"per_second": 500.0, "recovered": True},
        "size_mb": 0.1,
        "model_sha256": names.digest(""),  # of no file, which is what the registry's versions hold here
    }
)


def check(file: Path, contract: Path) -> Verdict:
    """What the data path would say: a drop that begins with "bad" breaks its contract, all others have 100 rows."""
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if content.startswith(b"bad"):
        broken = Problem(
            rule="required", column="X", count=1, rows=(3,), samples=(), what="X is missing", remedy="add X"
        )
        return Verdict(accepted=False, sha256=sha256, rows=100, columns=("X", "Y"), problems=(broken,))
    return Verdict(accepted=True, sha256=sha256, rows=100, columns=("X", "Y"), problems=())


@dataclass
class World:
    """One installation in memory. `checker` None is the real check.

    `trap` is told of every call that the app makes of a port, before and after it, and may raise (`tests/fakes/trapped.py`);
    what the world and the tests do to the fakes themselves goes past it.
    """

    home: Path
    now: datetime = BEGIN
    table: MemoryTable = field(default_factory=MemoryTable)
    bells: MemoryBells = field(default_factory=MemoryBells)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    trainer: FakeTrainer = field(default_factory=FakeTrainer)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    endpoints: FakeEndpoints = field(default_factory=FakeEndpoints)
    announced: set[str] = field(default_factory=set)
    checker: Checker | None = check
    sizes: Sizes = field(default_factory=lambda: Sizes(lines=30, kept=20))
    notifier: Notifier | None = None
    inline_limit: int = 64 * 1024 * 1024
    signing_key: str = SIGNING_KEY
    verifying_keys: str = ""
    trap: Trap = no_trap
    tracer: Tracer = UNTOLD
    judged: Outcome = field(default_factory=lambda: evidence(3000.0))

    def __post_init__(self) -> None:
        self.table.clock = self.table.clock or (lambda: self.now)
        self.trainer.script |= {"train": TRAINED, "judge": self.judged, "certify": CERTIFIED}
        self.restart()

    def restart(self) -> None:
        """A new process: nothing of the old one's memory survives."""
        self.app = self.worker()

    def worker(self, *, skew: timedelta = timedelta(0), through: Callable[[str, Any], Any] | None = None) -> wiring.App:
        """One more process over the same ports, its clock wrong by `skew`; each port is passed `through`, if given."""
        notifier = self.notifier or FileNotifier(self.home / "notices")
        roles = ("table", "bells", "blobs", "trainer", "registry", "endpoints")
        ports = {**{role: getattr(self, role) for role in roles}, "notifier": notifier}
        behind = through or (lambda role, port: self.behind(port, role))
        seen = {role: behind(role, port) for role, port in ports.items()}
        settings, clock = self._settings(), lambda: self.now + skew
        return wiring.assemble(
            settings,
            **seen,
            clock=clock,
            check=self.checker,
            sizes=self.sizes,
            pause=lambda seconds: None,
            tracer=self.tracer,
        )

    def behind(self, port: P, role: str) -> P:
        """The port, behind whatever trap is set when it is called."""

        def ask(when: Literal["before", "after"], call: Call) -> None:
            self.trap(when, call)

        return trapped(port, role, ask)

    def _settings(self) -> Settings:
        env = {
            "BATON_DATA": "memory",
            "BATON_APPROVAL_KEY": KEY,
            "BATON_SIGNING_KEY": self.signing_key,
            "BATON_VERIFYING_KEYS": self.verifying_keys,
            "BATON_URL": "http://127.0.0.1:1",
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:2",
            "BATON_ROUTER": "http://127.0.0.1:3",
            "BATON_ROUTER_KEY": "k",
            "BATON_USERS": str(self.home / "users.json"),
            "BATON_HOME": str(self.home),
            "BATON_INLINE_LIMIT": str(self.inline_limit),
        }
        return Settings.from_env(env)

    # What the world and people do

    def publish(self, model: str = "m", *, by: str = "author", **rules: Any) -> str:
        """Upload a folder with these rules and publish it; returns its hash."""
        folder = self.upload(model, **rules)
        identity = names.identity_key("publish", model, folder, self.now.isoformat())
        self.app.book.list_model(model)
        self.accept(model, events.ModelPublished(id=identity, at=self.now, by=by, folder=folder))
        return folder

    def upload(self, model: str, **rules: Any) -> str:
        """Write a model folder with these rules, as publishing does first; returns its hash."""
        text = spec_text(model, **rules)
        folder = names.digest(text)[:16]
        for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", CASES)):
            self.blobs.put("models", f"{model}/{folder}/{name}", content.encode(), content_type="text/plain")
        return folder

    def accept(self, model: str, event: events.Event) -> bool:
        """Let an event in, past the wire."""
        return self.app.intake.accept(model, event)

    def drop(self, content: str, *, model: str = "m", name: str = "") -> wire.Delivered:
        """Write a file and deliver its BlobCreated; returns the delivery, so that it can be repeated."""
        blob = f"{model}/{name or names.digest(content)[:8]}.csv"
        etag = self.blobs.drop("incoming", blob, content.encode())
        delivered = self.blob_created(blob, etag, len(content))
        self.app.intake.receive(delivered)
        return delivered

    def blob_created(self, blob: str, etag: str, size: int, *, delivery: str = "1") -> wire.Delivered:
        """The event of one writing of a blob."""
        data = {
            "api": "PutBlob",
            "eTag": etag,
            "contentLength": size,
            "url": f"http://127.0.0.1/devstoreaccount1/incoming/{blob}",
        }
        subject = f"/blobServices/default/containers/incoming/blobs/{blob}"
        kind = "Microsoft.Storage.BlobCreated"
        return wire.Delivered(f"{blob}-{etag}-{delivery}", LOCAL_STORAGE, subject, kind, self.now, data)

    def register_by_hand(self, model: str = "m") -> wire.Delivered:
        """Somebody registers a version with the platform's client, and its event arrives."""
        version = self.registry.register_by_hand(model, tags={}, files={})
        data = {"modelName": model, "modelVersion": version, "modelTags": {}}
        kind = "Microsoft.MachineLearningServices.ModelRegistered"
        delivered = wire.Delivered(f"r{version}", LOCAL_WORKSPACE, f"models/{model}:{version}", kind, self.now, data)
        self.app.intake.receive(delivered)
        return delivered

    def monitor_reports(self, model: str = "m", run: str = "w1", *, status: str = "Completed") -> None:
        """A run of the model's monitor reached a status."""
        data = {"runId": run, "runStatus": status, "runTags": {"baton.monitor": model}}
        kind = "Microsoft.MachineLearningServices.RunStatusChanged"
        delivered = wire.Delivered(run, LOCAL_WORKSPACE, f"experiments/x/runs/{run}", kind, self.now, data)
        self.app.intake.receive(delivered)

    def drift(self, model: str = "m", run: str = "d1", *, coefficient: float = 0.4, **told: object) -> None:
        """A monitor raises a drift alert, which may tell `signal` and `columns`."""
        data = {"dataDriftName": model, "runId": run, "driftCoefficient": coefficient, **told}
        kind = "Microsoft.MachineLearningServices.DatasetDriftDetected"
        delivered = wire.Delivered(run, LOCAL_WORKSPACE, f"datadrifts/x/runs/{run}", kind, self.now, data)
        self.app.intake.receive(delivered)

    def decide(self, release: str, *, approve: bool = True, by: str = "operations", model: str = "m") -> None:
        """A person approves or rejects what the release's page shows."""
        self.accept(model, sign(self.decision(release, approve=approve, by=by), KEY))

    def decision(self, release: str, *, approve: bool, by: str) -> events.ApprovalGiven:
        """What a person decides on, as the release's page shows it; not signed yet."""
        seen = self.release(release)
        return events.ApprovalGiven(
            id=names.identity_key("decision", release, by, self.now.isoformat()),
            at=self.now,
            by=by,
            why="looks right",
            release=release,
            approve=approve,
            version=seen.version,
            evidence=seen.evidence,
            certificate=seen.certificate,
            nonce=seen.nonce,
        )

    def ask(self, kind: type[events.PersonEvent], model: str = "m", **fields: Any) -> None:
        """A person asks for something."""
        identity = names.identity_key(kind.__name__, self.now.isoformat(), str(fields))
        self.accept(model, kind(id=identity, at=self.now, by="operations", why="because", **fields))

    # Time

    def perform_and_end(self, model: str = "m") -> int:
        """A turn of a worker whose process ends before it does what it decided at once: that waits in the outbox then."""
        performer = self.app.performer
        with patch.object(performer, "perform", return_value=0):
            return Performer.perform(performer, model)

    def settle(self, model: str = "m", *, at_most: int = 200) -> None:
        """Fold and perform until nothing is due any more, without moving the clock."""
        for _ in range(at_most):
            folded = self.app.fold.advance(model)
            if not self.app.performer.perform(model) and not folded.decided and not self.announce_runs():
                return
        raise AssertionError("it never becomes quiet")

    def until(self, state: str, *, release: str = "m-0001") -> None:
        """Work step by step until the release reaches a state, and nothing that it asks for there is done."""
        for _ in range(200):
            self.app.fold.advance("m")
            if self.states().get(release) == state:
                return
            self.app.performer.perform("m")
            self.announce_runs()
        raise AssertionError(f"{release} never reaches {state}: {self.states()}")

    def announce_runs(self) -> int:
        """The platform's events for runs that ended since the last call; returns how many."""
        new = [run for run in self.trainer.started if run.run_id not in self.announced]
        ended = [(run, self.trainer.look(run.run_id)) for run in new]
        for run, seen in ended:
            if seen is not None and seen.status not in ("queued", "running"):
                self.announced.add(run.run_id)
                identity = names.identity_key("run", run.run_id, seen.status)
                event = events.RunChanged(id=identity, at=self.now, run_id=run.run_id, status=seen.status)
                self.accept(run.model, event)
        return len(self.announced & {run.run_id for run in new})

    def wait(self, span: timedelta, model: str = "m", *, step: timedelta = timedelta(seconds=30)) -> None:
        """Let time pass, settling after each step."""
        until = self.now + span
        while self.now < until:
            self.now = min(until, self.now + step)
            self.settle(model)

    # What there is to see

    def head(self, model: str = "m") -> Head:
        """The model's head."""
        head = self.app.book.head(model)
        assert head is not None
        return head

    def release(self, release: str) -> Release:
        """A release, open or ended."""
        found = self.app.book.release(release.rsplit("-", 1)[0], release)
        assert found is not None, f"no release {release}"
        return found

    def states(self, model: str = "m") -> Mapping[str, str]:
        """Every release's state."""
        opened = self.app.book.read(model).releases.values()
        return {
            release.id: release.state for release in sorted([*opened, *self.app.book.ended(model)], key=lambda r: r.id)
        }

    def go_live(self, content: str = "rows", *, model: str = "m", judged: Outcome | None = None) -> str:
        """Drop, train, approve and roll out; returns the release, which is live then."""
        if judged is not None:
            self.trainer.script["judge"] = judged
        self.drop(content, model=model)
        self.settle(model)
        release = self.head(model).shipping
        self.decide(release, model=model)
        self.wait(timedelta(minutes=5), model)
        assert self.release(release).state == "live", self.release(release)
        return release
