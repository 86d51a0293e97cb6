"""Ledgers of 0.1.0 in every waiting state, frozen: rows, blobs, rings and the platform, as its own code left them.

    .venv/bin/python -m tests.compat.frozen

writes the files of `v0.1.0/` that are not there yet; those that are there are never written again.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared import events
from shared.platforms.port import DeployRequest, RunRequest, RunSeen
from shared.storage.port import Put
from tests.compat.old import OldWorld
from tests.fakes.platform import FakeEndpoints, Outcome
from tests.world import World, evidence

PLACE = Path(__file__).parent / "v0.1.0"
BETTER = evidence(2500.0, 3000.0)
STILL_GOING = ("queued", "running")


# The states, each as people and the platform bring it about


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


# To text and back


def dump(world: World) -> dict[str, Any]:
    """Everything of a world that outlives its process."""
    endpoints: Any = world.endpoints
    return {
        "now": world.now.isoformat(),
        "rows": [[partition, key, text] for (partition, key), (text, _) in sorted(world.table.rows.items())],
        "rings": [[queue, model, after.total_seconds()] for queue, model, after in world.bells.rung],
        "blobs": [
            [container, name, base64.b64encode(content).decode(), etag]
            for (container, name), (content, etag) in sorted(world.blobs.blobs.items())
        ],
        "tags": [[container, name, tags] for (container, name), tags in sorted(world.blobs.tags.items())],
        "runs": [dataclasses.asdict(run) for run in world.trainer.started],
        "ended": [
            dataclasses.asdict(seen)
            for run in world.trainer.started
            if (seen := world.trainer.look(run.run_id)) is not None and seen.status not in STILL_GOING
        ],
        "announced": sorted(world.announced),
        "versions": [dataclasses.asdict(seen) for seen in world.registry.versions("m")],
        "deployments": [dataclasses.asdict(one) for one in endpoints._endpoints.get("m", {}).values()],
    }


def load(found: Mapping[str, Any], home: Path, **ports: Any) -> World:
    """A world of today's code with what `dump` wrote. Every scripted run that had not ended ends well from now on.

    `ports` are the fakes to use (`blobs=`, `trainer=`, ...), as `World` takes them.
    """
    world = World(home, now=datetime.fromisoformat(found["now"]), **ports)
    for partition, key, text in found["rows"]:
        world.table.write(partition, [Put(key, text)])
    world.bells.rung += [(queue, model, timedelta(seconds=after)) for queue, model, after in found["rings"]]
    for container, name, content, etag in found["blobs"]:
        world.blobs.blobs[(container, name)] = (base64.b64decode(content), etag)
    world.blobs._count = max([etag for *_, etag in found["blobs"]], default=0)
    world.blobs.tags |= {(container, name): tags for container, name, tags in found["tags"]}
    _load_platform(found, world)
    return world


def _load_platform(found: Mapping[str, Any], world: World) -> None:
    for run in found["runs"]:
        world.trainer.start(RunRequest(**run))
    for seen in found["ended"]:
        end = RunSeen(**seen)
        world.trainer.end(end.run_id, Outcome(end.status, end.reason, end.result))
    world.announced |= set(found["announced"])
    for version in found["versions"]:
        if version["run_id"]:
            world.registry.register("m", run_id=version["run_id"], tags=version["tags"])
        else:
            world.registry.register_by_hand("m", tags=version["tags"], files={})
    for one in found["deployments"]:
        _load_deployment(one, world.endpoints)
    split = {one["name"]: one["share"] for one in found["deployments"] if one["share"]}
    if split:
        world.endpoints.set_traffic("m", split, expected={})


def _load_deployment(one: Mapping[str, Any], endpoints: FakeEndpoints) -> None:
    endpoints.deploy(DeployRequest(name=one["name"], model="m", version=one["version"], folder=""))
    endpoints.count("m", one["name"], requests=one["requests"], errors=one["errors"])


def file_of(name: str) -> Path:
    """Where a state is frozen."""
    return PLACE / f"{name}.json.gz"


def thawed(name: str, home: Path, **ports: Any) -> World:
    """The world that was frozen under this name, now with today's code over these fakes, as `load` takes them."""
    return load(json.loads(gzip.decompress(file_of(name).read_bytes())), home, **ports)


def freeze() -> list[str]:
    """Write the states that are not there yet; returns their names."""
    new = [name for name in STATES if not file_of(name).exists()]
    for name in new:
        with tempfile.TemporaryDirectory() as home:
            world = OldWorld(Path(home))
            world.publish()
            world.settle()
            STATES[name](world)
            world.trainer.busy = world.registry.busy = world.endpoints.busy = False
            text = json.dumps(dump(world), separators=(",", ":"))
        file_of(name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return new


if __name__ == "__main__":
    sys.stdout.write(f"frozen: {', '.join(freeze()) or 'nothing new'}\n")
