"""The tables in shared/ledger.py, line by line: which rows stand after each crash, and who picks up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.crashes.installation import Installation
from tests.crashes.matrix import Fault, Sprung
from tests.crashes.scenes import SCENES, Begin
from tests.fakes.trapped import Crash

FIRST_WRITE = 0


def _crashed(home: Path, kind: str, call: str, which: int, fault: Fault) -> Installation:
    """The scene, and its way up to the `which`-th of these calls, where the process ended."""
    played = Installation.new(home)
    begin = SCENES[kind](played)
    twin, run, trap = played.fork(), played.fork(), Sprung()
    twin.world.trap = trap
    begin(twin.world)
    twin.work()
    places = [number for number, met in enumerate(trap.calls) if met == call]
    run.world.trap = Sprung(places[which], fault)
    with pytest.raises(Crash):
        _go(run, begin)
    run.end_the_process()
    return run


def _go(run: Installation, begin: Begin) -> None:
    begin(run.world)
    run.work()


def _rows(run: Installation, prefix: str) -> int:
    return len(run.world.table.page("m", prefix, prefix + "~", 1000))


@pytest.mark.parametrize(("fault", "stand"), [("ended before", (0, 0)), ("ended after", (1, 1))])
def test_intake_leaves_both_rows_or_none(tmp_path: Path, fault: Fault, stand: tuple[int, int]) -> None:
    run = _crashed(tmp_path, "DataLanded", "table.write", FIRST_WRITE, fault)
    assert (_rows(run, "seen:") - 1, _rows(run, "!2in:")) == stand


def test_an_event_recorded_without_a_ring_is_picked_up_by_the_sweep(tmp_path: Path) -> None:
    run = _crashed(tmp_path, "DataLanded", "table.write", FIRST_WRITE, "ended after")
    run.let_time_pass(timedelta(minutes=6))
    assert _rows(run, "!2in:") == 0
    assert run.world.head().next_file == 2


@pytest.mark.parametrize(("fault", "stand"), [("ended before", (1, 0)), ("ended after", (0, 1))])
def test_the_fold_leaves_the_event_or_its_command(tmp_path: Path, fault: Fault, stand: tuple[int, int]) -> None:
    run = _crashed(tmp_path, "DataLanded", "table.write", FIRST_WRITE + 1, fault)
    assert (_rows(run, "!2in:"), _rows(run, "!3out:")) == stand


def test_a_claim_that_died_is_taken_by_another_after_its_lease(tmp_path: Path) -> None:
    run = _crashed(tmp_path, "RunStarted", "trainer.start", 0, "ended before")
    run.let_time_pass(timedelta(seconds=30))
    assert run.world.trainer.started == ()
    run.let_time_pass(timedelta(minutes=3))
    assert [request.run_id for request in run.world.trainer.started][:1] == ["m-0001-t-1"]


def test_an_effect_whose_outcome_was_not_recorded_is_found_and_not_made_again(tmp_path: Path) -> None:
    run = _crashed(tmp_path, "RunStarted", "trainer.start", 0, "ended after")
    assert _rows(run, "!3out:") >= 1
    run.let_time_pass(timedelta(minutes=3))
    assert run.record.count("run m-0001-t-1 started") == 1
    assert run.world.trainer.calls > len(run.world.trainer.started)
