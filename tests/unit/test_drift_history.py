"""Each accepted file against what the version that served when it came was trained on, and how that is drawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.files.keeping import tombstone
from shared.monitoring.drift_history import DriftHistory, History
from shared.monitoring.drifting import NothingToCompare
from shared.web.driftchart import CAP, HEIGHT, drift_chart, sparkline
from tests.unit.test_drifting import checked, rows
from tests.world import World, evidence


@pytest.fixture
def served(tmp_path: Path) -> World:
    """A world in which version 1 serves, trained on 400 rows."""
    world = World(tmp_path, checker=checked)
    world.publish()
    world.settle()
    world.go_live(rows(1))
    world.now += timedelta(hours=1)
    return world


def reader(world: World) -> DriftHistory:
    return DriftHistory(world.app.book, world.blobs, world.app.parts.rules)


def come(world: World, *shifts: float, first: int = 2) -> None:
    """Files come one after the other, each with its shift."""
    for place, shift in enumerate(shifts):
        world.drop(rows(first + place, shift=shift))
        world.settle()
        world.now += timedelta(hours=1)


def test_each_file_is_compared_by_itself_and_the_last_one_tells(served: World) -> None:
    come(served, 0.0, 0.0, 1.5)
    found = reader(served).of_model("m")
    assert [(point.file, point.version, point.drifted) for point in found.points] == [
        (2, "1", ()),
        (3, "1", ()),
        (4, "1", ("X",)),
    ]
    assert sparkline(found.of("X"))[-1] == "█"
    assert "█" not in sparkline(found.of("X"))[:-1]


def test_after_the_next_version_went_live_files_are_compared_with_that_one(served: World) -> None:
    served.go_live(rows(2, shift=1.5), judged=evidence(2500.0, 3000.0))
    served.now += timedelta(hours=1)
    come(served, 1.5, first=9)
    found = reader(served).of_model("m")
    assert [point.version for point in found.points] == ["1", "2"]


def test_a_release_shows_its_new_files_against_the_version_it_was_to_replace(served: World) -> None:
    come(served, 1.5)
    found = reader(served).of_release(served.release("m-0002"))
    assert [(point.file, point.release, point.drifted) for point in found.points] == [(2, "m-0001", ("X",))]
    with pytest.raises(NothingToCompare, match="it was compared with no version"):
        reader(served).of_release(served.release("m-0001"))


def test_what_was_compared_once_is_not_read_again(served: World) -> None:
    come(served, 0.0)
    known = reader(served)
    before = known.of_model("m")
    for name in list(served.blobs.names("datasets", "m/profiles/")):
        served.blobs.remove("datasets", name)
    assert known.of_model("m") == before


def test_a_file_without_a_profile_is_told_and_the_others_are_shown(served: World) -> None:
    come(served, 0.0, 1.5)
    served.blobs.remove("datasets", served.app.book.files("m", 2)[1].profile)
    found = reader(served).of_model("m")
    assert [point.file for point in found.points] == [3]
    assert "file 2" in found.unread[0]


def test_a_forgotten_file_is_not_shown(served: World) -> None:
    come(served, 0.0, 0.0)
    first = served.app.book.files("m", 2)[1]
    served.blobs.put("datasets", tombstone("m", first.sha256), b"{}", content_type="application/json")
    assert [point.file for point in reader(served).of_model("m").points] == [3]


def test_without_a_version_that_served_there_is_nothing_to_compare(tmp_path: Path) -> None:
    world = World(tmp_path, checker=checked)
    world.publish()
    world.settle()
    chart = drift_chart(lambda: reader(world).of_model("m"))
    assert (chart.lines, chart.says) == ((), "no version of m that Baton trained has served yet")
    assert chart.todo == "baton status m"


def test_a_bar_crosses_the_dashes_where_a_change_is_drift(served: World) -> None:
    come(served, 0.0, 1.5)
    chart = drift_chart(lambda: reader(served).of_model("m"))
    (line,) = chart.lines
    same, moved = line.bars
    assert (same.drifted, moved.drifted) == (False, True)
    assert same.y > chart.limit > moved.y
    assert moved.height == HEIGHT  # 1.5 deviations move 55 % of the rows, more than `CAP` times the limit
    assert chart.limit == HEIGHT - HEIGHT / CAP
    assert chart.says == "X drifted in the last file (400 rows)"


def test_a_history_without_points_says_why() -> None:
    assert drift_chart(lambda: History("m", (), ("file 2 has no profile",))).says == "file 2 has no profile"
