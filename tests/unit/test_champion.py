"""The champion is what serves, and the registry must agree: it is told at going live, asked each time, and believed against no one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.state import Champion
from tests.world import World, evidence


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One model, published, with version 1 live."""
    world = World(tmp_path)
    world.publish()
    world.settle()
    world.go_live()
    world.settle()
    return world


def champion(world: World) -> Champion:
    """What the ledger calls champion."""
    found = world.head().champion
    assert found is not None
    return found


def notices(world: World) -> str:
    """All that people were told."""
    return "".join(path.read_text() for path in sorted((world.home / "notices").rglob("*")) if path.is_file())


def another_is_named(world: World) -> str:
    """Somebody registers version 2 and names it champion, while version 1 serves."""
    version = world.registry.register_by_hand("m", tags={}, files={})
    world.registry.champions["m"] = version
    return version


def look(world: World) -> None:
    """Something was deployed, so what serves is asked."""
    world.accept("m", events.ModelDeployed(id=f"d{world.now.isoformat()}", at=world.now, service="m"))
    world.settle()


def test_what_goes_live_is_named_champion_in_the_registry(world: World) -> None:
    assert world.registry.champions == {"m": "1"}
    assert champion(world).named
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    assert world.registry.champions == {"m": "2"}


def test_what_a_roll_back_brings_back_is_named_again(world: World) -> None:
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.ask(events.RollbackRequested)
    world.settle()
    assert (champion(world).version, world.registry.champions) == ("1", {"m": "1"})


def test_a_step_of_a_roll_out_names_nothing(world: World) -> None:
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    assert world.endpoints.look("m").split == {"m-0001": 90, "m-0002": 10}  # type: ignore[union-attr]
    assert world.registry.champions == {"m": "1"}


def test_a_registry_that_names_another_version_holds_the_release_and_tells_both(world: World) -> None:
    other = another_is_named(world)
    world.drop("more rows")
    world.settle()
    held = world.release("m-0002")
    assert (held.state, held.why) == (
        "held",
        f"the endpoint serves version 1, the registry names version {other} as champion",
    )
    assert "docs/runbook.md#champion-in-doubt" in held.next
    assert held.why in notices(world)
    assert not [run for run in world.trainer.started if run.step == "judge" and run.run_id.startswith("m-0002")]
    assert champion(world).version == "1"


def test_once_they_agree_again_a_retry_goes_on(world: World) -> None:
    another_is_named(world)
    world.drop("more rows")
    world.settle()
    world.registry.champions["m"] = "1"
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.ask(events.RetryRequested, release="m-0002")
    world.settle()
    assert world.states()["m-0003"] == "awaiting approval"


def test_a_doubt_after_the_approval_keeps_the_traffic_as_it_is(world: World) -> None:
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    another_is_named(world)
    world.decide("m-0002")
    world.settle()
    assert world.release("m-0002").state == "held"
    assert world.endpoints.look("m").split == {"m-0001": 100}  # type: ignore[union-attr]


def test_a_version_that_the_registry_does_not_hold_is_in_doubt(world: World) -> None:
    world.registry._versions["m"].clear()
    world.drop("more rows")
    world.settle()
    assert world.release("m-0002").why == "the endpoint serves version 1, which the registry does not hold"


def test_a_registry_that_names_none_is_no_doubt(world: World) -> None:
    world.registry.champions.clear()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    assert world.states()["m-0002"] == "awaiting approval"


def test_a_registry_that_does_not_answer_is_no_agreement(world: World) -> None:
    world.drop("more rows")
    world.until("judging", release="m-0002")
    world.registry.busy = True
    world.wait(timedelta(minutes=20))
    held = world.release("m-0002")
    assert (held.state, held.why.partition(":")[0]) == ("held", "what serves could not be read")


def test_what_could_not_be_named_at_going_live_is_named_when_it_is_next_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    world.settle()
    world.drop("rows")
    world.settle()
    world.decide("m-0001")
    world.settle()
    world.registry.busy = True
    world.wait(timedelta(minutes=20))
    assert (world.states(), champion(world).named, world.registry.champions) == ({"m-0001": "live"}, False, {})
    world.registry.busy = False
    look(world)
    assert (champion(world).named, world.registry.champions) == (True, {"m": "1"})


def test_a_doubt_without_a_release_is_an_alarm_and_changes_nothing(world: World) -> None:
    other = another_is_named(world)
    before = champion(world)
    look(world)
    assert champion(world) == before
    assert f"the registry names version {other} as champion" in notices(world)
    assert world.registry.champions == {"m": other}


def test_a_doubt_is_told_once_until_it_is_another_or_comes_back(world: World) -> None:
    said = '"what": "champion in doubt"'
    other = another_is_named(world)
    for _ in range(3):
        world.wait(timedelta(minutes=1))
        look(world)
    assert notices(world).count(said) == 1
    for named, times in (("1", 1), (other, 2)):
        world.registry.champions["m"] = named
        world.wait(timedelta(minutes=1))
        look(world)
        assert notices(world).count(said) == times


def test_what_somebody_else_put_in_its_place_is_not_named_by_us(world: World) -> None:
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.endpoints.set_traffic("m", {"m-0001": 100}, expected={"m-0002": 100})
    look(world)
    assert (champion(world).version, world.registry.champions) == ("1", {"m": "2"})
    assert "the endpoint serves version 1, the registry names version 2 as champion" in notices(world)


def test_an_endpoint_that_serves_nothing_against_a_named_champion_is_in_doubt(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    world.settle()
    another_is_named(world)
    world.drop("rows")
    world.settle()
    assert world.release("m-0001").why == "the endpoint serves nothing, the registry names version 1 as champion"
