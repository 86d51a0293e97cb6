"""Storage behind the fault proxy, with the adapters that Baton uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.azurite import Azurite
from local.faultswitch import Faults, faults
from shared import wiring
from shared.storage.port import Bells, Blobs, Table


@dataclass(frozen=True, slots=True)
class Faulty:
    """The adapters through the proxy, the same ones past it (`still_*`), and the switch."""

    faults: Faults
    table: Table
    bells: Bells
    blobs: Blobs
    still_table: Table
    still_blobs: Blobs
    connection: str
    """Past the proxy."""


@contextmanager
def faulty_storage(azurite: Azurite, log: Path) -> Iterator[Faulty]:
    """Baton's storage before one Azurite, half of it through a fault proxy that breaks nothing yet."""
    connection = azurite.connection_string()
    wiring.create_storage(connection)
    with faults(azurite.blob_url, azurite.queue_url, azurite.table_url, log=log) as proxy:
        through, past = wiring.storage(proxy.connection_string()), wiring.storage(connection)
        yield Faulty(proxy, *through, past[0], past[2], connection)
