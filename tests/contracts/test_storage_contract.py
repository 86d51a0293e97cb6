"""What the ledger relies on, asked of the in-memory storage and of Azurite alike."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared import wiring
from shared.storage.port import (
    BlobMissing,
    Blobs,
    Delete,
    Insert,
    Put,
    Replace,
    RowChanged,
    RowExists,
    StorageBusy,
    Table,
)
from tests.fakes.storage import MemoryBlobs, MemoryTable


@pytest.fixture(params=["memory", "azurite"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield MemoryTable(clock=lambda: datetime.now(UTC))
        return
    connection = request.getfixturevalue("connection")
    wiring.create_storage(connection)
    yield wiring.storage(connection)[0]


@pytest.fixture(params=["memory", "azurite"])
def blobs(request: pytest.FixtureRequest) -> Iterator[Blobs]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield MemoryBlobs()
        return
    connection = request.getfixturevalue("connection")
    wiring.create_storage(connection)
    yield wiring.storage(connection)[2]


@pytest.fixture
def model() -> str:
    """A partition that no other test uses."""
    return f"m{uuid4().hex[:10]}"


def test_a_row_is_read_as_it_was_written(table: Table, model: str) -> None:
    etags = table.write(model, [Insert("a", '{"n":1}')])
    row = table.get(model, "a")
    assert row is not None
    assert (row.body, row.etag) == ('{"n":1}', etags["a"])


def test_a_row_says_by_storages_own_clock_when_it_was_written_and_read(table: Table, model: str) -> None:
    """`read_at` is cut to the second, so a row may seem to be read up to a second before it was written."""
    table.write(model, [Insert("a", "1")])
    first = table.get(model, "a")
    table.write(model, [Put("a", "2")])
    (again,) = table.page(model, "a", "b", 10)
    for row in (first, again):
        assert row is not None
        assert row.written_at is not None
        assert row.read_at is not None
        assert row.read_at - row.written_at > timedelta(seconds=-1)
    assert first is not None
    assert first.written_at is not None
    assert again.written_at is not None
    assert again.written_at >= first.written_at


def test_a_row_that_is_there_is_not_created_again(table: Table, model: str) -> None:
    table.write(model, [Insert("a", "1")])
    with pytest.raises(RowExists, match="Next:"):
        table.write(model, [Insert("b", "1"), Insert("a", "2")])
    assert table.get(model, "b") is None


def test_a_changed_row_is_neither_replaced_nor_deleted(table: Table, model: str) -> None:
    old = table.write(model, [Insert("a", "1")])["a"]
    table.write(model, [Put("a", "2")])
    for write in (Replace("a", "3", old), Delete("a", old)):
        with pytest.raises(RowChanged, match="Next:"):
            table.write(model, [write])


def test_a_missing_row_cannot_be_replaced(table: Table, model: str) -> None:
    etag = table.write(model, [Insert("a", "1")])["a"]
    table.write(model, [Delete("a", etag)])
    with pytest.raises(RowChanged, match="Next:"):
        table.write(model, [Replace("a", "2", etag)])


def test_a_page_is_a_half_open_range_in_key_order(table: Table, model: str) -> None:
    table.write(model, [Insert(key, "1") for key in ("!3out:1", "!0head", "!2in:05", "!2in:03", "file:1")])
    keys = [row.key for row in table.page(model, "!0head", "!3out:", 10)]
    assert keys == ["!0head", "!2in:03", "!2in:05"]


def test_a_page_ends_at_its_limit(table: Table, model: str) -> None:
    table.write(model, [Insert(f"k{n}", "1") for n in range(9)])
    assert [row.key for row in table.page(model, "k", "l", 4)] == ["k0", "k1", "k2", "k3"]


def test_a_page_may_be_longer_than_what_storage_gives_at_once(table: Table, model: str) -> None:
    for hundred in range(12):
        table.write(model, [Insert(f"k{hundred:02d}{n:02d}", "1") for n in range(100)])
    assert len(table.page(model, "k", "l", 1150)) == 1150


def test_a_row_that_is_too_large_is_refused_before_it_is_sent(table: Table, model: str) -> None:
    with pytest.raises(ValueError, match="30001"):
        table.write(model, [Insert("a", "x" * 30_001)])


def test_a_content_addressed_blob_stays_as_first_written(blobs: Blobs, model: str) -> None:
    blobs.put("reports", f"{model}/a", b"first", content_type="text/plain")
    blobs.put("reports", f"{model}/a", b"second", content_type="text/plain")
    assert blobs.read("reports", f"{model}/a") == b"first"


def test_a_fetched_file_has_the_time_at_which_its_blob_was_written(blobs: Blobs, model: str, tmp_path: Path) -> None:
    blobs.put("reports", f"{model}/a", b"1", content_type="text/plain")
    for name in ("one", "other"):
        blobs.fetch("reports", f"{model}/a", tmp_path / name)
    one, other = ((tmp_path / name).stat().st_mtime for name in ("one", "other"))
    assert one == other == int(one)


def test_a_blob_with_another_etag_is_not_fetched(blobs: Blobs, model: str, tmp_path: Path) -> None:
    blobs.put("reports", f"{model}/a", b"first", content_type="text/plain")
    with pytest.raises(BlobMissing, match=model):
        blobs.fetch("reports", f"{model}/a", tmp_path / "a", etag="0x0")


def test_a_missing_blob_is_none_and_carries_no_tags(blobs: Blobs, model: str) -> None:
    assert blobs.look("reports", f"{model}/none") is None
    assert not blobs.tag("reports", f"{model}/none", {"baton": "accepted"})
    assert blobs.tags_of("reports", f"{model}/none") == {}


def test_a_blobs_tags_are_what_was_set_last(blobs: Blobs, model: str) -> None:
    blobs.put("reports", f"{model}/a", b"first", content_type="text/plain")
    untagged = blobs.tags_of("reports", f"{model}/a")
    for verdict in ("checking", "accepted"):
        assert blobs.tag("reports", f"{model}/a", {"baton": verdict, "version": "4"})
    assert (untagged, blobs.tags_of("reports", f"{model}/a")) == ({}, {"baton": "accepted", "version": "4"})


def test_a_tag_takes_no_word_away_that_it_must_leave(blobs: Blobs, model: str) -> None:
    blobs.put("reports", f"{model}/u", b"x", content_type="text/plain")
    words = ("accepted", "refused")
    first = blobs.tag("reports", f"{model}/u", {"baton": "checking"}, unless=words)
    blobs.tag("reports", f"{model}/u", {"baton": "accepted", "version": "4"})
    late = blobs.tag("reports", f"{model}/u", {"baton": "checking"}, unless=words)
    assert (first, late) == (True, False)
    assert blobs.tags_of("reports", f"{model}/u") == {"baton": "accepted", "version": "4"}


def test_a_listing_tells_each_blobs_size_and_the_etag_by_which_it_is_fetched(
    blobs: Blobs, model: str, tmp_path: Path
) -> None:
    for name, content in (("run/b", b"12"), ("run/a", b""), ("runner", b"1")):
        blobs.put("incoming", f"{model}/{name}", content, content_type="text/plain")
    found = list(blobs.listed("incoming", f"{model}/run/"))
    assert [(one.name, one.size) for one in found] == [(f"{model}/run/a", 0), (f"{model}/run/b", 2)]
    blobs.fetch("incoming", f"{model}/run/b", tmp_path / "b", etag=found[1].etag)
    assert (tmp_path / "b").read_bytes() == b"12"


def test_a_removed_blob_is_gone_and_removing_it_again_changes_nothing(blobs: Blobs, model: str) -> None:
    blobs.put("reports", f"{model}/a", b"first", content_type="text/plain")
    assert blobs.remove("reports", f"{model}/a")
    assert blobs.look("reports", f"{model}/a") is None
    assert not blobs.remove("reports", f"{model}/a")


def test_where_storage_keeps_nothing_earlier_nothing_is_erased(blobs: Blobs, model: str) -> None:
    """Azurite has no versioning; tests/unit/test_earlier_versions.py has."""
    blobs.put("reports", f"{model}/a", b"1", content_type="text/plain")
    assert blobs.erase_earlier("reports", f"{model}/a") == 0
    assert blobs.read("reports", f"{model}/a") == b"1"


def test_a_blob_that_was_written_over_is_not_removed(blobs: Blobs, model: str) -> None:
    blobs.put("reports", f"{model}/a", b"first", content_type="text/plain")
    assert not blobs.remove("reports", f"{model}/a", etag="0x0")
    assert blobs.read("reports", f"{model}/a") == b"first"


def test_appended_bytes_stand_one_after_the_other(blobs: Blobs, model: str) -> None:
    for line in (b"one\n", b"two\n"):
        blobs.append("access", f"{model}.jsonl", line)
    assert blobs.read("access", f"{model}.jsonl") == b"one\ntwo\n"


def test_what_many_append_at_once_is_all_there_and_whole(blobs: Blobs, model: str) -> None:
    lines = [f"{number:04d}\n".encode() for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda line: blobs.append("access", f"{model}.jsonl", line), lines))
    assert sorted(blobs.read("access", f"{model}.jsonl").splitlines(keepends=True)) == lines


def test_appending_where_there_is_no_container_is_told_as_storage_that_does_not_answer(connection: str) -> None:
    with pytest.raises(StorageBusy, match="Next:"):
        wiring.storage(connection)[2].append("no-such-container", "a", b"x")
