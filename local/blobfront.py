"""Stands in front of Azurite's blob service and raises the BlobCreated events that Azurite does not.

`python -m local.blobfront --upstream http://127.0.0.1:10000/devstoreaccount1 --topic URL`, with BATON_TOPIC_KEY set.
Clients use its address as their blob endpoint. Every blob that is made raises an event, whatever its container, as in
Azure; subscriptions choose. An event is published at least once, whenever the front is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import os
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import web
from azure.core.exceptions import AzureError
from azure.storage.blob.aio import BlobServiceClient

from local import relay
from local.azurite import KEY
from local.blobwrites import Made, Write, blob_created, made_by_put, write_of
from local.daemon import LOCALHOST, announce, free_port, home_folder, log_to_stderr, until_stopped
from local.intents import Intent, IntentLog
from local.lookup import Lookup
from local.publisher import Publisher
from local.wire import Event

log = logging.getLogger("baton.blobfront")

LOOK_AFTER_SECONDS = (0.0, 1.0, 4.0)
"""A write that was cut off may still be under way behind us: when to look for its blob before believing that there is none."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: the blob service behind with its account and key, the topic with its key, where intents are kept."""

    upstream: str
    account_key: str
    topic: str
    topic_key: str
    intents: Path
    port: int = 0


class BlobFront:
    """Forwards everything; of the requests that make a blob it keeps the intent, and sees to the event."""

    def __init__(
        self, relay: relay.Relay, intents: IntentLog, lookup: Lookup, publisher: Publisher, endpoint: str
    ) -> None:
        self._relay = relay
        self._intents = intents
        self._lookup = lookup
        self._publisher = publisher
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._endpoint = endpoint

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of a storage client."""
        write = write_of(request.method, request.raw_path, request.headers)
        try:
            if write:
                return await self._write(request, write)
            return await self._relay.reply(request, await self._relay.ask(request))
        except (relay.RelayBroken, aiohttp.ClientError, OSError) as error:
            log.warning("request not carried through method=%s why=%r", request.method, str(error)[:300])
            return relay.busy(b"The blob service did not answer.")

    async def _write(self, request: web.BaseRequest, write: Write) -> web.StreamResponse:
        """Writes of one name take turns, so that their numbers grow in the order in which they took effect."""
        turn = self._turns.setdefault(write.name, asyncio.Lock())
        async with turn:
            intent = await self._intents.begin(write)
            try:
                answer = await self._relay.ask(request)
            except relay.RelayBroken:
                self._spawn(self._look_up(intent))
                raise
            try:
                return await self._relay.reply(request, answer)
            finally:
                await self._settle(intent, request, answer)

    async def _settle(self, intent: Intent, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> None:
        """The answer says whether there is a blob: see to its event, or forget the intent. 5xx says neither."""
        if 300 <= answer.status < 500:
            self._intents.done(intent)
        elif answer.status < 300 and (made := await self._made(intent, request, answer)):
            self._raise_event(intent, made, answer.headers.get("x-ms-request-id", ""))
        else:
            self._spawn(self._look_up(intent))

    async def _made(self, intent: Intent, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> Made | None:
        """What the write made. The ETag is the answer's; the rest is what stands there now, its turn not yet over."""
        known = made_by_put(request.headers, answer.headers) if intent.write.api == "PutBlob" else None
        if known:
            return known
        try:
            found = await self._lookup.since(intent.write, intent.at_ns)
        except AzureError:
            return None
        return found and dataclasses.replace(found, etag=answer.headers.get("ETag", found.etag).strip('"'))

    def recover(self) -> None:
        """See to what an earlier run left open."""
        for intent in self._intents.unfinished():
            log.info("unfinished write found api=%s blob=%s", intent.write.api, intent.write.name)
            self._spawn(self._publish(intent, intent.event) if intent.event else self._look_up(intent))

    async def _look_up(self, intent: Intent) -> None:
        for pause in LOOK_AFTER_SECONDS:
            await asyncio.sleep(pause)
            if made := await self._lookup.until_answered(intent.write, intent.at_ns):
                return self._raise_event(intent, made, str(uuid.uuid5(uuid.NAMESPACE_OID, str(intent.number))))
        log.info("unfinished write made no blob api=%s blob=%s", intent.write.api, intent.write.name)
        self._intents.done(intent)

    def _raise_event(self, intent: Intent, made: Made, request_id: str) -> None:
        event = blob_created(
            intent.write,
            made,
            request_id=request_id,
            number=intent.number,
            endpoint=self._endpoint,
            at_ns=intent.at_ns,
        )
        self._intents.happened(intent, event)
        self._spawn(self._publish(intent, event))

    async def _publish(self, intent: Intent, event: Event) -> None:
        await self._publisher.publish(event)
        self._intents.done(intent)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop what is in the background; the log has it, and the next run goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def blobfront(options: Options) -> AsyncIterator[str]:
    """Run the front while the block runs; yield its endpoint, the account in it."""
    behind, account = options.upstream.rstrip("/").rsplit("/", 1)
    credential = {"account_name": account, "account_key": options.account_key}
    intents = IntentLog(options.intents)
    port = options.port or free_port()
    endpoint = f"http://{LOCALHOST}:{port}/{account}"
    async with relay.session() as client, BlobServiceClient(options.upstream, credential, retry_total=0) as service:
        publisher = Publisher(client, options.topic, options.topic_key)
        front = BlobFront(relay.Relay(client, behind), intents, Lookup(service), publisher, endpoint)
        try:
            async with relay.served(front.handle, port):
                front.recover()
                yield endpoint
        finally:
            await front.close()
            await intents.close()


async def _run(options: Options) -> None:
    async with blobfront(options) as endpoint:
        announce(url=endpoint)
        await until_stopped()


def main() -> None:
    """Run the front until SIGTERM. The topic's key is BATON_TOPIC_KEY."""
    wanted = argparse.ArgumentParser(prog="python -m local.blobfront", description=main.__doc__)
    wanted.add_argument("--upstream", required=True, help="Azurite's blob endpoint, the account in it")
    wanted.add_argument("--account-key", default=KEY, help="default: the emulators' public key")
    wanted.add_argument("--topic", required=True, help="URL of the topic that takes BlobCreated")
    wanted.add_argument("--intents", type=Path, default=home_folder() / "blobfront" / "intents.jsonl")
    wanted.add_argument("--port", type=int, default=0, help="0 takes a free one")
    given = wanted.parse_args()
    key = os.environ.get("BATON_TOPIC_KEY", "")
    if not key:
        wanted.error("BATON_TOPIC_KEY is not set; it is the topic's key")
    log_to_stderr()
    asyncio.run(_run(Options(given.upstream, given.account_key, given.topic, key, given.intents, given.port)))


if __name__ == "__main__":
    main()
