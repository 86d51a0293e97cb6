"""The Event Grid webhook of the host: handshake, notifications, answers.

Contract: Azure/azure-sdk-for-net, `HttpRequestProcessor.cs` and `EventGridExtensionConfigProvider.cs`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from azure.functions.meta import Datum

from local.host.invoke import Outcome

log = logging.getLogger("host.eventgrid")
Run = Callable[[Datum], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The webhook's HTTP answer."""

    status: int
    text: str = ""


def unknown_function(name: str) -> Answer:
    """The answer for a function that has no Event Grid trigger; Event Grid tries a 404 again."""
    return Answer(404, f"cannot find function: '{name}'")


async def answer(event_type: str, body: bytes, run: Run) -> Answer:
    """Answer one request. `event_type` is the header `aeg-event-type`, empty if it is missing."""
    kind = event_type.lower()
    try:
        if kind == "subscriptionvalidation":
            return Answer(200, json.dumps({"validationResponse": validation_code(json.loads(body))}))
        if kind == "notification":
            return await _notify(_events(json.loads(body)), run)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as fault:
        log.warning("the Event Grid webhook cannot read a %s: %s", event_type, fault)
        return Answer(500, f"{type(fault).__name__}: {fault}")
    return Answer(202) if kind == "unsubscribe" else Answer(400)


def validation_code(document: object) -> str:
    """The code to send back: in an array as it is, in a CloudEvent's `data` as JSON inside a string.

    >>> validation_code({"data": '{"validationCode": "c0de"}'})
    'c0de'
    """
    if isinstance(document, list):
        return str(document[0]["data"]["validationCode"])
    if isinstance(document, dict):
        data = document["data"]
        return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])
    raise ValueError(f"the request must be a JSON object or array, not {type(document).__name__}")


def _events(document: object) -> list[object]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        return [document]
    raise ValueError(f"the request must be a JSON object or array, not {type(document).__name__}")


async def _notify(events: list[object], run: Run) -> Answer:
    """One invocation per event, in parallel; one failure fails the whole request, which then comes again."""
    outcomes = await asyncio.gather(*(run(Datum(json.dumps(event, ensure_ascii=False), "json")) for event in events))
    failed = next((outcome for outcome in outcomes if not outcome.ok), None)
    return Answer(202) if failed is None else Answer(500, failed.message)
