"""The fault proxy as a client meets it: what each kind leaves behind, and its switch."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.storage.blob import BlobClient, BlobServiceClient

from local.azurite import Azurite
from local.faultplan import Kind, Plan, PlanRefused
from local.faultswitch import Faults, faults

CONTENT = b"0123456789" * 1000
Blob = tuple[BlobClient, BlobClient]


@pytest.fixture(scope="module")
def proxy(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    """A fault proxy before Azurite."""
    log = tmp_path_factory.mktemp("faults") / "faults.log"
    with faults(azurite.blob_url, azurite.queue_url, azurite.table_url, log=log) as running:
        yield running


@pytest.fixture
def blob(proxy: Faults, connection: str) -> Iterator[Blob]:
    """One blob that nobody wrote yet, through the proxy (a client that tries once) and past it."""
    proxy.stop()
    past = BlobServiceClient.from_connection_string(connection)
    through = BlobServiceClient.from_connection_string(proxy.connection_string(), retry_total=0)
    container = past.create_container(f"c{uuid4().hex[:12]}").container_name
    yield through.get_blob_client(container, "a"), past.get_blob_client(container, "a")
    past.delete_container(container)
    through.close()
    past.close()


def test_without_a_plan_it_only_passes_on(blob: Blob) -> None:
    through, past = blob
    through.upload_blob(CONTENT)
    assert through.download_blob().readall() == past.download_blob().readall() == CONTENT


@pytest.mark.parametrize(
    ("kind", "stands"),
    [
        (Kind.RESET, False),
        (Kind.LOST, True),
        (Kind.FAILED, False),
        (Kind.FAILED_AFTER, True),
        (Kind.THROTTLED, False),
        (Kind.HALF, False),
    ],
)
def test_a_write_that_goes_wrong_leaves_what_its_kind_says(proxy: Faults, blob: Blob, kind: Kind, stands: bool) -> None:
    through, past = blob
    proxy.next("blob", kind, method="PUT")
    with pytest.raises((HttpResponseError, ServiceResponseError)):
        through.upload_blob(CONTENT)
    assert past.exists() == stands


def test_a_cut_answer_ends_in_the_middle(proxy: Faults, blob: Blob) -> None:
    through, past = blob
    past.upload_blob(CONTENT)
    proxy.next("blob", Kind.CUT, method="GET", times=9)
    with pytest.raises(HttpResponseError):
        through.download_blob().readall()


def test_throttling_says_when_to_come_again(proxy: Faults, blob: Blob) -> None:
    through, _ = blob
    proxy.follow(Plan(retry_after_seconds=7))
    proxy.next("blob", Kind.THROTTLED)
    with pytest.raises(HttpResponseError) as refused:
        through.get_blob_properties()
    assert refused.value.response is not None
    assert (refused.value.status_code, refused.value.response.headers["Retry-After"]) == (503, "7")


def test_a_rate_can_be_switched_on_and_off_while_it_runs(proxy: Faults, blob: Blob) -> None:
    through, past = blob
    past.upload_blob(CONTENT)
    before = proxy.counts()["blob"].get("failed", 0)
    proxy.follow(Plan(3, {"blob": {"failed": 0.5}}))
    outcomes = [_answers(through) for _ in range(20)]
    proxy.stop()
    assert proxy.counts()["blob"]["failed"] - before == outcomes.count(False) > 0
    assert all(_answers(through) for _ in range(20))


def test_a_plan_that_makes_no_sense_is_refused_by_the_switch(proxy: Faults) -> None:
    with pytest.raises(PlanRefused, match="no kind 'fire'"):
        proxy.next("blob", "fire")


def _answers(blob: BlobClient) -> bool:
    try:
        return bool(blob.get_blob_properties())
    except HttpResponseError:
        return False
