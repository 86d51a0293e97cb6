"""Claims: of processes that died or stalled, and of workers whose clocks disagree."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import events
from shared.platforms.port import RunRequest
from shared.storage.port import Replace
from tests.fakes.platform import FakeTrainer, Outcome
from tests.fakes.trapped import Crash
from tests.histories.oracle import check_rows
from tests.world import World

FIVE_MINUTES = timedelta(minutes=5)
SKEWS = (-FIVE_MINUTES, timedelta(0), FIVE_MINUTES)


class StallingTrainer(FakeTrainer):
    """Does something, which may take long, before it starts a run."""

    meanwhile: Callable[[], object] | None = None
    asked = 0

    def start(self, request: RunRequest) -> None:
        self.asked += 1
        first, self.meanwhile = self.meanwhile, None
        if first is not None:
            first()
        super().start(request)


@pytest.fixture
def stalling(world: World) -> StallingTrainer:
    """A world about to start a training run on a platform that may stall."""
    trainer = StallingTrainer(world.trainer.script)
    trainer.script["train"] = Outcome("running")
    world.trainer = trainer
    world.restart()
    world.drop("rows")
    world.app.fold.advance("m")
    assert world.app.performer.perform("m") == 1
    return trainer


def _answers(world: World, kind: str) -> list[str]:
    lines = [json.loads(line) for line in world.app.book.journal("m")]
    return [line["answer"] for line in lines if line["event"]["kind"] == kind]


def _die() -> None:
    raise Crash


@pytest.mark.parametrize("mine", SKEWS)
@pytest.mark.parametrize("theirs", SKEWS)
def test_no_clock_makes_a_worker_take_a_live_claim(
    world: World, stalling: StallingTrainer, mine: timedelta, theirs: timedelta
) -> None:
    other = world.worker(skew=theirs)

    def the_other_works() -> None:
        world.now += timedelta(seconds=85)
        other.performer.perform("m")

    stalling.meanwhile = the_other_works
    world.worker(skew=mine).performer.perform("m")

    assert stalling.asked == 1
    assert _answers(world, "RunStarted") == ["taken"]


@pytest.mark.parametrize("mine", SKEWS)
@pytest.mark.parametrize("theirs", SKEWS)
def test_no_clock_keeps_a_worker_from_the_claim_of_one_that_died(
    world: World, stalling: StallingTrainer, mine: timedelta, theirs: timedelta
) -> None:
    stalling.meanwhile = _die
    with pytest.raises(Crash):
        world.worker(skew=mine).performer.perform("m")
    world.now += timedelta(seconds=90)

    assert world.worker(skew=theirs).performer.perform("m") >= 1

    assert [run.run_id for run in stalling.started] == ["m-0001-t-1"]
    assert _answers(world, "RunStarted") == ["taken"]


def test_the_outcome_of_a_claim_that_was_lost_is_not_recorded(world: World, stalling: StallingTrainer) -> None:
    other = world.worker()

    def stall_beyond_the_lease() -> None:
        world.now += timedelta(seconds=91)
        assert other.performer.perform("m") == 1

    stalling.meanwhile = stall_beyond_the_lease

    assert world.app.performer.perform("m") == 0
    assert [run.run_id for run in stalling.started] == ["m-0001-t-1"]
    assert _answers(world, "RunStarted") == ["taken"]
    check_rows(world)


def test_a_failure_of_a_claim_that_was_lost_uses_up_no_try(world: World, stalling: StallingTrainer) -> None:
    other = world.worker()

    def stall_and_fail() -> None:
        world.now += timedelta(seconds=91)
        stalling.meanwhile = _die
        with pytest.raises(Crash):
            other.performer.perform("m")
        raise OSError("the connection broke")

    stalling.meanwhile = stall_and_fail
    world.app.performer.perform("m")

    (waiting,) = [command for command, _, _ in world.app.book.commands("m") if command.kind == "start_run"]
    assert (waiting.tries, waiting.claimed_until) == (0, world.now + timedelta(seconds=90))


def test_a_worker_that_stalled_between_claim_and_effect_leaves_the_effect_to_others(
    world: World, stalling: StallingTrainer
) -> None:
    class Stalls:
        def __init__(self, table: Any) -> None:
            self._table = table

        def __getattr__(self, name: str) -> Any:
            return getattr(self._table, name)

        def write(self, partition: str, writes: Any) -> Any:
            answer = self._table.write(partition, writes)
            world.now += timedelta(seconds=100)
            return answer

    slow = world.worker(through=lambda role, port: Stalls(port) if role == "table" else port)

    assert slow.performer.perform("m") == 0
    assert stalling.asked == 0
    assert world.app.performer.perform("m") == 2


@pytest.mark.parametrize("skew", [-FIVE_MINUTES, FIVE_MINUTES])
def test_a_deadline_is_told_by_storages_clock_whatever_the_workers_say(world: World, skew: timedelta) -> None:
    world.drop("rows")
    world.settle()
    asked = world.release("m-0001")
    assert asked.state == "awaiting approval"
    assert asked.deadline is not None
    worker = world.worker(skew=skew)

    world.now = asked.deadline - timedelta(seconds=10)
    worker.fold.advance("m")
    assert world.states() == {"m-0001": "awaiting approval"}
    world.now = asked.deadline
    worker.fold.advance("m")
    assert world.states() == {"m-0001": "expired"}


@pytest.mark.parametrize("skew", [-FIVE_MINUTES, FIVE_MINUTES])
def test_what_is_asked_again_comes_when_it_is_due_whatever_the_workers_say(
    world: World, stalling: StallingTrainer, skew: timedelta
) -> None:
    world.settle()
    worker = world.worker(skew=skew)
    looks: list[datetime] = []
    look = stalling.look
    stalling.look = lambda run_id: (looks.append(world.now), look(run_id))[1]  # type: ignore[method-assign]

    begun = world.now
    for _ in range(41):
        world.now += timedelta(seconds=1)
        worker.performer.perform("m")

    assert [round((at - begun).total_seconds()) for at in looks] == [20, 40]


def test_a_row_of_yesterday_without_storages_times_goes_by_its_claim(world: World) -> None:
    world.table.clock = None
    world.drop("rows")
    world.app.fold.advance("m")
    key = next(key for partition, key in world.table.rows if partition == "m" and key.startswith("!3out:"))
    body, etag = world.table.rows["m", key]
    held = {**json.loads(body), "claimed_until": (world.now + timedelta(seconds=30)).isoformat()}
    world.table.rows["m", key] = (json.dumps(held), etag)

    assert world.app.performer.perform("m") == 0
    world.now += timedelta(seconds=31)
    assert world.app.performer.perform("m") == 1
    assert _answers(world, events.FileAccepted.__name__) == ["taken"]


@pytest.mark.parametrize("said", [-FIVE_MINUTES, timedelta(0), timedelta(days=365)])
def test_what_a_claim_says_of_its_end_is_for_people_its_age_decides(world: World, said: timedelta) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    row = world.table.page("m", "!3out:", "!4early:", 1)[0]
    held = {**json.loads(row.body), "claimed_until": (world.now + said).isoformat()}
    world.table.write("m", [Replace(row.key, json.dumps(held), row.etag)])

    world.now += timedelta(seconds=89)
    assert world.app.performer.perform("m") == 0
    world.now += timedelta(seconds=1)
    assert world.app.performer.perform("m") == 1
