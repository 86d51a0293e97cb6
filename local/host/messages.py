"""A storage queue as the host sees it: raw messages, each decoded by itself.

The SDK's own base64 policy decodes a whole batch, so one foreign message would block all others.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient


@dataclass(frozen=True, slots=True)
class Received:
    """A received message. `raw` is the text as it lies in the queue; `receipt` is valid for one lease."""

    id: str
    raw: str
    receipt: str
    dequeue_count: int
    inserted: datetime | None
    expires: datetime | None
    next_visible: datetime | None


class StorageQueue:
    """One queue of an account. A queue that does not exist is empty; what is gone already is fine to delete."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    @property
    def name(self) -> str:
        """The queue's name."""
        return str(self._client.queue_name)

    def poison(self, service: QueueServiceClient) -> StorageQueue | None:
        """The queue for messages that failed too often; a poison queue has none of its own."""
        name = f"{self.name}-poison"
        return None if self.name.endswith("-poison") else StorageQueue(service.get_queue_client(name))

    async def receive(self, count: int, *, lease_seconds: float) -> list[Received]:
        """Take up to `count` messages and hide them. Raises the SDK's errors when the service is down."""
        pages = self._client.receive_messages(
            messages_per_page=count, visibility_timeout=int(lease_seconds), retry_total=0, retry_connect=0
        ).by_page()
        try:
            async for page in pages:
                return [_received(message) async for message in page]
        except ResourceNotFoundError:
            pass
        return []

    async def renew(self, message: Received, receipt: str, *, lease_seconds: float) -> str:
        """Hide the message for another lease; returns the new receipt, which replaces `receipt`."""
        renewed = await self._client.update_message(message.id, receipt, visibility_timeout=int(lease_seconds))
        return str(renewed.pop_receipt)

    async def release(self, message: Received, receipt: str, *, after_seconds: float) -> None:
        """Show the message again after a while; somebody else may have it already."""
        await _if_ours(self._client.update_message(message.id, receipt, visibility_timeout=int(after_seconds)))

    async def delete(self, message: Received, receipt: str) -> None:
        """Remove the message; somebody else may have it or have removed it already."""
        await _if_ours(self._client.delete_message(message.id, receipt))

    async def send(self, raw: str) -> None:
        """Add a message as it is, creating the queue on demand."""
        try:
            await self._client.send_message(raw)
        except ResourceNotFoundError:
            await self._create()
            await self._client.send_message(raw)

    async def _create(self) -> None:
        with contextlib.suppress(ResourceExistsError):
            await self._client.create_queue()


def queue_service(connection: str) -> QueueServiceClient:
    """The account's queue service from a connection string; retries are quick, since it is polled anyway."""
    return QueueServiceClient.from_connection_string(connection, initial_backoff=1, increment_base=2, retry_total=2)


def text_of(raw: str, *, is_base64: bool) -> str | bytes:
    """The message's content: text, or bytes where it is no UTF-8. Raises ValueError for what is not base64.

    >>> text_of("ZGlhYmV0ZXM=", is_base64=True), text_of("diabetes", is_base64=False)
    ('diabetes', 'diabetes')
    """
    if not is_base64:
        return raw
    try:
        content = base64.b64decode(raw, validate=True)
    except binascii.Error as fault:
        raise ValueError(f"not base64: {fault}") from fault
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def raw_of(content: str | bytes, *, is_base64: bool) -> str:
    """The text to put into the queue for a content.

    >>> raw_of("diabetes", is_base64=True)
    'ZGlhYmV0ZXM='
    """
    as_bytes = content.encode() if isinstance(content, str) else content
    return base64.b64encode(as_bytes).decode() if is_base64 else as_bytes.decode()


async def _if_ours(call: Awaitable[object]) -> None:
    try:
        await call
    except ResourceNotFoundError:
        pass
    except HttpResponseError as fault:
        if fault.status_code != 400:  # 400 PopReceiptMismatch: the lease went to somebody else
            raise


def _received(message: QueueMessage) -> Received:
    return Received(
        id=message.id,
        raw=str(message.content),
        receipt=str(message.pop_receipt),
        dequeue_count=int(message.dequeue_count or 0),
        inserted=message.inserted_on,
        expires=message.expires_on,
        next_visible=message.next_visible_on,
    )
