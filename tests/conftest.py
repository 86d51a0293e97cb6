"""One Azurite, in memory, for all integration tests of a session; each test uses names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.azurite import azurite as run_azurite

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite with nothing in it at first."""
    with run_azurite(PROJECT / ".baton", in_memory=True) as running:
        yield running


@pytest.fixture(scope="session")
def connection(azurite: Azurite) -> str:
    """The connection string of that Azurite, its own blob endpoint in it (no blob front)."""
    return azurite.connection_string()
