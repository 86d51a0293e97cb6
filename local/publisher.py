"""Publishes events to a topic until it takes them."""

from __future__ import annotations

import asyncio
import json
import logging

import aiohttp

from local.wire import Event

log = logging.getLogger("baton.blobfront")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
AT_ONCE = 16
ANSWER_WITHIN = aiohttp.ClientTimeout(total=30)


class Publisher:
    """`topic` is the URL of a topic's `/api/events`, `key` its aeg-sas-key. An outage is two log lines, however long."""

    def __init__(self, client: aiohttp.ClientSession, topic: str, key: str) -> None:
        self._client = client
        self._topic = topic
        self._headers = {"aeg-sas-key": key, "Content-Type": "application/json"}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._refusal = ""

    async def publish(self, event: Event) -> None:
        """Return once the topic answered 200; a repeat carries the same id."""
        pause = FIRST_PAUSE_SECONDS
        while refusal := await self._try(event):
            self._note(refusal)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._note("")

    async def _try(self, event: Event) -> str:
        """Why it was not taken, or "" if it was."""
        body, version = json.dumps([event]).encode(), {"api-version": "2018-01-01"}
        try:
            async with (
                self._places,
                self._client.post(
                    self._topic, params=version, data=body, headers=self._headers, timeout=ANSWER_WITHIN
                ) as answer,
            ):
                return "" if answer.status == 200 else f"{answer.status} {(await answer.text())[:200]}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__} {error}"

    def _note(self, refusal: str) -> None:
        if refusal and not self._refusal:
            log.warning(
                "topic takes no events, they are kept and published again topic=%s why=%r", self._topic, refusal
            )
        elif self._refusal and not refusal:
            log.info("topic takes events again topic=%s", self._topic)
        self._refusal = refusal
