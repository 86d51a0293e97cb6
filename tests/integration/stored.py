"""Models in memory over real storage: a Baton whose blobs lie there, or all of a model written there at its end."""

from __future__ import annotations

from pathlib import Path

from azure.storage.blob import BlobServiceClient

from shared import wiring
from shared.storage.blobs import AzureBlobs
from shared.storage.port import Put
from tests.storybook import world_with_users
from tests.world import World


def checking_world(home: Path, connection: str) -> World:
    """A Baton in memory, with the real check, people who can sign in, and its blobs in the real account."""
    wiring.create_storage(connection)
    made = world_with_users(home)
    made.checker = None
    made.blobs = AzureBlobs(BlobServiceClient.from_connection_string(connection))  # type: ignore[assignment]
    made.restart()
    return made


def store(world: World, model: str, connection: str) -> None:
    """Write the model's rows, for commands that read them past everything else of Baton, and all blobs of the world."""
    wiring.create_storage(connection)
    table, _, blobs = wiring.storage(connection)
    for (partition, key), (body, *_) in world.table.rows.items():
        if partition in (model, "~models"):
            table.write(partition, [Put(key, body)])
    for (container, name), (content, *_) in world.blobs.blobs.items():
        blobs.put(container, name, content, content_type="application/octet-stream")
