"""The champion's data beside the candidate's, column by column, as the approver's page shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shared.data.profile import ColumnProfile, Profile
from shared.monitoring.drift_history import DriftHistory, Versions
from shared.monitoring.drifting import NothingToCompare
from shared.web.columns import COLUMNS_SHOWN, columns_beside, described
from shared.web.site import site
from tests.unit.test_drifting import checked, rows
from tests.world import World, evidence


@pytest.fixture
def asked(tmp_path: Path) -> World:
    """A world in which a release waits for approval whose new rows moved away from what version 1 was trained on."""
    (tmp_path / "users.json").write_text(json.dumps({"operations-key": "operations"}))
    world = World(tmp_path, checker=checked)
    world.publish()
    world.settle()
    world.go_live(rows(1))
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop(rows(2, shift=3.0, count=800))
    world.settle()
    assert world.release("m-0002").state == "awaiting approval"
    return world


def reader(world: World) -> DriftHistory:
    return DriftHistory(world.app.book, world.blobs, world.app.parts.rules)


def test_both_dataset_versions_are_compared_as_a_whole(asked: World) -> None:
    found = reader(asked).of_versions(asked.release("m-0002"))
    assert (found.before.rows, found.now.rows) == (400, 1200)
    assert [(change.column, change.drifted) for change in found.changes] == [("X", True)]


def test_the_page_shows_each_column_before_and_now(asked: World) -> None:
    client = TestClient(site(asked.app), base_url="http://127.0.0.1:1")
    page = client.get("/releases/m-0002").text
    assert "Its data beside the champion&#39;s" in page or "Its data beside the champion's" in page
    assert "X changed: 400 rows before, 1200 rows now" in page
    assert '<a href="#columns">column by column</a>' in page


def test_a_key_is_named_as_such_and_what_changed_comes_first(asked: World) -> None:
    found = columns_beside(lambda: reader(asked).of_versions(asked.release("m-0002")))
    assert [(one.column, one.changed) for one in found.columns] == [("X", True), ("ID", False)]
    assert found.columns[1].what == "part of the key"
    assert "80 % from" in found.columns[0].before


def test_the_first_release_has_no_champion_to_compare_with(asked: World) -> None:
    client = TestClient(site(asked.app), base_url="http://127.0.0.1:1")
    assert 'id="columns"' not in client.get("/releases/m-0001").text


def test_what_cannot_be_read_says_why_and_the_page_stays(asked: World) -> None:
    for name in list(asked.blobs.names("datasets", "m/profiles/")):
        asked.blobs.remove("datasets", name)
    found = columns_beside(lambda: reader(asked).of_versions(asked.release("m-0002")))
    assert (found.columns, found.todo) == ((), "drop its rows again, which profiles them")
    assert "has no profile" in found.says
    client = TestClient(site(asked.app), base_url="http://127.0.0.1:1")
    assert "Nothing to compare" in client.get("/releases/m-0002").text


def test_a_version_that_nobody_trained_here_cannot_be_compared(asked: World) -> None:
    with pytest.raises(NothingToCompare, match="it was compared with no version that Baton trained"):
        reader(asked).of_versions(asked.release("m-0001"))


# What a column looks like


def texts(*values: str, missing: int = 0) -> ColumnProfile:
    column = ColumnProfile("string", missing=missing)
    column.frequent.add([*dict.fromkeys(values)], [values.count(value) for value in dict.fromkeys(values)])
    from shared.data.moments import Moments

    column.lengths = Moments(len(values))
    return column


def test_texts_are_told_by_the_most_frequent_with_their_shares() -> None:
    assert described(texts("a", "a", "a", "b", missing=4)) == "a 75%, b 25%, 50.0% missing"


def test_a_personal_column_shows_nothing_of_its_values() -> None:
    column = texts("anna", "bert")
    column.personal = True
    assert described(column) == "personal: not shown"


def test_a_column_that_is_not_there_or_empty_says_so() -> None:
    assert (described(None), described(ColumnProfile("number", missing=3))) == ("not there", "no value, 100.0% missing")


def test_a_new_column_counts_as_a_change_and_of_very_many_the_rest_is_counted() -> None:
    now = Profile(1, {f"C{number}": ColumnProfile("number", missing=1) for number in range(COLUMNS_SHOWN + 2)})
    found = columns_beside(lambda: Versions(Profile(1, {}), now, ()))
    assert (found.columns[0].what, found.columns[0].changed, found.hidden) == ("a new column", True, 2)
