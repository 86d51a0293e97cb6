"""Every fault, in every operation of the storage adapters: one fault is borne unseen, a second is `StorageBusy`.

Real SDK clients, real Azurite, the fault proxy between them. What must never happen: a write that took
effect and is told as somebody else's, an effect twice, half a blob, an error that is none of Baton's.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.faultplan import Kind, Plan
from shared import wiring
from shared.storage.clients import BLOB_TRIES, TRIES, intake_seconds
from shared.storage.port import BlobMissing, Delete, Insert, Put, Replace, RowChanged, RowExists, StorageBusy
from tests.integration.faulty import Faulty, faulty_storage

KINDS = tuple(Kind)
ADAPTERS = ("table", "bells", "blobs")
CONTENT = b"ID,X1\n" + b"1,2\n" * 5000


@pytest.fixture(scope="module")
def storage(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Baton's storage behind a fault proxy."""
    with faulty_storage(azurite, tmp_path_factory.mktemp("faults") / "faults.log") as faulty:
        yield faulty


@pytest.fixture(autouse=True)
def calm(storage: Faulty) -> Iterator[None]:
    """No fault of one test reaches the next; an order that met nothing proved nothing."""
    storage.faults.follow(Plan(slow_seconds=0.3))
    yield
    waiting = storage.faults.waiting()
    storage.faults.stop()
    assert waiting == 0


@pytest.fixture
def model() -> str:
    """A partition and prefix that no other test uses."""
    return f"m{uuid4().hex[:10]}"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of fault in turn."""
    found: Kind = request.param
    return found


# Rows


def test_a_row_is_read_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_table.write(model, [Insert("a", "1")])
    storage.faults.next("table", kind, method="GET")
    row = storage.table.get(model, "a")
    assert row is not None
    assert row.body == "1"


def test_a_missing_row_is_missing_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.faults.next("table", kind, method="GET")
    assert storage.table.get(model, "a") is None


def test_a_range_is_read_whole_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_table.write(model, [Insert(f"k{n}", "1") for n in range(9)])
    storage.faults.next("table", kind, method="GET")
    assert [row.key for row in storage.table.page(model, "k", "l", 20)] == [f"k{n}" for n in range(9)]


def test_our_own_insert_is_no_duplicate(storage: Faulty, model: str, kind: Kind) -> None:
    storage.faults.next("table", kind, method="POST")
    etags = storage.table.write(model, [Insert("seen:1", "1"), Insert("!2in:1", "2")])
    assert etags == {key: _etag(storage, model, key) for key in ("seen:1", "!2in:1")}


def test_somebody_elses_insert_is_one_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_table.write(model, [Insert("seen:1", "1")])
    storage.faults.next("table", kind, method="POST")
    with pytest.raises(RowExists):
        storage.table.write(model, [Insert("seen:1", "1"), Insert("!2in:1", "2")])
    assert storage.still_table.get(model, "!2in:1") is None


def test_a_transaction_takes_effect_once_and_says_so(storage: Faulty, model: str, kind: Kind) -> None:
    old = storage.still_table.write(model, [Insert("head", "1"), Insert("in", "1")])
    storage.faults.next("table", kind, method="POST")
    etags = storage.table.write(
        model, [Insert("line", "1"), Put("early", "1"), Replace("head", "2", old["head"]), Delete("in", old["in"])]
    )
    assert etags == {key: _etag(storage, model, key) for key in ("line", "early", "head")}
    assert storage.still_table.get(model, "in") is None


def test_a_claim_whose_answer_was_lost_is_still_ours(storage: Faulty, model: str, kind: Kind) -> None:
    old = storage.still_table.write(model, [Insert("out", "1")])
    storage.faults.next("table", kind, method="POST")
    claimed = storage.table.write(model, [Replace("out", "claimed", old["out"])])
    storage.table.write(model, [Delete("out", claimed["out"])])
    assert storage.still_table.get(model, "out") is None


def test_a_claim_that_another_took_is_not_ours(storage: Faulty, model: str, kind: Kind) -> None:
    """Both write the very same row: who was faster is told by the transaction's name, not by the content."""
    old = storage.still_table.write(model, [Insert("out", "1")])
    storage.still_table.write(model, [Replace("out", "claimed", old["out"])])
    storage.faults.next("table", kind, method="POST")
    with pytest.raises(RowChanged):
        storage.table.write(model, [Replace("out", "claimed", old["out"])])


# Rings


def test_a_ring_is_heard_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.faults.next("queue", kind, method="POST")
    storage.bells.ring("advance", model)
    assert model in _rung(storage)


# Blobs


def test_a_blob_is_looked_at_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_blobs.put("reports", f"{model}/a", CONTENT, content_type="text/csv")
    storage.faults.next("blob", kind, method="HEAD")
    seen = storage.blobs.look("reports", f"{model}/a")
    assert seen is not None
    assert seen.size == len(CONTENT)


def test_a_missing_blob_is_missing_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.faults.next("blob", kind)
    assert storage.blobs.look("reports", f"{model}/a") is None
    storage.faults.next("blob", kind)
    if kind is Kind.CUT:  # the SDK does not ask again for the rest of an error's words
        with pytest.raises(StorageBusy):
            storage.blobs.read("reports", f"{model}/a")
    with pytest.raises(BlobMissing):
        storage.blobs.read("reports", f"{model}/a")


def test_a_blob_is_read_whole_through_a_fault(storage: Faulty, model: str, kind: Kind, tmp_path: Path) -> None:
    storage.still_blobs.put("reports", f"{model}/a", CONTENT, content_type="text/csv")
    storage.faults.next("blob", kind, method="GET")
    assert storage.blobs.read("reports", f"{model}/a") == CONTENT
    storage.faults.next("blob", kind, method="GET")
    storage.blobs.fetch("reports", f"{model}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("form", ["bytes", "file"])
def test_a_blob_is_written_whole_through_a_fault(
    storage: Faulty, model: str, kind: Kind, form: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    storage.faults.next("blob", kind, method="PUT")
    content = CONTENT if form == "bytes" else tmp_path / "a"
    storage.blobs.put("reports", f"{model}/a", content, content_type="text/csv")
    assert storage.still_blobs.read("reports", f"{model}/a") == CONTENT


def test_a_verdict_stands_on_the_drop_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    storage.still_blobs.put("incoming", f"{model}/a", CONTENT, content_type="text/csv")
    storage.faults.next("blob", kind, method="PUT", contains="comp=tags")
    assert storage.blobs.tag("incoming", f"{model}/a", {"baton": "accepted"})
    with BlobServiceClient.from_connection_string(storage.connection) as service:
        assert service.get_blob_client("incoming", f"{model}/a").get_blob_tags() == {"baton": "accepted"}


def test_names_are_listed_through_a_fault(storage: Faulty, model: str, kind: Kind) -> None:
    for name in "ab":
        storage.still_blobs.put("reports", f"{model}/{name}", b"1", content_type="text/plain")
    storage.faults.next("blob", kind, method="GET")
    assert list(storage.blobs.names("reports", f"{model}/")) == [f"{model}/a", f"{model}/b"]


# More than one fault

Call = Callable[[Faulty, str], Any]
CALLS: dict[str, tuple[str, Call]] = {
    "get": ("table", lambda s, m: s.table.get(m, "a")),
    "page": ("table", lambda s, m: s.table.page(m, "a", "b", 9)),
    "write": ("table", lambda s, m: s.table.write(m, [Insert("a", "1")])),
    "ring": ("queue", lambda s, m: s.bells.ring("perform", m)),
    "look": ("blob", lambda s, m: s.blobs.look("incoming", f"{m}/a")),
    "read": ("blob", lambda s, m: s.blobs.read("incoming", f"{m}/a")),
    "fetch": ("blob", lambda s, m: s.blobs.fetch("incoming", f"{m}/a", Path("/dev/null"))),
    "put": ("blob", lambda s, m: s.blobs.put("incoming", f"{m}/b", CONTENT, content_type="text/csv")),
    "tag": ("blob", lambda s, m: s.blobs.tag("incoming", f"{m}/a", {"baton": "accepted"})),
    "names": ("blob", lambda s, m: s.blobs.names("incoming", m)),
}


@pytest.mark.parametrize("endless", [Kind.RESET, Kind.LOST, Kind.THROTTLED])
@pytest.mark.parametrize("operation", CALLS)
def test_faults_without_end_are_storage_busy(storage: Faulty, model: str, endless: Kind, operation: str) -> None:
    service, call = CALLS[operation]
    storage.still_blobs.put("incoming", f"{model}/a", CONTENT, content_type="text/csv")
    storage.faults.next(service, endless, times=99)
    before = _met(storage, service, endless)
    with pytest.raises(StorageBusy, match="tried again by itself"):
        call(storage, model)
    assert _met(storage, service, endless) - before == (BLOB_TRIES if service == "blob" else TRIES)
    storage.faults.stop()


def test_what_storage_asks_to_wait_for_longer_is_not_waited_for(storage: Faulty, model: str) -> None:
    """Whoever called comes again anyway: Event Grid, the queue, the sweep."""
    storage.faults.follow(Plan(retry_after_seconds=3600))
    storage.faults.next("table", Kind.THROTTLED, times=99)
    before = _met(storage, "table", Kind.THROTTLED)
    with pytest.raises(StorageBusy):
        storage.table.get(model, "a")
    assert _met(storage, "table", Kind.THROTTLED) - before == 1
    storage.faults.stop()


@pytest.mark.parametrize("operation", CALLS)
def test_a_service_that_does_not_answer_is_not_waited_for(storage: Faulty, model: str, operation: str) -> None:
    """With time-outs of a tenth of a second instead of seconds; without any, this test would end by its own limit."""
    service, call = CALLS[operation]
    storage.faults.follow(Plan(slow_seconds=3600))
    storage.faults.next(service, Kind.SLOW, times=99)
    hurried = replace(
        storage,
        **dict(zip(ADAPTERS, wiring.storage(storage.faults.connection_string(), read_timeout=0.1), strict=True)),
    )
    with pytest.raises(StorageBusy):
        call(hurried, model)
    storage.faults.stop()


def test_intake_is_done_before_event_grid_gives_up() -> None:
    """Event Grid waits 30 s for an answer (https://learn.microsoft.com/azure/event-grid/delivery-and-retry)."""
    assert intake_seconds() < 30


def _met(storage: Faulty, service: str, kind: Kind) -> int:
    return storage.faults.counts()[service].get(kind, 0)


def _etag(storage: Faulty, model: str, key: str) -> str:
    row = storage.still_table.get(model, key)
    return row.etag if row else ""


def _rung(storage: Faulty) -> set[str]:
    service = QueueServiceClient.from_connection_string(storage.connection)
    messages = service.get_queue_client("advance").receive_messages(messages_per_page=32, visibility_timeout=1)
    return {b64decode(message.content).decode() for message in messages}
