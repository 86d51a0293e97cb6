"""A history on trial: played, and if an oracle finds something, shrunk and written as a script that repeats it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tests.histories.generator import generate
from tests.histories.history import History, write
from tests.histories.play import Played, play
from tests.histories.shrink import PLAYS_AT_MOST, shrink

FIRST_THREE = ("rows", "events", "effects")
SCRIPTS = Path(".baton/chaos")


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a seed. `script` is empty where nothing was found."""

    seed: int
    played: Played
    script: str = ""


def trial(seed: int, *, broken: str = "", plays_at_most: int = PLAYS_AT_MOST) -> Trial:
    """Play the seed's history; a failing one is shrunk to a short script."""
    history = replace(generate(seed), broken=broken)
    played = play(history)
    if not played.findings:
        return Trial(seed, played)
    oracle = played.findings[0].oracle
    short = shrink(history, lambda less: fails_by(less, oracle), plays_at_most=plays_at_most)
    return Trial(seed, played, script(short, len(history.steps)))


def fails_by(history: History, oracle: str) -> bool:
    """Whether this oracle finds something."""
    played = play(history, compare=oracle not in FIRST_THREE)
    return any(finding.oracle == oracle for finding in played.findings)


def script(history: History, steps_before: int) -> str:
    """The history as a script, with what is found in it."""
    found = [f"{finding.oracle}: {finding.what}" for finding in play(history).findings]
    return write(history, f"shrunk from {steps_before} steps to {len(history.steps)}; the oracles find:", *found)


def keep(trial: Trial, folder: Path = SCRIPTS) -> Path:
    """Write a failing trial's script where `baton replay-history` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"history-{trial.seed}.txt"
    path.write_text(trial.script)
    return path
