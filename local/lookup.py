"""Asks the blob service what a write made, with the ordinary client."""

from __future__ import annotations

import asyncio
import logging

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from local.blobwrites import Made, Write

log = logging.getLogger("baton.blobfront")


class Lookup:
    """Reads blobs' properties past the front. `service` is the client's; it is not closed here."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    async def since(self, write: Write, at_ns: int) -> Made | None:
        """The blob as it stands, if it was written at `at_ns` (Unix) or later; raise AzureError if nobody answers.

        Last-Modified has whole seconds: a blob of the same second counts, which at worst repeats an event.
        """
        try:
            blob = await self._service.get_blob_client(write.container, write.blob).get_blob_properties()
        except ResourceNotFoundError:
            return None
        if blob.last_modified.timestamp() < at_ns // 1_000_000_000:
            return None
        kind = blob.content_settings.content_type or "application/octet-stream"
        return Made(blob.etag.strip('"'), kind, blob.size, str(blob.blob_type.value))

    async def until_answered(self, write: Write, at_ns: int) -> Made | None:
        """The same, asked again until the blob service answers."""
        while True:
            try:
                return await self.since(write, at_ns)
            except AzureError as error:
                log.warning("blob not looked up, again soon blob=%s why=%r", write.name, str(error)[:200])
                await asyncio.sleep(1)
