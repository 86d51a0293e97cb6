"""Every waiting state of a ledger of 0.1.0, each as people and the platform bring it about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from shared import events
from tests.compat.old import OldWorld
from tests.fakes.platform import Outcome
from tests.world import evidence

BETTER = evidence(2500.0, 3000.0, v=1)


def _running(step: str, status: str = "running") -> Callable[[OldWorld], None]:
    def bring(world: OldWorld) -> None:
        world.trainer.script[step] = Outcome(status)  # type: ignore[arg-type]
        world.drop("rows")
        world.settle()

    return bring


def _while_busy(role: str, state: str) -> Callable[[OldWorld], None]:
    """The platform's role answers again only after the ledger was frozen."""

    def bring(world: OldWorld) -> None:
        world.drop("rows")
        getattr(world, role).busy = True
        world.settle()
        assert world.states() == {"m-0001": state}, world.states()

    return bring


def _inbox(world: OldWorld) -> None:
    world.drop("rows")


def _file_to_check(world: OldWorld) -> None:
    world.drop("rows")
    world.app.fold.advance("m")


def _run_to_start(world: OldWorld) -> None:
    _file_to_check(world)
    world.app.performer.perform("m")
    world.app.fold.advance("m")
    assert world.states() == {"m-0001": "training"}
    assert not world.trainer.started


def _claimed(world: OldWorld) -> None:
    _file_to_check(world)
    ((command, key, etag),) = world.app.book.commands("m")
    assert world.app.book.claim("m", command, key, etag, world.now + timedelta(seconds=90))


def _tried(world: OldWorld) -> None:
    world.trainer.busy = True
    world.drop("rows")
    world.settle()
    world.wait(timedelta(seconds=10), step=timedelta(seconds=5))
    assert max(command.tries for command, _, _ in world.app.book.commands("m")) > 1


def _asked(world: OldWorld) -> None:
    world.drop("rows")
    world.settle()


def _staging(world: OldWorld) -> None:
    world.endpoints.states["m-0001"] = "starting"
    _asked(world)


def _rolling(percent: int) -> Callable[[OldWorld], None]:
    """A second version on its way, with so much of the traffic."""

    def bring(world: OldWorld) -> None:
        world.go_live()
        world.trainer.script["judge"] = BETTER
        world.drop("more rows")
        world.settle()
        world.decide("m-0002")
        for _ in range(40):
            seen = world.endpoints.look("m")
            if seen and seen.split.get("m-0002", 0) == percent:
                break
            world.wait(timedelta(seconds=10), step=timedelta(seconds=10))
        assert world.release("m-0002").state == "rolling out"

    return bring


def _ready_behind_one_that_rolls_out(world: OldWorld) -> None:
    _rolling(10)(world)
    world.drop("still more rows")
    world.settle()
    assert world.release("m-0003").ready


def _taken_back(world: OldWorld) -> None:
    _rolling(10)(world)
    world.endpoints.count("m", "m-0002", requests=50, errors=50)
    world.now += timedelta(seconds=40)
    for _ in range(8):
        if world.release("m-0002").moving == "back":
            break
        world.app.fold.advance("m")
        if not world.release("m-0002").moving:
            world.app.performer.perform("m")
    world.endpoints.busy = True
    world.app.performer.perform("m")
    assert world.release("m-0002").moving == "back", world.release("m-0002")


def _live_with_a_warm_one(world: OldWorld) -> None:
    world.go_live()
    world.go_live("more rows", judged=BETTER)
    assert world.head().previous


def _rolled_back_half_way(world: OldWorld) -> None:
    _live_with_a_warm_one(world)
    world.endpoints.busy = True
    world.ask(events.RollbackRequested)
    world.settle()
    assert world.head().rollback


def _paused(world: OldWorld) -> None:
    world.go_live()
    world.ask(events.PauseRequested)
    world.settle()
    world.drop("more rows")
    world.settle()


def _early(world: OldWorld) -> None:
    world.registry.busy = True
    world.drop("rows")
    world.settle()
    world.register_by_hand()
    world.settle()
    assert world.head().early == 1


def _basket(world: OldWorld) -> None:
    world.publish(files=5, quiet=600)
    world.settle()
    world.drop("rows")
    world.settle()
    assert world.head().basket.rows == 100


def _dead_event(world: OldWorld) -> None:
    world.accept("m", events.ModelPublished(id="0" * 32, at=world.now, by="author", folder="gone"))
    for _ in range(4):
        world.app.fold.advance("m")
    assert [body["kind"] for _, body in world.app.book.dead("m")] == ["event"]


def _dead_command(world: OldWorld) -> None:
    world.trainer.busy = True
    world.drop("rows")
    world.wait(timedelta(minutes=10))
    assert "command" in [body["kind"] for _, body in world.app.book.dead("m")]


def _dead_ring(world: OldWorld) -> None:
    details = {"kind": "poison", "queue": "advance", "why": "failed every time", "at": world.now.isoformat()}
    world.app.book.bury("m", "poison-advance", details)


def _held(world: OldWorld) -> None:
    world.go_live()
    world.drop("more rows")
    world.settle()


STATES: Mapping[str, Callable[[OldWorld], None]] = {
    "inbox-undecided": _inbox,
    "command-due": _file_to_check,
    "command-claimed": _claimed,
    "command-tried": _tried,
    "basket-waiting": _basket,
    "training-to-start": _run_to_start,
    "training-queued": _running("train", "queued"),
    "training-running": _running("train"),
    "judging-to-observe": _while_busy("endpoints", "judging"),
    "judging-running": _running("judge"),
    "registering": _while_busy("registry", "registering"),
    "certifying-running": _running("certify"),
    "staging-deploying": _staging,
    "staging-ready": _ready_behind_one_that_rolls_out,
    "awaiting-approval": _asked,
    "rolling-out-10": _rolling(10),
    "rolling-out-50": _rolling(50),
    "rolling-out-100": _rolling(100),
    "rolling-out-back": _taken_back,
    "rollback-under-way": _rolled_back_half_way,
    "live-warm": _live_with_a_warm_one,
    "held": _held,
    "paused": _paused,
    "early": _early,
    "dead-event": _dead_event,
    "dead-command": _dead_command,
    "dead-ring": _dead_ring,
}
