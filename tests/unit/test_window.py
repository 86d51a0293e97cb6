"""What a dataset version holds, by `data.window`; and that each file is new in exactly one, whatever happens."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.data.versions import Manifest, read_manifest
from shared.data.window import Cut, held
from shared.errors import SpecRefused
from shared.events import RetrainRequested
from shared.model_yaml.spec_file import load_spec
from shared.state import AcceptedFile
from tests.fakes.platform import Outcome
from tests.world import World, spec_text

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def file(number: int, rows: int, days_ago: float) -> AcceptedFile:
    return AcceptedFile(number, f"{number:064d}", rows, 10, "", "", NOW - timedelta(days=days_ago))


FILES = [file(1, 100, 200), file(2, 100, 91), file(3, 300, 89), file(4, 100, 10), file(5, 50, 0)]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        ("all", [1, 2, 3, 4, 5]),
        ("batch", [5]),
        ("last: 90d", [3, 4, 5]),
        ("last: 240h", [4, 5]),
        ("last: 150 rows", [4, 5]),
        ("last: 449 rows", [4, 5]),
        ("last: 450 rows", [3, 4, 5]),
        ("last: 10 rows", [5]),
    ],
)
def test_a_window_bounds_what_is_carried_over(window: str, numbers: list[int]) -> None:
    assert [one.number for one in held(window, FILES, Cut(5, 5, NOW))] == numbers


def test_what_is_new_is_in_the_version_whatever_the_window_says() -> None:
    assert [one.number for one in held("last: 1h", FILES, Cut(4, 2, NOW))] == [2, 3, 4]


def test_a_batch_with_nothing_new_is_the_version_before_once_more() -> None:
    before = frozenset({f"{3:064d}", f"{4:064d}"})
    assert [one.number for one in held("batch", FILES, Cut(5, 6, NOW, before))] == [3, 4]


def test_files_accepted_after_the_cut_wait_for_the_next_version() -> None:
    assert [one.number for one in held("all", FILES, Cut(3, 1, NOW))] == [1, 2, 3]


@pytest.mark.parametrize("text", ["all", "batch", "{last: 90d}", "{last: 500000 rows}", '"last: 90d"'])
def test_a_window_is_written_as_a_word_or_as_last(text: str) -> None:
    found = load_spec(spec_text(window=text))
    assert found.data.window == text.strip('{}"')


@pytest.mark.parametrize("text", ["most", "{first: 90d}", "{last: 0d}", "{last: ninety}", "[all]", "90"])
def test_another_window_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(SpecRefused, match=r"data\.window: found .*; right would be (all|text)"):
        load_spec(spec_text(window=text))


def versions(world: World) -> list[Manifest]:
    """The versions that the journal names, in order."""
    lines = [json.loads(line)["event"] for line in world.app.book.journal("m", 1, 10_000)]
    named = dict.fromkeys(line["manifest"] for line in lines if line["kind"] == "RunStarted" and line["manifest"])
    return [read_manifest(world.blobs.read("datasets", name), name=name) for name in named]


@pytest.mark.parametrize(
    ("act", "by"),
    [
        (lambda world: world.drop("second"), "data.batch"),
        (lambda world: world.ask(RetrainRequested), "operations"),
        (lambda world: world.publish(files=2, alpha=2, by="ada"), "ada"),
        (lambda world: world.drift(), "monitor m"),
    ],
    ids=["a full batch", "a person who asked", "a person who published", "a monitor"],
)
def test_a_version_says_who_had_it_cut_and_when(tmp_path: Path, act: Callable[[World], object], by: str) -> None:
    world = World(tmp_path)
    world.publish(files=2)
    world.drop("first")
    world.settle()
    assert versions(world) == []
    act(world)
    world.settle()
    (version,) = versions(world)
    assert (version.by, version.at) == (by, world.release("m-0001").opened_at.isoformat())


ACTS = ("drop", "drop again", "retrain", "register", "publish", "platform silent", "train fails", "time")


@settings(max_examples=25, deadline=None)
@given(
    acts=st.lists(st.sampled_from(ACTS), min_size=3, max_size=14),
    window=st.sampled_from(["all", "batch", '"last: 1h"', '"last: 250 rows"']),
)
def test_each_accepted_file_is_new_in_exactly_one_version(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], window: str
) -> None:
    """Over random histories: drops, repeats, requests, foreign versions, a platform that does not answer, failed runs."""
    world = World(tmp_path_factory.mktemp("window"))
    world.publish(window=window, breaker=100)
    for number, act in enumerate([*acts, "drop"]):
        _do(world, act, number, window)
        world.wait(timedelta(minutes=10), step=timedelta(minutes=1))
    cut = versions(world)
    count = world.head().next_file - 1
    assert sorted(one.number for version in cut for one in version.files if one.new) == list(range(1, count + 1))
    for before, after in itertools.pairwise(cut):
        first = min((one.number for one in after.files if one.new), default=count)
        assert first > max((one.number for one in before.files), default=0), (
            "a window may leave nothing: its run says so"
        )


@pytest.mark.parametrize("silent_minutes", [0, 5])
def test_files_of_a_release_that_ended_before_its_run_began_are_new_in_the_next_version(
    tmp_path: Path, silent_minutes: int
) -> None:
    """Its start still waits to be tried again when its deadline is over; then the platform answers, or goes on to be silent."""
    world = World(tmp_path)
    world.publish(files=1)
    world.settle()
    world.trainer.busy = True
    world.drop("first")
    world.settle()
    world.now += timedelta(minutes=11)
    world.app.fold.advance("m")
    assert world.states()["m-0001"] == "failed"
    world.wait(timedelta(minutes=silent_minutes))
    world.trainer.busy = False
    world.drop("second")
    world.wait(timedelta(minutes=10), step=timedelta(minutes=1))
    assert [[one.number for one in version.files if one.new] for version in versions(world)] == [[1, 2]]
    assert not [run for run in world.trainer.started if run.run_id.startswith("m-0001")]


def _do(world: World, act: str, number: int, window: str) -> None:
    world.trainer.busy, world.trainer.script["train"] = False, Outcome(result={"metrics": {"mse": 1.0}})
    if act.startswith("drop"):
        world.drop(f"rows {number}" if act == "drop" else "rows again", name=str(number))
    elif act == "retrain":
        world.ask(RetrainRequested)
    elif act == "register":
        world.register_by_hand()
    elif act == "publish":
        world.publish(window=window, alpha=number)
    elif act == "platform silent":
        world.trainer.busy = True
        world.drop(f"rows in silence {number}")
    elif act == "train fails":
        world.trainer.script["train"] = Outcome("failed", "no memory")
