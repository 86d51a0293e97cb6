"""A model that was played in memory, written into real storage, for commands that read it past everything else of Baton."""

from __future__ import annotations

from shared import wiring
from shared.storage.port import Put
from tests.world import World


def store(world: World, model: str, connection: str) -> None:
    """Write the model's rows, and all blobs of the world."""
    wiring.create_storage(connection)
    table, _, blobs = wiring.storage(connection)
    for (partition, key), (body, *_) in world.table.rows.items():
        if partition in (model, "~models"):
            table.write(partition, [Put(key, body)])
    for (container, name), (content, *_) in world.blobs.blobs.items():
        blobs.put(container, name, content, content_type="application/octet-stream")
