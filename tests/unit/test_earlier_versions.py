"""Removing a blob where storage keeps earlier versions and deleted ones: by the real SDK, nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.storage.blobs import AzureBlobs
from shared.storage.clients import blob_service
from shared.storage.earlier import KeptByStorage
from tests.wire.server import WireServer
from tests.wire.versioned import VersionedBlobs


@pytest.fixture
def server() -> Iterator[WireServer]:
    server = WireServer()
    with server.running():
        yield server


def of(server: WireServer) -> AzureBlobs:
    key = "AccountName=data;AccountKey=a2V5;BlobEndpoint="
    return AzureBlobs(blob_service(f"{key}{server.url}/data"))


def test_a_removed_blob_leaves_no_earlier_version_and_no_deleted_one(server: WireServer) -> None:
    account = VersionedBlobs(server)
    for content in (b"first", b"second", b"third"):
        account.write("m/a.csv", content)
    account.write("m/a.csv.bak", b"somebody else's")
    assert of(server).remove("incoming", "m/a.csv")
    assert account.kept("m/a.csv") == []
    assert account.kept("m/a.csv.bak") == [b"somebody else's"]


def test_a_repeat_erases_what_a_crash_left(server: WireServer) -> None:
    account = VersionedBlobs(server)
    account.write("m/a.csv", b"first")
    account.write("m/a.csv", b"second")
    account.states[0].deleted = True
    account.states[1].current = False
    assert not of(server).remove("incoming", "m/a.csv")
    assert account.kept("m/a.csv") == []


def test_what_is_current_stays_when_the_earlier_ones_are_erased(server: WireServer) -> None:
    account = VersionedBlobs(server)
    account.write("m/a.csv", b"first")
    account.write("m/a.csv", b"second")
    assert of(server).erase_earlier("incoming", "m/a.csv") == 1
    assert account.kept("m/a.csv") == [b"second"]


def test_an_account_that_lets_nothing_be_erased_is_told_with_the_next_step(server: WireServer) -> None:
    account = VersionedBlobs(server, permanent=False)
    account.write("m/a.csv", b"first")
    with pytest.raises(KeptByStorage, match="incoming/m/a.csv is deleted, and storage keeps 1 earlier") as told:
        of(server).remove("incoming", "m/a.csv")
    assert "allowPermanentDelete" in told.value.next
    assert [state.deleted for state in account.states] == [True]
