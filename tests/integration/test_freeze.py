"""Freeze, claims and storage's clock over real table rows: two workers, one of them five minutes ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from shared.storage import clients
from shared.storage.port import Table
from shared.storage.table import AzureTable
from shared.wiring import App
from tests.world import World

FIVE_MINUTES = timedelta(minutes=5)


@pytest.fixture
def table(connection: str) -> Iterator[Table]:
    """A table of this test alone, since a freeze concerns everything that is in one."""
    name = f"t{uuid4().hex}"
    TableServiceClient.from_connection_string(connection).create_table(name)
    yield AzureTable(clients.table_client(connection, name))
    TableServiceClient.from_connection_string(connection).delete_table(name)


def _worker(world: World, table: Table, skew: timedelta = timedelta(0)) -> App:
    return world.worker(skew=skew, through=lambda role, port: table if role == "table" else port)


def _done(app: App, model: str) -> int:
    return app.fold.advance(model).decided + app.performer.perform(model)


def test_a_freeze_holds_for_all_workers_and_restarts_and_goes_on_in_order(tmp_path: Path, table: Table) -> None:
    world = World(tmp_path, now=datetime.now(UTC))
    world.app = _worker(world, table)
    world.publish()
    world.settle()
    world.app.freezer.freeze("f1", "operations", "incident 42")
    world.drop("rows a", name="a")
    world.now += timedelta(seconds=1)
    world.drop("rows b", name="b")
    for app in (_worker(world, table), _worker(world, table, FIVE_MINUTES)):
        while _done(app, "m"):
            pass
    assert world.head().is_still
    assert world.head().next_file == 1

    world.restart()
    world.app = _worker(world, table)
    world.app.freezer.unfreeze("u1", "operations", "over")
    world.settle()

    assert [file.blob for file in world.app.book.files("m", 2)] == ["incoming/m/a.csv", "incoming/m/b.csv"]
    releases = {name: world.release(name) for name in world.states()}
    assert {name: (one.state, one.first_new_file, one.files) for name, one in releases.items()} == {
        "m-0001": ("superseded", 1, 1),
        "m-0002": ("awaiting approval", 2, 2),
    }
    told = [(entry.number, bool(entry.ended_at)) for entry in world.app.system.history()]
    assert told == [(1, False), (1, True)]


def test_a_worker_five_minutes_ahead_takes_no_live_claim(tmp_path: Path, table: Table) -> None:
    world = World(tmp_path, now=datetime.now(UTC))
    world.app = _worker(world, table)
    world.publish()
    world.settle()
    world.drop("rows")
    world.app.fold.advance("m")
    (entry,) = world.app.book.outbox("m").entries
    claimed = world.app.book.claim("m", entry, world.now + timedelta(seconds=90))
    assert claimed is not None

    assert _worker(world, table, FIVE_MINUTES).performer.perform("m") == 0
    assert _worker(world, table, -FIVE_MINUTES).performer.perform("m") == 0

    assert world.app.book.still_claimed("m", claimed)
