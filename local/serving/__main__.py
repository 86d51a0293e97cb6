"""`python -m local.serving`: run the endpoint router until SIGTERM.

Reads BATON_HOME, BATON_ROUTER_KEY (secret of the admin routes) and BATON_DATA (without it, what is collected stays on
disk). Prints {"ready": true, "url": ...} when it answers.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.daemon import LOCALHOST, DaemonFailed, announce, home_folder, log_to_stderr, until_stopped
from local.serving.admin import MODEL, Admin
from local.serving.collect import Collection
from local.serving.connection import Connections
from local.serving.keeper import Keeper, Patience
from local.serving.messages import Limits, Reply, Request, json_reply, refusal
from local.serving.scoring import Scoring
from local.serving.state import Routes
from shared.errors import SettingsRefused
from shared.runs.environments import python_for

SAVE_SECONDS = 2.0
_SCORE = re.compile(rf"/endpoints/{MODEL}/score")


@dataclass(frozen=True, slots=True)
class Options:
    """How this router runs; `keep_servers` leaves them running when it ends."""

    home: Path
    port: int
    key: str
    start_seconds: float
    score_seconds: float
    segment_seconds: float
    keep_servers: bool


def main() -> int:
    log_to_stderr()
    try:
        _run(_options(sys.argv[1:], os.environ))
    except (SettingsRefused, DaemonFailed) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


def _run(options: Options) -> None:
    with _alone(options.home / "endpoints"), asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(options))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One router for a home: a second one would start the same servers again."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "router.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DaemonFailed(f"a router already serves {folder}.", next="use that one, or end it first") from None
        yield


def _options(arguments: list[str], environment: Mapping[str, str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m local.serving", description="Run the laptop's endpoint router.")
    parser.add_argument("--home", type=Path, default=home_folder(), help="folder of local state (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--start-seconds", type=float, default=60.0, help="limit for a server's first answer")
    parser.add_argument("--score-seconds", type=float, default=60.0, help="limit for an answer")
    parser.add_argument("--segment-seconds", type=float, default=5.0, help="age at which collected rows are sent")
    parser.add_argument("--keep-servers", action="store_true", help="leave the servers running at the end")
    known = vars(parser.parse_args(arguments))
    key = environment.get("BATON_ROUTER_KEY", "")
    if not key:
        raise SettingsRefused("BATON_ROUTER_KEY is missing.", next="start with `baton up`, which sets it")
    return Options(**{**known, "home": known["home"].resolve()}, key=key)


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: it halves the router's share of a request's time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(options: Options) -> None:
    folder = options.home / "endpoints"
    routes = Routes(folder / "routes.json")
    routes.load()
    prepare = partial(python_for, kind="serving", home=options.home)
    keeper = Keeper(routes, folder, prepare, Patience(options.start_seconds, options.score_seconds))
    collection = Collection(options.home / "scored", segment_seconds=options.segment_seconds)
    admin = Admin(routes, keeper, options.key, collection.counts)
    limits = Limits(score_seconds=options.score_seconds)
    scoring = Scoring(routes, collection.offer, limits)
    collecting = asyncio.ensure_future(collection.run())
    keeper.keep_all(routes.endpoints)
    try:
        await _listen(Connections(partial(_dispatch, scoring, admin), limits), options.port, routes)
    finally:
        await keeper.close(end_servers=not options.keep_servers)
        await routes.save()
        collection.close()
        await collecting


async def _listen(connections: Connections, port: int, routes: Routes) -> None:
    """Answer until the process is asked to end."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connections.accept, LOCALHOST, port)
    chores = [loop.create_task(connections.sweep()), loop.create_task(_save_counts(routes))]
    announce(url=f"http://{LOCALHOST}:{server.sockets[0].getsockname()[1]}")
    await until_stopped()
    server.close()
    await connections.close()
    for chore in chores:
        chore.cancel()


async def _dispatch(scoring: Scoring, admin: Admin, request: Request) -> Reply:
    if match := _SCORE.fullmatch(request.path):
        return await scoring.score(request, match["model"])
    if request.path.startswith("/admin/"):
        return await admin.handle(request)
    if request.path == "/health":
        return json_reply(200, {"ready": True})
    return refusal(404, f"there is nothing at {request.path}", next="send POST /endpoints/<model>/score")


async def _save_counts(routes: Routes) -> None:
    """What was counted is on disk after `SAVE_SECONDS`, for the router after this one."""
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        await routes.save()


if __name__ == "__main__":
    sys.exit(main())
