"""Events that could not be delivered, as Event Grid writes them into a container.

Source: https://learn.microsoft.com/azure/event-grid/manage-event-delivery. A blob holds an array of one event: the
original with the reason added, keys in lower case for a CloudEvent.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from local.eventstore import Delivery
from local.wire import Event, is_cloud_event, wire_time


def blob_name(delivery: Delivery) -> str:
    """`<SUBSCRIPTION>/YYYY/M/D/H/<guid>.json`, UTC, not padded. The same delivery always has the same name."""
    at = datetime.fromtimestamp(delivery.attempted_ns // 1_000_000_000, UTC)
    guid = uuid.uuid5(uuid.NAMESPACE_OID, f"{delivery.event}/{delivery.subscription}/{delivery.accepted_ns}")
    return f"{delivery.subscription.upper()}/{at.year}/{at.month}/{at.day}/{at.hour}/{guid}.json"


def blob_body(delivery: Delivery) -> bytes:
    """The blob's content."""
    event = json.loads(delivery.body)
    return json.dumps([{**event, **_reasons(delivery, event)}]).encode()


def _reasons(delivery: Delivery, event: Event) -> dict[str, object]:
    reasons: dict[str, object] = {
        "deadLetterReason": delivery.reason,
        "deliveryAttempts": delivery.attempts,
        "lastDeliveryOutcome": delivery.last.name,
        "publishTime": wire_time(delivery.accepted_ns),
        "lastDeliveryAttemptTime": wire_time(delivery.attempted_ns),
    }
    if delivery.last.status:
        reasons["lastHttpStatusCode"] = delivery.last.status
    return {key.lower(): value for key, value in reasons.items()} if is_cloud_event(event) else reasons
