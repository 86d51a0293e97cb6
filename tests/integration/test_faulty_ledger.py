"""The ledger's own steps over real storage when the answer to a write is lost: nothing is taken for somebody else's."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.faultplan import Kind, Plan
from shared.events import DataLanded
from shared.intake import Intake
from shared.ledger import Ledger
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.state import Command
from shared.table import rows
from shared.wire import Sources
from tests.integration.faulty import Faulty, faulty_storage

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def storage(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Baton's storage behind a fault proxy."""
    with faulty_storage(azurite, tmp_path_factory.mktemp("faults") / "faults.log") as faulty:
        yield faulty


@pytest.fixture(params=tuple(Kind))
def kind(request: pytest.FixtureRequest, storage: Faulty) -> Kind:
    """Each kind of fault in turn, a slow answer among them that is not too slow."""
    storage.faults.follow(Plan(slow_seconds=0.3))
    found: Kind = request.param
    return found


@pytest.fixture
def model() -> str:
    """A partition that no other test uses."""
    return f"m{uuid4().hex[:10]}"


def landed(model: str) -> DataLanded:
    return DataLanded(id=uuid4().hex, at=NOW, container="incoming", blob=f"{model}/a.csv", etag="0x1", size=9)


def test_an_event_whose_answer_was_lost_is_new_kept_once_and_rung_for(storage: Faulty, model: str, kind: Kind) -> None:
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    intake = Intake(Ledger(storage.table), storage.bells, sources, clock=lambda: NOW)
    event = landed(model)
    storage.faults.next("table", kind, method="POST")
    storage.faults.next("queue", kind, method="POST")
    assert intake.accept(model, event)
    waiting = storage.still_table.page(model, rows.INBOX, rows.OUTBOX, 10)
    assert [event.id in row.key for row in waiting] == [True]
    assert model in _rung(storage)
    assert not intake.accept(model, event)


def test_a_claim_whose_answer_was_lost_is_performed_by_who_made_it(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_table.write(model, rows.command_rows((Command(1, "tell", "", NOW),)))
    book = Ledger(storage.table)
    (entry,) = book.outbox(model).entries
    storage.faults.next("table", kind, method="POST")
    claimed = book.claim(model, entry, NOW + timedelta(seconds=90))
    assert claimed is not None
    assert book.still_claimed(model, claimed)
    assert book.claim(model, entry, NOW + timedelta(seconds=90)) is None


def _rung(storage: Faulty) -> set[str]:
    service = QueueServiceClient.from_connection_string(storage.connection)
    messages = service.get_queue_client("advance").receive_messages(messages_per_page=32, visibility_timeout=1)
    return {b64decode(message.content).decode() for message in messages}
