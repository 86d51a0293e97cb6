"""Floods through the real host, ledger and Azurite: nothing lost, nothing twice, and nobody waits behind somebody else's."""

from __future__ import annotations

import heapq
import itertools
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.ledger import FOLD_AT_ONCE
from shared.performing.doors import PERFORMERS
from shared.wiring import App
from tests.floods.rig import Line, Rig, delivered, model_deployed, rig, settled
from tests.floods.served import served

FILES = int(os.environ.get("BATON_FLOOD", "250"))
BATCH = FILES // 5
QUIET_SECONDS = max(
    5, FILES // 25
)  # longer than the host stalls on a busy machine, since quiet time closes a batch too
PATIENCE_SECONDS = 120 + FILES
pytestmark = pytest.mark.timeout(4 * PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def host(connection: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One host for all floods; each test has models of its own."""
    with rig(connection, tmp_path_factory.mktemp("floods")) as running:
        yield running


def new_files(host: Rig, model: str) -> list[list[int]]:
    """For each dataset version, the numbers of the files that are new in it."""
    manifests = [
        json.loads(host.app.blobs.read("datasets", name))
        for name in host.app.blobs.names("datasets", f"{model}/versions/")
    ]
    return [[file["number"] for file in manifest["files"] if file["new"]] for manifest in manifests]


def kinds(lines: Sequence[Line]) -> list[str]:
    return [line["event"]["kind"] for line in lines]


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a flood left behind: the flooded model, the others that had one event each meanwhile, and how far it was then."""

    host: Rig
    model: str
    others: tuple[str, ...]
    lines: tuple[Line, ...]


@pytest.fixture(scope="module")
def flooded(host: Rig) -> Flooded:
    """One flood: many files for one model; when the first are accepted, a person asks for a roll-back and 49 others wake."""
    model = f"m{uuid.uuid4().hex[:8]}"
    others = tuple(f"{model}-{number:02d}" for number in range(49))
    for each in (model, *others):
        host.publish(each, files=BATCH, quiet=QUIET_SECONDS)
    host.deliver("on_new_data", host.upload(model, FILES))
    host.until(lambda: host.head(model).next_file > 1, "no file is accepted", seconds=PATIENCE_SECONDS)
    host.ask(model, "rollback")
    host.deliver("on_model_deployed", [model_deployed(other) for other in others])
    host.until(lambda: host.head(model).next_file == FILES + 1, "files are missing", seconds=PATIENCE_SECONDS)
    settled(host, [model, *others], seconds=PATIENCE_SECONDS)
    return Flooded(host, model, others, tuple(host.lines(model)))


def test_each_file_is_new_in_exactly_one_dataset_version(flooded: Flooded) -> None:
    versions = new_files(flooded.host, flooded.model)
    assert sorted(number for version in versions for number in version) == list(range(1, FILES + 1))


def test_there_are_no_more_retrains_than_the_batch_rule_allows(flooded: Flooded) -> None:
    opened = flooded.host.head(flooded.model).next_release - 3
    assert opened == len(new_files(flooded.host, flooded.model))
    assert 1 <= opened <= FILES // BATCH + 1


def test_a_flood_sets_nothing_aside(flooded: Flooded) -> None:
    assert [flooded.host.app.book.dead(model) for model in (flooded.model, *flooded.others)] == [[]] * 50


def test_a_roll_back_passes_the_files_that_wait(flooded: Flooded) -> None:
    asked, done = kinds(flooded.lines).index("RollbackRequested"), kinds(flooded.lines).index("TrafficSet")
    arrived = flooded.lines[asked]["event"]["at"]
    heard = [line for line in flooded.lines[:asked] if line["at"] > arrived]
    outcomes = [kind for kind in kinds(flooded.lines[asked:done]) if kind in ("FileAccepted", "CommandDone")]
    assert len(heard) <= 2 * FOLD_AT_ONCE, "events of the flood were decided before it"
    assert len(outcomes) <= 4 * PERFORMERS, "commands of the flood were done before it"


def test_no_model_waits_behind_the_flood_of_another(flooded: Flooded) -> None:
    answered = [line["at"] for line in flooded.lines if line["event"]["kind"] == "CommandDone"]
    for other in flooded.others:
        (asked,) = [line for line in flooded.host.lines(other) if line["event"]["kind"] == "ModelDeployed"]
        ahead = [at for at in answered if asked["event"]["at"] < at <= asked["at"]]
        assert len(ahead) <= FILES // 4, f"{other} waited while {len(ahead)} files of the flood were done with"


class RingsInLine:
    """The doorbells of many processes: a ring waits until it is due, then whichever worker is free takes it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, str, str]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._over = False

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        with self._changed:
            due = time.monotonic() + after.total_seconds()
            heapq.heappush(self._waiting, (due, next(self._order), queue, model))
            self._changed.notify()

    def take(self) -> tuple[str, str] | None:
        """The next ring that is due; None when it is over."""
        with self._changed:
            while not self._over:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[2:]
                self._changed.wait(wait)
        return None

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()


def test_64_workers_on_one_model_lose_nothing_and_set_nothing_aside(host: Rig) -> None:
    """Workers as of 64 processes, each with its own app: they share no lock but the ledger's own."""
    host.stop()
    model, bells, events_waiting = f"m{uuid.uuid4().hex[:8]}", RingsInLine(), 128
    host.publish(model)
    apps = [served(host.env, bells=bells) for _ in range(64)]
    for _ in range(events_waiting):
        apps[0].intake.receive(delivered(model_deployed(model)))

    def work(app: App) -> None:
        while rung := bells.take():
            queue, name = rung
            app.doors.advance(name) if queue == "advance" else app.doors.perform(name)

    with ThreadPoolExecutor(len(apps)) as pool:
        working = [pool.submit(work, app) for app in apps]
        try:
            settled(host, [model], seconds=PATIENCE_SECONDS)
        finally:
            bells.end()
    for worker in working:
        worker.result()
    decided = kinds(host.lines(model))
    assert (decided.count("ModelDeployed"), decided.count("ChampionSeen")) == (events_waiting, events_waiting)
    assert host.app.book.dead(model) == []
