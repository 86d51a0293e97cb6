"""For all tests: properties without a stop-watch, and one Azurite, in memory, for the session; each test uses names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local.azurite import Azurite
from local.azurite import azurite as run_azurite
from shared import log

PROJECT = Path(__file__).resolve().parents[1]
# No test asserts a time, so a machine that is busy with other things fails none.
settings.register_profile("no-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-clock")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """No log line of a test before this one is still to be said."""
    log.say_kept()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite with nothing in it at first."""
    with run_azurite(PROJECT / ".baton", in_memory=True) as running:
        yield running


@pytest.fixture(scope="session")
def connection(azurite: Azurite) -> str:
    """The connection string of that Azurite, its own blob endpoint in it (no blob front)."""
    return azurite.connection_string()
