"""A realistic story in memory, for the pages: three models, one that waits for a person, one held, one set aside.

`python -m tests.storybook` serves it on a free port, with the sign-in key `operations-key`.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from local.daemon import LOCALHOST, wait_until
from shared import wire
from shared.settings import LOCAL_STORAGE
from shared.web.site import site
from tests.fakes.platform import Outcome
from tests.world import World, evidence

USERS = {"operations-key": "operations", "author-key": "author", "guest-key": "guest"}
TRAINED = Outcome(result={"v": 1, "metrics": {"mse_train": 2890.4, "r2_train": 0.517}})


def world_with_users(home: Path) -> World:
    """An empty world whose people can sign in."""
    (home / "users.json").write_text(json.dumps(USERS))
    return World(home)


def storied(home: Path) -> World:
    """That world with the whole story told: one model waits for approval, one was held, one failed."""
    world = world_with_users(home)
    tell(world)
    return world


def judged(value: float, champion: float, lower: float, upper: float) -> Outcome:
    """How a judge run ends, with the whole interval of the gain."""
    document: dict[str, Any] = dict(evidence(value, champion, lower=lower).result)
    return Outcome(result={**document, "rows": 88, "gain": {**document["gain"], "upper": upper}})


def tell(world: World) -> None:
    """The story: `diabetes` waits for approval, `wine` was held, `churn` failed and left a dead letter."""
    world.trainer.script["train"] = TRAINED
    for model in ("diabetes", "wine", "churn"):
        world.publish(model)
        world.settle(model)
    _held(world)
    _failed(world)
    _waiting(world)
    _ignored(world)


def _waiting(world: World) -> None:
    world.go_live("first part of the patients", model="diabetes", judged=evidence(3300.2))
    world.drop("bad rows", model="diabetes", name="clinic-b")
    world.settle("diabetes")
    world.now += timedelta(minutes=7)
    world.trainer.script["judge"] = judged(2950.1, 3300.2, 120.3, 579.5)
    world.drop("more patients", model="diabetes", name="clinic-c")
    world.settle("diabetes")
    world.now += timedelta(minutes=4)


def _held(world: World) -> None:
    world.go_live("red wine", model="wine", judged=evidence(3100.0))
    world.trainer.script["judge"] = judged(3026.6, 3100.0, -99.6, 246.4)
    world.drop("white wine", model="wine")
    world.settle("wine")
    world.now += timedelta(minutes=9)


def _failed(world: World) -> None:
    world.trainer.busy = True
    world.drop("customers of March", model="churn")
    world.wait(timedelta(minutes=12), "churn")
    world.trainer.busy = False


def _ignored(world: World) -> None:
    event = world.blob_created("housing/prices.csv", "0x1", 100)
    world.app.intake.receive(replace(event, id="unknown-model"))
    world.app.intake.receive(wire.Delivered("x", LOCAL_STORAGE, "no/blob", "Contoso.Unknown", world.now, {}))


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1 while the block runs; gives its URL."""
    listening = socket.create_server((LOCALHOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, timeout_seconds=10, what="the site did not start")
        yield f"http://{LOCALHOST}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def main() -> None:
    """Serve the story until a line or the end of standard input comes."""
    with tempfile.TemporaryDirectory() as home:
        world = storied(Path(home))
        with serving(site(world.app)) as url:
            print(f"{url}/sign-in?key=operations-key  (Enter ends it)", flush=True)
            sys.stdin.readline()


if __name__ == "__main__":
    main()
