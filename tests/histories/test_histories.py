"""Random histories, and that what is broken is found, made short, and repeated by its script.

BATON_HISTORIES says how many are played. A failing one is written to .baton/chaos and shown: `baton replay-history FILE`
tells it step by step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.histories import allowed, orderly
from tests.histories.facts import REPLAYED, check_events
from tests.histories.generator import generate
from tests.histories.history import NotAHistory, Step, read, write
from tests.histories.play import play
from tests.histories.stage import Stage
from tests.histories.told import Told
from tests.histories.trial import fails_by, keep, trial

SEEDS = int(os.environ.get("BATON_HISTORIES", "200"))
A_TEST = 25
SHORT_STEPS = 9
SHORT_ONES = [seed for seed in range(0, 200, 2) if len(generate(seed).steps) < 30]
WITH_LETTERS = range(5, 400, 10)  # seeds in which people may ask for dead letters again


@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_histories_keep_every_promise(first: int) -> None:
    failed = [found for found in map(trial, range(first, min(first + A_TEST, SEEDS))) if found.script]

    assert not failed, "\n".join(f"{keep(found)}:\n{found.script}" for found in failed)


@pytest.mark.parametrize(
    ("broken", "oracle"), [("forgetful-table", "events"), ("generous-trainer", "effects"), ("mute-notifier", "effects")]
)
def test_what_is_broken_is_found_made_short_and_repeated_by_its_script(broken: str, oracle: str) -> None:
    found = next(found for found in map(partial(trial, broken=broken, plays_at_most=90), SHORT_ONES) if found.script)

    short = read(found.script)

    assert found.played.findings[0].oracle == oracle
    assert len(short.steps) <= SHORT_STEPS, found.script
    assert fails_by(short, oracle)
    assert not fails_by(read(found.script.replace(f"broken {broken}\n", "")), oracle)


def test_a_seed_gives_the_same_history_and_the_same_play_always() -> None:
    for seed in (6, 7):
        assert generate(seed) == generate(seed)
        assert play(generate(seed)) == play(generate(seed))


def test_one_history_in_ten_is_begun_by_released_code_and_upgraded_in_the_middle(tmp_path: Path) -> None:
    drawn = [generate(seed) for seed in range(200)]
    upgraded = [history for history in drawn if history.began]

    stage = Stage(tmp_path, upgraded[0])
    before = type(stage.apps["A"].fold).__module__
    stage.run(Step("upgrade"))

    assert len(upgraded) == len(drawn) // 10
    assert all(Step("upgrade") in history.steps for history in upgraded)
    assert (before, type(stage.apps["A"].fold).__module__) == ("baton_0_1_0.fold", "shared.fold")


def test_every_history_survives_being_written_and_read() -> None:
    for seed in range(100):
        assert read(write(generate(seed), "a comment")) == generate(seed)


def test_a_line_that_says_nothing_is_named() -> None:
    with pytest.raises(NotAHistory, match="line 2 is no step of a history: 'juggle m1'"):
        read("history same seed 1\njuggle m1\n")


def test_the_histories_meet_every_fault_at_every_kind_of_port() -> None:
    """A generator that stopped crashing processes would find nothing, and look well."""
    ports = ("table", "bells", "blobs", "trainer", "registry", "endpoints", "notifier")
    missing = {(fault, port) for fault in ("crash", "lost", "busy", "stall") for port in ports}

    def tell(told: str) -> None:
        words = told.strip()
        missing.difference_update(
            {(fault, port) for fault, port in missing if words.startswith(f"{fault} at call") and f" {port}." in words}
        )

    for seed in range(200):
        play(generate(seed), tell=tell, compare=False)
        if not missing:
            return
    raise AssertionError(missing)


def test_a_replayed_letter_that_nobody_decides_is_found(tmp_path: Path) -> None:
    told = next(told for told in map(partial(at_rest, tmp_path), WITH_LETTERS) if any(map(is_replayed, told.lines)))
    check_events(told)
    assert not told.stage.watch.findings

    told.lines = [line for line in told.lines if not is_replayed(line)]
    check_events(told)

    assert "events" in [finding.oracle for finding in told.stage.watch.findings]


def at_rest(home: Path, seed: int) -> Told:
    """What the first model's journal tells once the seed's history is over."""
    stage = Stage(home / str(seed), generate(seed))
    for step in stage.history.steps:
        stage.run(step)
    (orderly if stage.history.kind == "same" else allowed).come_to_rest(stage)
    return Told(stage, stage.history.models[0])


def is_replayed(line: Mapping[str, Any]) -> bool:
    return REPLAYED.search(line["event"]["id"]) is not None
