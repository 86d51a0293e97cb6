"""The part of the composition root that knows the storage adapters: one data account, with its table, queues and containers."""

from __future__ import annotations

from typing import Any

from shared.storage.port import Bells, Blobs, Table

TABLE = "ledger"
QUEUES = ("advance", "perform")
CONTAINERS = ("incoming", "models", "datasets", "quarantine", "reports", "scored", "journal", "access", "deadletter")


def storage(connection: str, **pipeline: Any) -> tuple[Table, Bells, Blobs]:
    """The storage adapters over one data account. `pipeline` are keywords of every SDK client, such as `transport`."""
    from shared.storage import clients
    from shared.storage.blobs import AzureBlobs
    from shared.storage.queues import AzureBells
    from shared.storage.table import AzureTable

    page_seconds = pipeline.get("read_timeout", clients.PAGE_SECONDS)
    table = AzureTable(clients.table_client(connection, TABLE, **pipeline), page_seconds=page_seconds)
    bells = AzureBells(clients.queue_clients(connection, QUEUES, **pipeline))
    return table, bells, AzureBlobs(clients.blob_service(connection, **pipeline))


def create_storage(connection: str) -> None:
    """Create table, queues and containers where they are missing. In Azure the Bicep does this."""
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

    TableServiceClient.from_connection_string(connection).create_table_if_not_exists(TABLE)
    queues = QueueServiceClient.from_connection_string(connection)
    missing = {*QUEUES, *(f"{name}-poison" for name in QUEUES)} - {queue.name for queue in queues.list_queues()}
    for name in missing:
        queues.create_queue(name)
    blobs = BlobServiceClient.from_connection_string(connection)
    for name in set(CONTAINERS) - {container.name for container in blobs.list_containers()}:
        blobs.create_container(name)
