"""Drops above `inline_limit`: a run on the platform checks them, named by the command, and perform tells what it found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.data.checking import TooLarge
from shared.data.verdict import Problem, Verdict
from shared.errors import PlatformBusy
from shared.events import ReplayRequested
from tests.fakes.platform import Outcome
from tests.world import World

RUN = "m-k-1"
FINE = Verdict(True, "ab" * 32, 5000, ("X", "Y"))
BROKEN = Verdict(False, "cd" * 32, 5000, ("X",), (Problem("required", "X", 1, (3,), (), "X is missing", "add X"),))
A_WHILE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, inline_limit=5)
    made.publish()
    made.settle()
    return made


def _ended(verdict: Verdict) -> Outcome:
    return Outcome(result={"verdict": verdict.to_dict()})


def test_a_drop_at_the_limit_is_checked_here_and_one_byte_more_by_a_run(world: World) -> None:
    world.drop("rows1", name="small")
    world.settle()
    assert (world.head().next_file, [run.step for run in world.trainer.started]) == (2, ["train", "judge", "certify"])

    world.drop("rows12", name="large")
    world.settle()

    (run,) = (run for run in world.trainer.started if run.step == "check")
    assert run.inputs["drop"].endswith(":incoming/m/large.csv")
    assert not run.tags, "a tag with the model's name would open a release for the run"


def test_a_drop_that_unpacks_to_more_than_the_limit_is_checked_by_a_run_and_looked_at_here_once(tmp_path: Path) -> None:
    looked = list[Path]()

    def unpacks(file: Path, contract: Path) -> Verdict:
        looked.append(file)
        raise TooLarge(file.name)

    world = World(tmp_path, inline_limit=5, checker=unpacks)
    world.publish()
    world.settle()
    world.drop("rows1", name="packed")
    world.settle()
    world.trainer.script[RUN] = Outcome("running")
    world.wait(A_WHILE)
    world.trainer.script[RUN] = _ended(FINE)
    world.wait(A_WHILE)

    assert [run.inputs["drop"].endswith("m/packed.csv") for run in world.trainer.started if run.step == "check"] == [
        True
    ]
    assert world.blobs.tags["incoming", "m/packed.csv"]["baton"] == "accepted"
    assert len(looked) == 1


def test_the_runs_verdict_makes_the_drop_a_file(world: World) -> None:
    world.drop("rows12", name="large")
    world.settle()
    assert world.head().next_file == 1

    world.trainer.script[RUN] = _ended(FINE)
    world.wait(A_WHILE)

    (file,) = world.app.book.files("m", 1)
    assert (file.sha256, file.rows, file.size, file.stored) == (FINE.sha256, 5000, 6, f"m/files/{FINE.sha256}.csv")
    assert world.blobs.tags["incoming", "m/large.csv"]["baton"] == "accepted"


def test_the_runs_refusal_stands_on_the_drop_with_its_report(world: World) -> None:
    world.trainer.script[RUN] = _ended(BROKEN)
    world.drop("rows12", name="large")
    world.wait(A_WHILE)

    tags = world.blobs.tags["incoming", "m/large.csv"]
    container, _, page = tags["report"].partition("/")
    assert (tags["baton"], container) == ("refused", "quarantine")
    assert b"X is missing" in world.blobs.read(container, page)


@pytest.mark.parametrize(
    "outcome", [Outcome("failed", "no memory"), Outcome("canceled"), Outcome(result={"something": "else"})]
)
def test_a_run_without_a_verdict_refuses_nobody_and_is_set_aside(world: World, outcome: Outcome) -> None:
    world.trainer.script[RUN] = outcome
    world.drop("rows12", name="large")
    world.wait(A_WHILE)

    assert world.blobs.tags["incoming", "m/large.csv"] == {"baton": "held"}
    ((_, letter),) = world.app.book.dead("m")
    assert "m-k-1, which was to check m/large.csv" in str(letter)


def test_a_drop_whose_run_died_is_told_to_its_owner_and_checked_by_the_folder_of_now_once_it_is_replayed(
    world: World,
) -> None:
    """As where the run needed more memory than model.yaml gave it: the folder that gives more is published meanwhile."""
    world.trainer.script[RUN] = Outcome("failed", "used 4096 MB of memory")
    world.drop("rows12", name="large")
    world.wait(A_WHILE)
    ((key, _),) = world.app.book.dead("m")
    (told,) = (notice.read_text() for notice in (world.home / "notices").iterdir() if "drop held" in notice.read_text())
    assert "m-k-1, which was to check m/large.csv, failed: used 4096 MB of memory" in told
    assert "train.max_memory_mb" in told

    folder = world.publish(alpha=2)
    world.settle()
    world.ask(ReplayRequested, letter=key)
    world.settle()
    again = world.trainer.started[-1]
    assert (again.step, again.folder) == ("check", folder)

    world.trainer.script[again.run_id] = _ended(FINE)
    world.wait(A_WHILE)
    assert world.blobs.tags["incoming", "m/large.csv"]["baton"] == "accepted"
    assert (world.app.book.dead("m"), world.head().next_file) == ([], 2)


def test_a_run_that_never_begins_holds_its_drop_after_a_day_and_a_replay_starts_another(world: World) -> None:
    world.trainer.script[RUN] = Outcome("queued")
    world.drop("rows12", name="large")
    world.wait(timedelta(hours=23), step=timedelta(hours=1))
    assert world.blobs.tags["incoming", "m/large.csv"] == {"baton": "checking"}
    world.wait(timedelta(hours=3), step=timedelta(hours=1))
    assert world.blobs.tags["incoming", "m/large.csv"] == {"baton": "held"}
    assert world.trainer.look(RUN).status == "canceled"
    ((_, letter),) = world.app.book.dead("m")
    assert "is queued for more than 24 hours" in str(letter)


def test_a_drop_that_is_overwritten_while_its_run_goes_is_gone_and_the_next_writing_counts(world: World) -> None:
    world.drop("rows12", name="large")
    world.settle()
    world.drop("rows", name="large")
    world.trainer.script[RUN] = _ended(FINE)
    world.wait(A_WHILE)

    assert [file.size for file in world.app.book.files("m", 2)] == [4]


def test_a_platform_that_does_not_answer_loses_no_drop(world: World) -> None:
    world.trainer.busy = True
    world.drop("rows12", name="large")
    with pytest.raises(PlatformBusy):
        world.trainer.look(RUN)
    world.settle()
    world.trainer.busy = False
    world.trainer.script[RUN] = _ended(FINE)
    world.wait(A_WHILE)

    assert world.head().next_file == 2
