"""A day's stretch of a large installation, event by event: the real decisions over a modelled account, host and Event Grid.

What is real: intake, doors, fold, decisions, performer, effects, rows. What is modelled: time (`timeline.py`), storage
(`account.py`), Event Grid (`grid.py`, `deliveries.py`), the host's queue triggers and how many functions run at once
(`triggers.py`), how long a check and a run take. An invocation happens at the moment when it begins and holds its worker
as long as its calls and effects take, so races between workers do not occur.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from shared import events, names, wire, wiring
from shared.data.verdict import Verdict
from shared.platforms.port import RunRequest
from shared.settings import LOCAL_STORAGE, LOCAL_WORKSPACE, Settings
from shared.table.rows import INBOX, OUTBOX
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer, Outcome
from tests.fakes.storage import MemoryBlobs
from tests.floods.served import ENVIRONMENT, HELD, NEVER_CLOSED
from tests.scale.account import Meter, MeteredTable, Queues
from tests.scale.deliveries import Deliveries
from tests.scale.scenario import Found, Scenario
from tests.scale.timeline import Timeline
from tests.scale.triggers import QUEUES, Triggers
from tests.scale.watch import BUCKET_SECONDS, Watch
from tests.world import CERTIFIED, TRAINED, check, spec_text

CHECK_SECONDS, CALL_OF_PLATFORM_SECONDS, RUN_SECONDS = 0.6, 0.3, 180.0
BATCH_FILES, QUIET_SECONDS, BUDGET = 200, 3600, 10
SWEEP_SECONDS = 60.0


class RunsLater(FakeTrainer):
    """Runs take their time; then `ended` is told, as the workspace tells Event Grid."""

    def __init__(self, ended: Callable[[RunRequest], None]) -> None:
        super().__init__()
        self._ended = ended

    def start(self, request: RunRequest) -> None:
        new = request.run_id not in self._requests
        super().start(request)
        if new:
            self._ended(request)


class Simulation:
    """What happens, and the installation that it happens to."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._chance = random.Random(scenario.seed)
        self._meter = Meter(scenario.sample)
        self._timeline = Timeline(self._meter)
        self._bells = Queues(self._meter)
        self._blobs = MemoryBlobs(trap=self._blob_call)
        self._trainer = RunsLater(self._run_begins)
        self._models = [f"m{number:04d}" for number in range(scenario.models // scenario.sample)]
        self._count: Counter[str] = Counter()
        self._table = MeteredTable(self._meter)
        self._app = wiring.assemble(
            Settings.from_env({**ENVIRONMENT, "BATON_DATA": "memory", "BATON_USERS": "users.json"}),
            self._table, self._bells, self._blobs, self._trainer, FakeRegistry(), FakeEndpoints(),
            clock=self._timeline.clock, check=self._check, sizes=NEVER_CLOSED, pause=lambda seconds: None,
        )  # fmt: skip
        workers = max(1, scenario.workers // scenario.sample)
        self._triggers = Triggers(
            self._app,
            self._timeline,
            self._meter,
            self._bells,
            workers=workers,
            count=self._count,
            advanced=self._advanced,
        )
        self._deliveries = Deliveries(
            self._app, self._triggers, self._timeline, self._meter, chance=self._chance, count=self._count
        )
        self._watch = Watch(scenario, self._timeline, self._meter, self._triggers, self._deliveries)

    def run(self) -> Found:
        """Everything from the first publish to the last minute."""
        for model in self._models:
            self._publish(model)
        self._meter.calls.clear()
        begin, long = self._scenario.outage_from_hour * 3600, self._scenario.outage_hours * 3600
        self._timeline.at(begin, lambda: self._set_down(True))
        self._timeline.at(begin + long, lambda: self._set_down(False))
        self._timeline.at(self._next_event(), self._event_happens)
        self._timeline.at(SWEEP_SECONDS, self._sweep)
        self._timeline.at(BUCKET_SECONDS, self._watch.look)
        self._timeline.play(self._scenario.hours * 3600)
        return self._found()

    def _set_down(self, down: bool) -> None:
        self._meter.down = down
        if not down:
            for queue in QUEUES:
                self._triggers.serve(queue)

    def _advanced(self, model: str) -> None:
        """Nothing of this model waits if its inbox is empty now."""
        if not self._table.rows.between(model, INBOX, OUTBOX, 1):
            self._deliveries.waiting.pop(model, None)

    # The world

    def _next_event(self) -> float:
        rate = self._scenario.events_a_day / self._scenario.sample / 86_400
        return self._meter.now + self._chance.expovariate(rate)

    def _event_happens(self) -> None:
        model, number = self._chance.choice(self._models), self._count["events"]
        self._count["events"] += 1
        event = self._drop(model, number) if self._chance.random() < 0.9 else self._deployment(model, number)
        self._deliveries.deliver(event, 1, self._meter.now)
        self._timeline.at(self._next_event(), self._event_happens)

    def _drop(self, model: str, number: int) -> wire.Delivered:
        blob, content = f"{model}/{number:08d}.csv", f"rows {number}".encode()
        etag = self._blobs.drop("incoming", blob, content)
        url = f"http://127.0.0.1/devstoreaccount1/incoming/{blob}"
        data = {"api": "PutBlob", "eTag": etag, "contentLength": len(content), "url": url}
        subject = f"/blobServices/default/containers/incoming/blobs/{blob}"
        kind = "Microsoft.Storage.BlobCreated"
        return wire.Delivered(str(number), LOCAL_STORAGE, subject, kind, self._timeline.clock(), data)

    def _deployment(self, model: str, number: int) -> wire.Delivered:
        data = {"serviceName": model, "modelIds": f"{model}:1"}
        kind = "Microsoft.MachineLearningServices.ModelDeployed"
        return wire.Delivered(str(number), LOCAL_WORKSPACE, f"endpoints/{model}", kind, self._timeline.clock(), data)

    def _run_begins(self, request: RunRequest) -> None:
        self._meter.busy_seconds += CALL_OF_PLATFORM_SECONDS
        self._timeline.at(self._meter.now + RUN_SECONDS, lambda: self._run_ends(request))

    def _run_ends(self, request: RunRequest) -> None:
        outcome = {"train": TRAINED, "judge": HELD, "certify": CERTIFIED}[request.step]
        self._trainer.end(request.run_id, Outcome(result=outcome.result))
        data = {"runId": request.run_id, "experimentId": "x"}
        subject, kind = f"experiments/x/runs/{request.run_id}", "Microsoft.MachineLearningServices.RunCompleted"
        event = wire.Delivered(f"run-{request.run_id}", LOCAL_WORKSPACE, subject, kind, self._timeline.clock(), data)
        self._deliveries.deliver(event, 1, self._meter.now)

    def _check(self, file: Path, contract: Path) -> Verdict:
        self._meter.busy_seconds += CHECK_SECONDS
        return check(file, contract)

    def _blob_call(self, call: str) -> None:
        if call.startswith("before"):
            self._meter.call("blob")

    def _sweep(self) -> None:
        self._meter.busy_seconds = 0.0
        if not self._meter.down:
            self._app.sweeper.sweep()
            self._triggers.send()
        self._timeline.at(self._meter.now + SWEEP_SECONDS, self._sweep)

    # Its beginning and its end

    def _publish(self, model: str) -> None:
        text = spec_text(model, files=BATCH_FILES, quiet=QUIET_SECONDS, budget=BUDGET)
        folder = names.digest(text)[:16]
        for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", "[]")):
            self._blobs.put("models", f"{model}/{folder}/{name}", content.encode(), content_type="text/plain")
        self._app.book.list_model(model)
        identity = names.identity_key("publish", model)
        self._app.intake.accept(
            model, events.ModelPublished(id=identity, at=self._timeline.clock(), by="author", folder=folder)
        )
        self._app.fold.advance(model)
        self._triggers.send()

    def _found(self) -> Found:
        scale = self._scenario.sample
        dead = sum(len(self._app.book.dead(model)) for model in self._models)
        return Found(
            scenario=self._scenario,
            moments=self._watch.moments,
            calls={kind: scale * n for kind, n in self._meter.calls.items()},
            invocations={kind: scale * self._count[kind] for kind in ("deliveries", "intake", *QUEUES)},
            worker_seconds=scale * self._count["worker_ms"] / 1000,
            events=scale * self._count["events"],
            delivered_late=scale * self._count["late"],
            expired=scale * self._count["expired"],
            throttled=scale * self._meter.throttled,
            poisoned=scale * self._count["poisoned"],
            dead=scale * dead,
            peak_transactions=scale * max(self._meter.transactions.values()),
            peak_partition=self._meter.peak_partition,
            drained_minutes=self._watch.drained_minutes,
        )
