"""A day's stretch of a large installation, event by event: the real decisions over a modelled account, host and Event Grid.

What is real: intake, doors, fold, decisions, performer, effects, rows. What is modelled: time, storage (`account.py`), Event
Grid (`grid.py`), the number of functions that run at once, how long a check and a run take. An invocation happens at the
moment when it begins and holds its worker as long as its calls and effects take, so races between workers do not occur.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared import events, names, wire, wiring
from shared.data.verdict import Verdict
from shared.platforms.port import RunRequest
from shared.settings import LOCAL_STORAGE, LOCAL_WORKSPACE, Settings
from shared.storage.port import StorageBusy
from shared.table.rows import INBOX, OUTBOX
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer, Outcome
from tests.fakes.storage import MemoryBlobs
from tests.floods.served import ENVIRONMENT, HELD, NEVER_CLOSED
from tests.scale.account import Meter, MeteredTable, Queues
from tests.scale.grid import TIME_TO_LIVE_SECONDS, Delivery, retry_after
from tests.world import CERTIFIED, TRAINED, check, spec_text

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
CHECK_SECONDS, CALL_OF_PLATFORM_SECONDS, RUN_SECONDS = 0.6, 0.3, 180.0
INVOCATION_SECONDS, AFTER_FAILURE_SECONDS, POISON_AFTER = 0.005, 30.0, 5
BATCH_FILES, QUIET_SECONDS, BUDGET = 200, 3600, 10
SWEEP_SECONDS, BUCKET_SECONDS = 60.0, 60
LET_GO_WITHIN_SECONDS = 60.0
QUEUES = ("advance", "perform")


@dataclass(frozen=True, slots=True)
class Scenario:
    """`sample` of 20 simulates every twentieth model, with a twentieth of the workers and of the account's transactions."""

    models: int = 1000
    events_a_day: int = 1_000_000
    hours: float = 8.0
    outage_from_hour: float = 1.0
    outage_hours: float = 2.0
    workers: int = 120
    sample: int = 20
    seed: int = 1


@dataclass(slots=True)
class Moment:
    """What could be seen at the end of one minute; depths and counts are of the whole installation."""

    minute: int
    undelivered: int
    waiting: int
    advance: int
    perform: int
    oldest_seconds: float
    busy: dict[str, float]
    transactions_a_second: float


@dataclass(slots=True)
class Found:
    """A finished simulation."""

    scenario: Scenario
    moments: list[Moment]
    calls: dict[str, int]
    invocations: dict[str, int]
    worker_seconds: float
    events: int
    delivered_late: int
    expired: int
    throttled: int
    poisoned: int
    dead: int
    peak_transactions: int
    peak_partition: int
    drained_minutes: float


@dataclass
class Service:
    """One queue trigger: its messages, its workers, and the models that it serves now."""

    free: int
    ready: deque[tuple[str, int]] = field(default_factory=deque)
    serving: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    busy_seconds: float = 0.0


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
    """The heap of what is to happen, and the installation that it happens to."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._chance = random.Random(scenario.seed)
        self._meter = Meter(scenario.sample)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._bells = Queues(self._meter)
        self._blobs = MemoryBlobs(trap=self._blob_call)
        self._trainer = RunsLater(self._run_begins)
        self._services = {queue: Service(max(1, scenario.workers // scenario.sample)) for queue in QUEUES}
        self._grid: dict[str, Delivery] = defaultdict(Delivery)
        self._undelivered: dict[str, float] = {}
        self._waiting: dict[str, list[float]] = defaultdict(list)
        self._models = [f"m{number:04d}" for number in range(scenario.models // scenario.sample)]
        self._count: Counter[str] = Counter()
        self._moments: list[Moment] = []
        self._seen_calls = 0
        self._drained = 0.0
        self._table = MeteredTable(self._meter)
        self._app = wiring.assemble(
            Settings.from_env({**ENVIRONMENT, "BATON_DATA": "memory", "BATON_USERS": "users.json"}),
            self._table, self._bells, self._blobs, self._trainer, FakeRegistry(), FakeEndpoints(),
            clock=self._clock, check=self._check, sizes=NEVER_CLOSED, pause=lambda seconds: None,
        )  # fmt: skip

    def run(self) -> Found:
        """Everything from the first publish to the last minute."""
        for model in self._models:
            self._publish(model)
        self._meter.calls.clear()
        begin, long = self._scenario.outage_from_hour * 3600, self._scenario.outage_hours * 3600
        self._at(begin, lambda: self._set_down(True))
        self._at(begin + long, lambda: self._set_down(False))
        self._at(self._next_event(), self._event_happens)
        self._at(SWEEP_SECONDS, self._sweep)
        self._at(BUCKET_SECONDS, self._look)
        end = self._scenario.hours * 3600
        while self._heap and self._heap[0][0] <= end:
            self._meter.now, _, happens = heapq.heappop(self._heap)
            happens()
        return self._found()

    # Time

    def _at(self, when: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), happens))

    def _clock(self) -> datetime:
        return BEGIN + timedelta(seconds=self._meter.now)

    def _set_down(self, down: bool) -> None:
        self._meter.down = down
        if not down:
            for queue in QUEUES:
                self._serve(queue)

    # The world

    def _next_event(self) -> float:
        rate = self._scenario.events_a_day / self._scenario.sample / 86_400
        return self._meter.now + self._chance.expovariate(rate)

    def _event_happens(self) -> None:
        model, number = self._chance.choice(self._models), self._count["events"]
        self._count["events"] += 1
        event = self._drop(model, number) if self._chance.random() < 0.9 else self._deployment(model, number)
        self._deliver(event, 1, self._meter.now)
        self._at(self._next_event(), self._event_happens)

    def _drop(self, model: str, number: int) -> wire.Delivered:
        blob, content = f"{model}/{number:08d}.csv", f"rows {number}".encode()
        etag = self._blobs.drop("incoming", blob, content)
        url = f"http://127.0.0.1/devstoreaccount1/incoming/{blob}"
        data = {"api": "PutBlob", "eTag": etag, "contentLength": len(content), "url": url}
        subject = f"/blobServices/default/containers/incoming/blobs/{blob}"
        kind = "Microsoft.Storage.BlobCreated"
        return wire.Delivered(str(number), LOCAL_STORAGE, subject, kind, self._clock(), data)

    def _deployment(self, model: str, number: int) -> wire.Delivered:
        data = {"serviceName": model, "modelIds": f"{model}:1"}
        kind = "Microsoft.MachineLearningServices.ModelDeployed"
        return wire.Delivered(str(number), LOCAL_WORKSPACE, f"endpoints/{model}", kind, self._clock(), data)

    def _run_begins(self, request: RunRequest) -> None:
        self._meter.busy_seconds += CALL_OF_PLATFORM_SECONDS
        self._at(self._meter.now + RUN_SECONDS, lambda: self._run_ends(request))

    def _run_ends(self, request: RunRequest) -> None:
        outcome = {"train": TRAINED, "judge": HELD, "certify": CERTIFIED}[request.step]
        self._trainer.end(request.run_id, Outcome(result=outcome.result))
        data = {"runId": request.run_id, "experimentId": "x"}
        subject, kind = f"experiments/x/runs/{request.run_id}", "Microsoft.MachineLearningServices.RunCompleted"
        event = wire.Delivered(f"run-{request.run_id}", LOCAL_WORKSPACE, subject, kind, self._clock(), data)
        self._deliver(event, 1, self._meter.now)

    def _check(self, file: Path, contract: Path) -> Verdict:
        self._meter.busy_seconds += CHECK_SECONDS
        return check(file, contract)

    def _blob_call(self, call: str) -> None:
        if call.startswith("before"):
            self._meter.call("blob")

    # Event Grid

    def _deliver(self, event: wire.Delivered, attempt: int, since: float) -> None:
        grid, now = self._grid[event.type], self._meter.now
        self._undelivered.setdefault(event.id, since)
        if now - since > TIME_TO_LIVE_SECONDS:
            self._count["expired"] += 1
            return
        if now < grid.held_until:
            self._at(
                grid.held_until + self._chance.uniform(0, LET_GO_WITHIN_SECONDS),
                lambda: self._deliver(event, attempt, since),
            )
            return
        self._count["deliveries"] += 1
        self._meter.busy_seconds = 0.0
        try:
            self._app.intake.receive(event)
        except StorageBusy:
            grid.failed(now, self._chance)
            wait = retry_after(attempt, self._chance)
            self._at(now + wait, lambda: self._deliver(event, attempt + 1, since))
            return
        grid.succeeded()
        self._count["late"] += attempt > 1
        self._waiting[_model_of(event)].append(self._undelivered.pop(event.id))
        self._count["intake"] += 1
        self._count["worker_ms"] += int(1000 * (self._meter.busy_seconds + INVOCATION_SECONDS))
        self._send()

    # The queues

    def _send(self) -> None:
        sent, self._bells.sent = self._bells.sent, []
        for queue, model, after in sent:
            self._at(self._meter.now + self._meter.busy_seconds + after, lambda q=queue, m=model: self._rung(q, m, 1))

    def _rung(self, queue: str, model: str, count: int) -> None:
        self._services[queue].ready.append((model, count))
        self._serve(queue)

    def _serve(self, queue: str) -> None:
        service = self._services[queue]
        while service.free and service.ready and not self._meter.down:
            model, count = service.ready.popleft()
            self._meter.busy_seconds = 0.0
            for _ in ("taken", "removed"):
                self._meter.of_host("queue")
            if model in service.serving:
                service.missed.add(model)
            else:
                self._invoke(queue, model, count)

    def _invoke(self, queue: str, model: str, count: int) -> None:
        service, self._meter.busy_seconds = self._services[queue], 0.0
        service.free -= 1
        service.serving.add(model)
        self._count[queue] += 1
        answer = self._app.doors.advance if queue == "advance" else self._app.doors.perform
        failed = False
        try:
            answer(model)
        except StorageBusy:
            failed = True
        if queue == "advance" and not self._table.rows.between(model, INBOX, OUTBOX, 1):
            self._waiting.pop(model, None)
        seconds = self._meter.busy_seconds + INVOCATION_SECONDS
        service.busy_seconds += seconds
        self._count["worker_ms"] += int(1000 * seconds)
        self._send()
        again = count + 1 if failed else 0
        self._at(self._meter.now + seconds, lambda: self._done(queue, model, again))

    def _done(self, queue: str, model: str, again: int) -> None:
        service = self._services[queue]
        service.free += 1
        service.serving.discard(model)
        if again > POISON_AFTER:
            self._count["poisoned"] += 1
        elif again:
            self._at(self._meter.now + AFTER_FAILURE_SECONDS, lambda: self._rung(queue, model, again))
        if model in service.missed:
            service.missed.discard(model)
            service.ready.append((model, 1))
        self._serve(queue)

    def _sweep(self) -> None:
        self._meter.busy_seconds = 0.0
        if not self._meter.down:
            self._app.sweeper.sweep()
            self._send()
        self._at(self._meter.now + SWEEP_SECONDS, self._sweep)

    # What there is to see

    def _publish(self, model: str) -> None:
        text = spec_text(model, files=BATCH_FILES, quiet=QUIET_SECONDS, budget=BUDGET)
        folder = names.digest(text)[:16]
        for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", "[]")):
            self._blobs.put("models", f"{model}/{folder}/{name}", content.encode(), content_type="text/plain")
        self._app.book.list_model(model)
        identity = names.identity_key("publish", model)
        self._app.intake.accept(model, events.ModelPublished(id=identity, at=self._clock(), by="author", folder=folder))
        self._app.fold.advance(model)
        self._send()

    def _look(self) -> None:
        scale, now = self._scenario.sample, self._meter.now
        ages = [*self._undelivered.values(), *(min(since) for since in self._waiting.values() if since)]
        made = sum(self._meter.calls.values())
        waiting = sum(map(len, self._waiting.values()))
        depth = {queue: scale * len(self._services[queue].ready) for queue in QUEUES}
        busy = {
            q: min(1.0, s.busy_seconds / BUCKET_SECONDS * scale / self._scenario.workers)
            for q, s in self._services.items()
        }
        rate = scale * (made - self._seen_calls) / BUCKET_SECONDS
        oldest = now - min(ages, default=now)
        self._moments.append(
            Moment(int(now // 60), scale * len(self._undelivered), scale * waiting, depth["advance"], depth["perform"],
                   oldest, busy, rate)
        )  # fmt: skip
        outage_ends = (self._scenario.outage_from_hour + self._scenario.outage_hours) * 3600
        if now > outage_ends and oldest > 60:
            self._drained = (now - outage_ends) / 60
        self._seen_calls = made
        for service in self._services.values():
            service.busy_seconds = 0.0
        self._meter.forget()
        self._at(now + BUCKET_SECONDS, self._look)

    def _found(self) -> Found:
        scale = self._scenario.sample
        dead = sum(len(self._app.book.dead(model)) for model in self._models)
        return Found(
            scenario=self._scenario,
            moments=self._moments,
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
            drained_minutes=self._drained,
        )


def _model_of(event: wire.Delivered) -> str:
    parts = event.subject.rsplit("/blobs/", 1)
    name = parts[1].split("/")[0] if len(parts) == 2 else event.subject.rsplit("/", 1)[-1]
    return names.release_of_run(name).rsplit("-", 1)[0] if names.release_of_run(name) else name
