"""The set-up of a clone: what is due is done once, and the lock is honoured to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.setup import LOCK, SetupFailed, Step, locked, set_up


class Maker:
    """Makes a file, counts how often, and fails on demand."""

    def __init__(self, target: Path, *, failure: str = "") -> None:
        self.target, self.failure, self.times = target, failure, 0

    def __call__(self) -> str:
        self.times += 1
        if self.failure:
            raise SetupFailed(self.failure)
        self.target.touch()
        return "made it"

    def step(self, *sources: Path) -> Step:
        return Step("thing", sources, self.target.exists, self)


def test_a_second_set_up_makes_nothing(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "thing")
    for _ in range(2):
        set_up([maker.step()], stamp=tmp_path / "stamp.json")
    assert maker.times == 1


def test_a_changed_lock_makes_its_step_due_again(tmp_path: Path) -> None:
    maker, lock = Maker(tmp_path / "thing"), tmp_path / "lock"
    for content in ("one", "two"):
        lock.write_text(content)
        set_up([maker.step(lock)], stamp=tmp_path / "stamp.json")
    assert maker.times == 2


def test_what_somebody_deleted_is_made_again(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "thing")
    set_up([maker.step()], stamp=tmp_path / "stamp.json")
    maker.target.unlink()
    set_up([maker.step()], stamp=tmp_path / "stamp.json")
    assert maker.target.exists()


def test_a_failed_step_ends_the_set_up_with_its_whole_output(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "thing", failure="no network\nNext: plug it in.")
    with pytest.raises(SystemExit, match=r"no network\nNext: plug it in\."):
        set_up([maker.step()], stamp=tmp_path / "stamp.json")


def test_a_failed_step_is_due_again(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "thing", failure="no network")
    for _ in range(2):
        with pytest.raises(SystemExit):
            set_up([maker.step()], stamp=tmp_path / "stamp.json")
    assert maker.times == 2


def test_one_package_of_the_lock_keeps_every_hash() -> None:
    text = LOCK.read_text().split("\nuv==", 1)[1]
    hashes = [line.strip(" \\") for line in text.split("    # via", 1)[0].splitlines()[1:]]
    assert [line.strip(" \\") for line in locked("uv").splitlines()[1:]] == hashes
    assert len(hashes) > 1


def test_a_package_that_is_not_locked_is_refused() -> None:
    with pytest.raises(SetupFailed, match="does not lock no-such-package"):
        locked("no-such-package")
