"""A world for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A Baton in memory with model `m` published."""
    made = World(tmp_path)
    made.publish()
    made.settle()
    return made
