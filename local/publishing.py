"""What a topic takes from a publisher, as the real topic endpoint does: who may, what is valid, what it adds. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import parse_qs, quote

from local.wire import Event, is_cloud_event
from shared.errors import Permanent

LARGEST_BYTES = 1024 * 1024
_EVENT_GRID_KEYS = ("id", "subject", "eventType", "eventTime")
_CLOUD_KEYS = ("id", "source", "type")


class PublishRefused(Permanent):
    """The request's body is not what a topic takes."""


def authorized(headers: Mapping[str, str], key: str, now: datetime) -> bool:
    """Does the request carry the topic's key (`aeg-sas-key`) or a living token signed with it (`aeg-sas-token`)?"""
    if "aeg-sas-key" in headers:
        return hmac.compare_digest(headers["aeg-sas-key"].encode(), key.encode())
    return _token_holds(headers.get("aeg-sas-token", ""), key, now)


def _token_holds(token: str, key: str, now: datetime) -> bool:
    """`r=<resource>&e=<expiry>&s=<signature>`, as `azure.eventgrid.generate_sas` makes it; the key is base64."""
    signed, _, signature = token.partition("&s=")
    try:
        secret = base64.b64decode(key, validate=True)
        expires = datetime.fromisoformat(parse_qs(signed)["e"][0])
    except (KeyError, ValueError, binascii.Error):
        return False
    expected = base64.b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).decode()
    living = (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) > now
    return living and hmac.compare_digest(signature, quote(expected, safe=""))


def events_of(body: bytes, content_type: str, topic: str) -> list[Event]:
    """The events of a request, as they will be delivered: the Event Grid schema gets `topic` and `metadataVersion`.

    `topic` is the resource id. Raise `PublishRefused` if any event is wrong; then none is taken.
    """
    found = _parsed(body)
    events = found if isinstance(found, list) else [found]
    if "cloudevents" in content_type.lower():
        return [_cloud_event(event) for event in events]
    if "json" not in content_type.lower():
        _refuse(f"content type {content_type!r} is neither application/json nor application/cloudevents-batch+json")
    if not isinstance(found, list):
        _refuse("the body must be an array of events")
    return [
        _cloud_event(e) if isinstance(e, dict) and is_cloud_event(e) else _event_grid_event(e, topic) for e in events
    ]


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=lambda name: _refuse(f"{name} is not JSON"))
    except (ValueError, RecursionError) as error:
        _refuse(f"the body is not JSON: {error}")


def _event_grid_event(event: object, topic: str) -> Event:
    checked = _with_texts(event, _EVENT_GRID_KEYS)
    if not isinstance(checked.get("dataVersion"), str):
        _refuse("dataVersion is missing or no text")
    if str(checked.get("topic") or topic).lower() != topic.lower():
        _refuse(f"topic {checked['topic']!r} is not this topic")
    _check_time(str(checked["eventTime"]))
    return {**checked, "topic": topic, "metadataVersion": "1"}


def _cloud_event(event: object) -> Event:
    checked = _with_texts(event, _CLOUD_KEYS)
    if checked.get("specversion") != "1.0":
        _refuse(f"specversion is {checked.get('specversion')!r}, must be '1.0'")
    if checked.get("time"):
        _check_time(str(checked["time"]))
    return checked


def _with_texts(event: object, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(event, dict):
        _refuse(f"an event is {type(event).__name__}, must be an object")
    for key in keys:
        if not isinstance(event.get(key), str) or not event[key]:
            _refuse(f"{key} is missing, empty or no text")
    return event


def _check_time(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        _refuse(f"time {text!r} is not ISO 8601")


def _refuse(what: str) -> NoReturn:
    raise PublishRefused(what, next="send what the azure-eventgrid client sends")


def error_body(status: int, code: str, message: str) -> dict[str, object]:
    """The body of an error answer, in the service's own form."""
    return {
        "error": {"code": code, "message": message, "details": [{"code": code, "message": message}], "status": status}
    }
