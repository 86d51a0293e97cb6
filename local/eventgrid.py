"""An Event Grid of one's own: topics that the real client publishes to, subscriptions that call functions.

`python -m local.eventgrid --subscriptions infra/subscriptions.json --host http://127.0.0.1:7071`. Needs no Baton: the
file names topics, filters and functions; any functions host will do. An event answered with 200 is on disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web
from azure.storage.blob import BlobServiceClient

from local import deadletters
from local.daemon import LOCALHOST, announce, home_folder, log_to_stderr, until_stopped
from local.delivery import Bury, Courier, Disk
from local.eventstore import Delivery, EventStore
from local.publishing import LARGEST_BYTES, PublishRefused, authorized, error_body, events_of
from local.subscriptions import Grid, load, of_workspace
from local.webhook import Webhook

log = logging.getLogger("baton.eventgrid")


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: where the functions host is, the topics' key, where state lives, by how much time is compressed.

    `deadletters` is a storage connection string and a container, or None to drop what cannot be delivered.
    """

    host: str
    key: str
    state: Path
    compress: float = 1.0
    deadletters: tuple[str, str] | None = None
    port: int = 0


class EventGrid:
    """The HTTP side: takes events, keeps them, wakes the couriers, says how it is doing."""

    def __init__(self, grid: Grid, key: str, disk: Disk, couriers: dict[str, Courier]) -> None:
        self._grid = grid
        self._key = key
        self._disk = disk
        self._couriers = couriers

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=LARGEST_BYTES)
        app.router.add_post("/topics/{topic}/api/events", self.publish)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        return app

    async def publish(self, request: web.Request) -> web.Response:
        """Take a batch, all or none: 200 once it is on disk, 401, 404, 413 over 1 MiB, 400 for what is no event."""
        topic = request.match_info["topic"]
        if topic not in self._grid.topics:
            return _error(404, "ResourceNotFound", f"There is no topic {topic!r}.")
        if not authorized(request.headers, self._key, datetime.now(UTC)):
            return _error(401, "Unauthorized", "The aeg-sas-key or aeg-sas-token is missing or wrong.")
        try:
            events = events_of(await request.read(), request.headers.get("Content-Type", ""), self._grid.topics[topic])
        except web.HTTPRequestEntityTooLarge:
            return _error(413, "RequestEntityTooLarge", "The maximum size (1 MiB) has been exceeded.")
        except PublishRefused as refused:
            return _error(400, "BadRequest", refused.what)
        wanted = [(json.dumps(event), self._grid.wanting(topic, event)) for event in events]
        await self._disk.do(self._disk.store.accept, wanted, time.time_ns())
        for name in {name for _, names in wanted for name in names}:
            self._couriers[name].wake()
        return web.Response()

    async def health(self, _: web.Request) -> web.Response:
        """`ok` as soon as it takes events; which subscriptions have had their handshake."""
        validated = {name: courier.validated for name, courier in self._couriers.items()}
        return web.json_response({"status": "ok", "validated": validated})

    async def metrics(self, _: web.Request) -> web.Response:
        """By subscription and in all: depth, oldest_seconds, delivered, dead, dropped."""
        counts = await self._disk.do(self._disk.store.counts, time.time_ns())
        keys = ("depth", "oldest_seconds", "delivered", "dead", "dropped")
        each = {name: {key: counts.get(name, {}).get(key, 0) for key in keys} for name in self._couriers}
        total = {
            key: (max if key == "oldest_seconds" else sum)([one[key] for one in each.values()] or [0]) for key in keys
        }
        return web.json_response({**total, "subscriptions": each})


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response(error_body(status, code, message), status=status)


@asynccontextmanager
async def eventgrid(grid: Grid, options: Options) -> AsyncIterator[str]:
    """Run the emulator while the block runs; yield its URL. A second one on the same state folder is not allowed."""
    disk = Disk(EventStore(options.state / "events.sqlite"))
    forgotten = await disk.do(disk.store.keep_only, [s.name for s in grid.subscriptions])
    if forgotten:
        log.warning("deliveries to removed subscriptions forgotten count=%s", forgotten)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        couriers = _couriers(grid, options, disk, session)
        tasks = [asyncio.create_task(courier.run()) for courier in couriers.values()]
        try:
            async with _served(EventGrid(grid, options.key, disk, couriers).app(), options.port) as url:
                yield url
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    await disk.close()


def _couriers(grid: Grid, options: Options, disk: Disk, session: aiohttp.ClientSession) -> dict[str, Courier]:
    bury = _burial(*options.deadletters) if options.deadletters else None
    found = {}
    for s in grid.subscriptions:
        topic = grid.topics[s.topic]
        webhook = Webhook(session, host=options.host, function=s.function, subscription=s.name, topic=topic)
        found[s.name] = Courier(s, disk, webhook, bury=bury, compress=options.compress)
    return found


def _burial(connection: str, container: str) -> Bury:
    """Write dead letters with the ordinary client, which blocks, hence a thread. Repeating writes the same blob."""
    client = BlobServiceClient.from_connection_string(connection, retry_total=0).get_container_client(container)

    async def bury(delivery: Delivery) -> None:
        name, body = deadletters.blob_name(delivery), deadletters.blob_body(delivery)
        await asyncio.to_thread(client.upload_blob, name, body, overwrite=True)

    return bury


@asynccontextmanager
async def _served(app: web.Application, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, LOCALHOST, port)
    try:
        await site.start()
        yield f"http://{LOCALHOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _run(grid: Grid, options: Options) -> None:
    async with eventgrid(grid, options) as url:
        announce(url=url, topics={name: f"{url}/topics/{name}/api/events" for name in grid.topics})
        await until_stopped()


def main() -> None:
    """Run the emulator until SIGTERM. The topics' key is BATON_TOPIC_KEY, the dead letters' account BATON_DATA.

    BATON_WORKSPACE_SOURCE names the workspace that the topic `workspace` is of, where it is not the laptop's own.
    """
    wanted = argparse.ArgumentParser(prog="python -m local.eventgrid", description=main.__doc__)
    wanted.add_argument("--subscriptions", type=Path, default=Path("infra/subscriptions.json"))
    wanted.add_argument("--host", required=True, help="URL of the functions host")
    wanted.add_argument("--port", type=int, default=0, help="0 takes a free one")
    wanted.add_argument("--state", type=Path, default=home_folder() / "eventgrid", help="default: %(default)s")
    wanted.add_argument("--compress", type=float, default=1.0, help="divides every pause of the retry schedule")
    wanted.add_argument("--deadletters", default="deadletter", help="container for what cannot be delivered")
    given = wanted.parse_args()
    key, data = os.environ.get("BATON_TOPIC_KEY", ""), os.environ.get("BATON_DATA", "")
    if not key:
        wanted.error("BATON_TOPIC_KEY is not set; it is the key that publishers send")
    log_to_stderr()
    burial = (data, given.deadletters) if data else None
    options = Options(given.host, key, given.state, given.compress, burial, given.port)
    grid = of_workspace(load(given.subscriptions), os.environ.get("BATON_WORKSPACE_SOURCE", ""))
    asyncio.run(_run(grid, options))


if __name__ == "__main__":
    main()
