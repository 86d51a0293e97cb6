"""Answering rings: one model's flood leaves workers for the others, and a person's wish passes it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from local import stack
from shared import events
from shared.data.verdict import Verdict
from shared.performing.doors import PERFORMERS, Lanes
from tests.world import World, check, evidence

PROJECT = Path(__file__).resolve().parents[2]


class SlowCheck:
    """A check that is entered and then waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self, file: Path, contract: Path) -> Verdict:
        self.entered.release()
        assert self._open.wait(20)
        return check(file, contract)

    def let_go(self) -> None:
        self._open.set()


@contextmanager
def working(slow: SlowCheck, *calls: Callable[[], object]) -> Iterator[None]:
    """Workers that each make one call, and are all at their slow check while the block runs."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            assert slow.entered.acquire(timeout=20)
        yield
    finally:
        slow.let_go()
        for thread in threads:
            thread.join(20)


def split(world: World) -> dict[str, int]:
    """The endpoint's traffic."""
    seen = world.endpoints.look("m")
    assert seen is not None
    return dict(seen.split)


@pytest.fixture
def slow(world: World) -> SlowCheck:
    """Model `m` serves its second version; from now on checks are slow, and more files than one worker takes wait."""
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    made = SlowCheck()
    world.checker = made
    world.restart()
    for number in range(40):
        world.drop(f"rows {number}", name=f"f{number}")
    world.app.doors.advance("m")
    world.bells.rung.clear()
    return made


def _perform(world: World) -> Callable[[], object]:
    return lambda: world.app.doors.perform("m")


def test_a_flood_has_so_many_workers_and_a_further_ring_does_none_of_its_commands(
    world: World, slow: SlowCheck
) -> None:
    with working(slow, *[_perform(world)] * PERFORMERS):
        world.app.doors.perform("m")
        assert not slow.entered.acquire(blocking=False)


def test_a_ring_that_came_in_vain_is_rung_again_by_who_leaves(world: World, slow: SlowCheck) -> None:
    with working(slow, *[_perform(world)] * PERFORMERS):
        world.app.doors.perform("m")
        before = len(world.bells.rung)
    assert ("perform", "m") in [ring[:2] for ring in world.bells.rung[before:]]


def test_a_roll_back_passes_the_commands_of_a_flood(world: World, slow: SlowCheck) -> None:
    with working(slow, *[_perform(world)] * PERFORMERS):
        world.ask(events.RollbackRequested)
        world.app.doors.advance("m")
        assert split(world) == {"m-0001": 100}


def test_a_roll_back_that_an_outcome_brings_about_is_done_by_who_recorded_it(world: World, slow: SlowCheck) -> None:
    with working(slow, _perform(world)):
        world.ask(events.RollbackRequested)
    assert split(world) == {"m-0001": 100}


def test_a_roll_back_that_nobody_lived_to_do_is_rung_for(world: World, slow: SlowCheck) -> None:
    world.ask(events.RollbackRequested)
    world.bells.rung.clear()
    assert world.app.fold.advance("m").immediate  # and here its process ends
    assert ("perform", "m") in [ring[:2] for ring in world.bells.rung]
    slow.let_go()
    world.app.doors.perform("m")
    assert split(world) == {"m-0001": 100}


def test_nothing_is_done_at_once_for_a_model_that_stands_still(world: World, slow: SlowCheck) -> None:
    world.ask(events.PauseRequested)
    world.app.fold.advance("m")
    world.ask(events.RollbackRequested)
    world.app.doors.advance("m")
    assert split(world) == {"m-0002": 100}


def test_another_model_is_served_while_one_is_flooded(world: World, slow: SlowCheck) -> None:
    world.publish("other")
    world.app.doors.advance("other")
    world.drift("other")
    with working(slow, *[_perform(world)] * PERFORMERS):
        world.app.doors.advance("other")
        assert world.app.book.read("other").inbox == ()


def test_a_person_is_heard_by_the_next_fold_whatever_waits(world: World) -> None:
    world.go_live()
    for number in range(300):
        world.drop(f"rows {number}", name=f"f{number}")
    world.ask(events.PauseRequested)
    world.app.fold.advance("m")
    assert world.head().paused


def test_a_ring_answers_a_few_folds_and_then_stands_in_line_again(world: World) -> None:
    for number in range(150):
        world.drop(f"rows {number}", name=f"f{number}")
    world.bells.rung.clear()
    world.app.doors.advance("m")
    assert world.head().appointments.checking == 5 * 20
    assert [ring[:2] for ring in world.bells.rung].count(("advance", "m")) == 1


def test_files_that_come_together_ring_once_for_the_end_of_the_quiet(world: World) -> None:
    world.publish(files=100, quiet=60)
    world.settle()
    for number in range(30):
        world.drop(f"rows {number}", name=f"f{number}")
    world.bells.rung.clear()
    world.settle()
    assert [ring for ring in world.bells.rung if ring[0] == "advance" and ring[2] > timedelta(seconds=60)] == [
        ("advance", "m", timedelta(seconds=62))
    ]


def test_nothing_is_remembered_of_a_model_that_nobody_works_for() -> None:
    lanes = Lanes(1)
    assert lanes.enter("m")
    assert not lanes.enter("m")
    assert lanes.leave("m")
    assert lanes.enter("m")
    assert not lanes.leave("m")


def test_functions_have_a_thread_for_all_that_the_host_runs_at_once(tmp_path: Path) -> None:
    queues = json.loads((PROJECT / "host.json").read_text())["extensions"]["queues"]
    triggered = 2 * (queues["batchSize"] + queues["newBatchThreshold"])
    infra = (PROJECT / "infra" / "modules" / "app.bicep").read_text()
    azure = re.search(r"'PYTHON_THREADPOOL_THREAD_COUNT', value: '(\d+)'", infra)
    assert azure is not None
    for threads in (int(azure[1]), int(stack.THREADS)):
        assert threads >= triggered + 8, "intake waits for the queues' functions"
