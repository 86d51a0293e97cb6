"""Publishes events to a topic until it takes them."""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from local.wire import Event

log = logging.getLogger("baton.blobfront")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Publisher:
    """`topic` is the URL of a topic's `/api/events`, `key` its aeg-sas-key."""

    def __init__(self, client: aiohttp.ClientSession, topic: str, key: str) -> None:
        self._client = client
        self._topic = topic
        self._key = key

    async def publish(self, event: Event) -> None:
        """Return once the topic answered 200; a repeat carries the same id."""
        pause = FIRST_PAUSE_SECONDS
        while refusal := await self._try(event):
            log.warning("event not published, again soon subject=%s why=%r", event["subject"], refusal)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _try(self, event: Event) -> str:
        """Why it was not taken, or "" if it was."""
        limit = aiohttp.ClientTimeout(total=30)
        headers = {"aeg-sas-key": self._key}
        try:
            async with self._client.post(
                self._topic, params={"api-version": "2018-01-01"}, json=[event], headers=headers, timeout=limit
            ) as answer:
                return "" if answer.status == 200 else f"{answer.status} {(await answer.text())[:200]}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__} {error}"
