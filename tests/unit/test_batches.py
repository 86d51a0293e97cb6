"""When a version is cut: by files, rows, bytes, quiet, a marker, or all partitions of a day; and what becomes of late files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import SpecRefused
from shared.model_yaml.spec_file import load_spec
from shared.moves.origin import changed, origin_of
from shared.retraining.batches import Filled, Ready, complete_day, part_of, ready, with_file
from shared.spec import Batch
from shared.state import Basket
from tests.world import World, spec_text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARKED = {"files": "0, marker: _SUCCESS", "quiet": 3600}
PARTED = {"files": "0, partitions: [north, south]", "quiet": 3600}


def basket(**fields: object) -> Basket:
    return Basket(**{"rows": 30, "bytes": 300, "last_at": NOW, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batch", "go", "why"),
    [
        (Batch(files=3), True, "3 new files, batch closes at 3"),
        (Batch(files=4), False, "3 new files, waiting for 60 s of quiet"),
        (Batch(rows=30), True, "30 new rows, batch closes at 30"),
        (Batch(bytes=300), True, "300 new bytes, batch closes at 300"),
        (Batch(bytes=301), False, "3 new files, waiting for 60 s of quiet"),
    ],
)
def test_a_count_that_is_reached_cuts_at_once(batch: Batch, go: bool, why: str) -> None:
    found = ready(batch, Filled(basket(), 3, checking=2), NOW)
    assert (found.go, found.why) == (go, why)


@pytest.mark.parametrize(("seconds", "checking", "go"), [(9, 0, False), (10, 0, True), (10, 1, False), (3600, 1, True)])
def test_a_marker_cuts_when_nothing_is_being_checked_and_quiet_does_in_any_case(
    seconds: int, checking: int, go: bool
) -> None:
    closed = basket(closed_by="m/_SUCCESS", closed_at=NOW)
    batch = Batch(marker="_SUCCESS", quiet_seconds=3600)
    assert ready(batch, Filled(closed, 2, checking), NOW + timedelta(seconds=seconds)).go is go


def test_a_marker_is_looked_at_again_when_its_moment_is_over() -> None:
    closed = basket(closed_by="m/_SUCCESS", closed_at=NOW)
    found = ready(Batch(marker="_SUCCESS", quiet_seconds=3600), Filled(closed, 2, 0), NOW)
    assert found.until == NOW + timedelta(seconds=10)


def test_nothing_is_cut_without_a_file() -> None:
    assert ready(Batch(files=1), Filled(Basket(closed_at=NOW, closed_by="x"), 0, 0), NOW) == Ready(False, "no new file")


def test_a_day_is_complete_when_all_its_partitions_are_there() -> None:
    parts = ("2026-03-01 north", "2026-03-02 south", "2026-03-02 north")
    assert complete_day(("north", "south"), parts) == "2026-03-02"
    assert complete_day(("north", "south"), parts[:2]) == ""
    assert complete_day((), parts) == ""


@pytest.mark.parametrize(
    ("blob", "part"),
    [
        ("incoming/m/day=2026-03-01/region=north/a.csv", "2026-03-01 north"),
        ("incoming/m/2026/03/01/south.parquet", "2026-03-01 south"),
        ("incoming/m/20260301/north/part-0.csv.gz", "2026-03-01 north"),
        ("incoming/m/north/a.csv", ""),
        ("incoming/m/2026-03-01/northern/a.csv", ""),
        ("incoming/m/120260301/north/a.csv", ""),
    ],
)
def test_a_path_names_its_day_and_partition(blob: str, part: str) -> None:
    assert part_of(["north", "south"], blob) == part


def test_a_basket_counts_files_bytes_and_partitions_once() -> None:
    batch = Batch(partitions=("north", "south"))
    filled = basket(parts=())
    for name in ("a", "b"):
        filled = with_file(filled, batch, rows=5, size=50, blob=f"incoming/m/2026-03-01/north/{name}.csv", now=NOW)
    assert (filled.rows, filled.bytes, filled.parts) == (40, 400, ("2026-03-01 north",))


def drop(world: World, name: str) -> None:
    world.drop(f"rows of {name}", name=name)
    world.settle()


def test_a_marker_makes_one_release_of_all_files_before_it(world: World) -> None:
    world.publish(**MARKED)
    world.settle()
    drop(world, "1")
    drop(world, "2")
    world.wait(timedelta(minutes=5))
    assert world.states() == {}
    etag = world.blobs.drop("incoming", "m/_SUCCESS", b"")
    world.app.intake.receive(world.blob_created("m/_SUCCESS", etag, 0))
    world.wait(timedelta(minutes=1), step=timedelta(seconds=5))
    assert (world.release("m-0001").files, len(world.states())) == (2, 1)
    assert world.head().next_file == 3  # the marker is no file


def test_a_file_after_the_marker_is_late_and_new_in_the_next_version(world: World) -> None:
    test_a_marker_makes_one_release_of_all_files_before_it(world)
    drop(world, "3")
    world.wait(timedelta(minutes=70), step=timedelta(minutes=5))
    assert world.head().new_from == 3
    assert world.head().versioned == 3


def test_a_marker_with_nothing_before_it_closes_nothing(world: World) -> None:
    world.publish(**MARKED)
    world.settle()
    world.app.intake.receive(world.blob_created("m/_SUCCESS", world.blobs.drop("incoming", "m/_SUCCESS", b""), 0))
    world.settle()
    drop(world, "1")
    world.wait(timedelta(minutes=5))
    assert world.states() == {}


def test_all_partitions_of_a_day_make_a_release(world: World) -> None:
    world.publish(**PARTED)
    world.settle()
    drop(world, "2026-03-01/north")
    world.wait(timedelta(minutes=5))
    assert world.states() == {}
    drop(world, "2026-03-01/south")
    assert world.release("m-0001").files == 2


@pytest.mark.parametrize("rule", ["marker: _SUCCESS", "partitions: [north]"])
def test_who_waits_for_a_marker_must_say_how_long(rule: str) -> None:
    with pytest.raises(SpecRefused, match=r"data\.batch\.quiet_seconds: found 60(\.0)?; right would be 600 or more"):
        load_spec(spec_text(files=f"0, {rule}"))


def test_another_uploader_of_the_same_place_is_a_new_origin() -> None:
    known = [origin_of("incoming/m/a.csv", "uploader anna")]
    assert changed(known, "incoming/m/b.csv", "uploader anna") == ""
    assert changed(known, "incoming/m/c.csv", "uploader bela").startswith(
        "incoming/m/c.csv comes from incoming/m from uploader bela"
    )


def test_a_file_from_a_new_place_is_a_warning_and_a_new_day_is_none(world: World) -> None:
    world.publish(files=9, quiet=86400)
    world.settle()
    for name in ("2026-03-01/a", "2026-03-02/b", "by-hand/c", "2026-03-03/d"):
        drop(world, name)
    told = [line for line in world.app.book.journal("m") if '"origin changed"' in line]
    assert len(told) == 1
    assert '"rule":"origin"' in told[0]
    assert "incoming/m/by-hand" in told[0]
    messages = [json.loads(file.read_text()) for file in (world.home / "notices").glob("*.json")]
    assert [one["to"] for one in messages if one["what"] == "origin changed"] == ["the-team"]
    reports = [name for name in world.blobs.names("reports", "m/drops/") if name.endswith("report.json")]
    arrivals = [json.loads(world.blobs.read("reports", name)).get("arrival", []) for name in reports]
    assert [problem["rule"] for listed in arrivals for problem in listed] == ["origin"]
