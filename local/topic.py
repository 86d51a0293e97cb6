"""The workspace's Event Grid topic, as those who publish to it on the laptop see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from shared.errors import PlatformBusy, SettingsRefused


class Topic(Protocol):
    """Takes events."""

    def publish(
        self, subject: str, event_type: str, data: Mapping[str, object], id: str, at: datetime | None = None
    ) -> None:
        """Publish one event; raise `PlatformBusy` unless it was taken. A repeat with the same id is the same event."""
        ...


class WorkspaceTopic:
    """Publishes Event Grid events with the real client, which is imported at the first event (0.2 s)."""

    def __init__(self, url: str, key: str) -> None:
        if not url or not key:
            raise SettingsRefused(
                "BATON_WORKSPACE_TOPIC and BATON_TOPIC_KEY are not both set.",
                next="start with `baton up`, which sets them",
            )
        self._url = url
        self._key = key

    def publish(
        self, subject: str, event_type: str, data: Mapping[str, object], id: str, at: datetime | None = None
    ) -> None:
        from azure.core.credentials import AzureKeyCredential
        from azure.core.exceptions import AzureError
        from azure.eventgrid import EventGridEvent, EventGridPublisherClient

        event = EventGridEvent(subject, event_type, dict(data), "1.0", id=id, event_time=at or datetime.now(UTC))
        try:
            with EventGridPublisherClient(self._url, AzureKeyCredential(self._key)) as client:
                client.send(event, retry_total=0, connection_timeout=3, read_timeout=20)
        except AzureError as error:
            raise PlatformBusy(
                f"Event Grid did not take {event_type} {id}: {error}.", next="it is published again"
            ) from error


def topic_of(environment: Mapping[str, str]) -> WorkspaceTopic | None:
    """The topic that the environment names, or None if it names none: then nothing is published."""
    url = environment.get("BATON_WORKSPACE_TOPIC", "")
    return WorkspaceTopic(url, environment.get("BATON_TOPIC_KEY", "")) if url else None
