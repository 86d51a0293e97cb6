"""What performing costs in storage calls, counted at the ports by kind."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, Literal

from shared import events
from shared.table.system import SYSTEM
from tests.fakes.platform import Outcome
from tests.fakes.trapped import Call, trapped
from tests.world import World

STORAGE = ("table", "bells")
ALL_MODELS = f"table.page {SYSTEM}"


def _performed(world: World, model: str = "m") -> tuple[int, Counter[str]]:
    """One answer to the doorbell by a process that rang a moment ago: how many commands it answered, its calls by kind."""
    calls: Counter[str] = Counter()

    def count(when: Literal["before", "after"], call: Call) -> None:
        if when == "before":
            told = call.role == "bells" or call.given[0] == SYSTEM
            calls[f"{call} {call.given[0]}" if told else str(call)] += 1

    def counted(role: str, port: Any) -> Any:
        return trapped(port, role, count) if role in STORAGE else port

    performer = world.worker(through=counted).performer
    performer.perform("nobody")
    calls.clear()
    done = performer.perform(model)
    assert calls[ALL_MODELS] == 0
    return done, calls


def _drops(world: World, how_many: int) -> None:
    for number in range(how_many):
        world.drop(f"rows {number}", name=f"f{number}")
    while world.app.fold.advance("m").more:
        pass


def test_one_command_takes_four_storage_calls_and_the_ring_of_its_fold(world: World) -> None:
    _drops(world, 1)

    done, calls = _performed(world)

    assert done == 1
    assert calls == {"table.page": 2, "table.write": 2, "bells.ring perform": 1}


def test_eight_commands_take_fewer_than_four_each(world: World) -> None:
    world.publish(files=20, quiet=86400)
    _drops(world, 8)

    done, calls = _performed(world)

    assert done == 8
    assert calls == {"table.page": 1 + 8, "table.write": 2 * 8, "bells.ring perform": 8}


def test_bytes_that_are_known_take_the_reading_of_their_number_besides(world: World) -> None:
    world.drop("the same", name="first")
    world.settle()
    world.drop("the same", name="second")
    world.app.fold.advance("m")

    done, calls = _performed(world)

    assert done == 1
    assert calls == {"table.page": 3, "table.write": 3, "table.get": 2, "bells.ring perform": 1}


def test_a_ring_with_nothing_to_do_takes_one_call(world: World) -> None:
    assert _performed(world) == (0, Counter({"table.page": 1}))


def test_a_flooded_inbox_takes_one_call_more_for_the_whole_ring(world: World) -> None:
    _drops(world, 1)
    for number in range(100):
        world.drop(f"more rows {number}", name=f"g{number}")

    done, calls = _performed(world)

    assert (done, calls["table.page"], calls["table.write"]) == (1, 3, 2)


def test_what_only_asks_takes_its_claim_its_giving_back_and_one_ring(world: World) -> None:
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.settle()
    world.now += timedelta(seconds=21)

    done, calls = _performed(world)

    assert done == 0
    assert calls - Counter({"table.get": 1}) == {"table.page": 1, "table.write": 2, "bells.ring perform": 1}


def test_a_paused_model_takes_one_call_whatever_waits(world: World) -> None:
    _drops(world, 12)
    world.ask(events.PauseRequested)
    world.app.fold.advance("m")

    assert _performed(world) == (0, Counter({"table.page": 1}))


def test_what_concerns_all_models_is_read_once_a_second_in_a_process(world: World) -> None:
    calls: Counter[str] = Counter()

    def count(when: Literal["before", "after"], call: Call) -> None:
        calls[str(call.given[0])] += when == "before"

    performer = world.worker(
        through=lambda role, port: trapped(port, role, count) if role == "table" else port
    ).performer
    for _ in range(100):
        performer.perform("m")
    assert calls == {SYSTEM: 1, "m": 100}

    world.now += timedelta(seconds=1)
    performer.perform("m")
    assert calls[SYSTEM] == 2
