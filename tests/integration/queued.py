"""Messages of a queue as they lie in it."""

from __future__ import annotations

import base64
from contextlib import suppress

from azure.storage.queue import QueueClient


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def waiting(client: QueueClient) -> list[str]:
    """The raw messages that are in a queue and visible; none if it does not exist."""
    with suppress(Exception):
        return [str(message.content) for message in client.peek_messages(32)]
    return []
