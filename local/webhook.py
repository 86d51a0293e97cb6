"""One function's Event Grid endpoint, spoken to as Event Grid speaks.

Source of the wire format: https://learn.microsoft.com/azure/event-grid/webhook-event-delivery and the Functions host's
`/runtime/webhooks/EventGrid` (an event of the Event Grid schema goes as an array of one, a CloudEvent as an object).
"""

from __future__ import annotations

import json
import time
import uuid

import aiohttp

from local.retry import Outcome, answered
from local.wire import is_cloud_event, wire_time

ANSWER_WITHIN_SECONDS = 30


class Webhook:
    """Validates and notifies one function. `host` is the functions host's URL, `topic` the topic's resource id."""

    def __init__(
        self, session: aiohttp.ClientSession, *, host: str, function: str, subscription: str, topic: str
    ) -> None:
        self._session = session
        self._url = f"{host.rstrip('/')}/runtime/webhooks/EventGrid?functionName={function}"
        self._subscription = subscription.upper()
        self._topic = topic
        self.function = function

    async def validate(self) -> bool:
        """The handshake: does the function answer 200 with the code that it was sent?"""
        code = str(uuid.uuid4()).upper()
        try:
            status, text = await self._post(json.dumps([self._validation_event(code)]), "SubscriptionValidation")
            return status == 200 and json.loads(text).get("validationResponse") == code
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            return False

    async def notify(self, body: str, *, attempt: int) -> Outcome:
        """Send one event (its JSON text); `attempt` counts from 0. Never raises for what the other side does."""
        event = json.loads(body)
        sent = body if is_cloud_event(event) else f"[{body}]"
        kind = "application/cloudevents+json" if is_cloud_event(event) else "application/json"
        versions = {
            "aeg-data-version": str(event.get("dataVersion", "")),
            "aeg-metadata-version": str(event.get("metadataVersion", "")),
            "aeg-delivery-count": str(attempt),
            "Content-Type": f"{kind}; charset=utf-8",
        }
        try:
            status, _ = await self._post(sent, "Notification", versions)
        except TimeoutError:
            return Outcome("TimedOut")
        except aiohttp.ClientError:
            return Outcome("SocketError")
        return answered(status)

    async def _post(self, body: str, kind: str, more: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {
            "aeg-event-type": kind,
            "aeg-subscription-name": self._subscription,
            "Content-Type": "application/json; charset=utf-8",
            **(more or {}),
        }
        limit = aiohttp.ClientTimeout(total=ANSWER_WITHIN_SECONDS)
        async with self._session.post(self._url, data=body.encode(), headers=headers, timeout=limit) as answer:
            return answer.status, await answer.text(errors="replace")

    def _validation_event(self, code: str) -> dict[str, object]:
        return {
            "id": str(uuid.uuid4()),
            "topic": self._topic,
            "subject": "",
            "data": {"validationCode": code},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": wire_time(time.time_ns()),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
