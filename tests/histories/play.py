"""Playing a history from its first step to its rest, and asking the oracles."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared import log
from tests.histories import allowed, oracles, orderly
from tests.histories.history import History
from tests.histories.ports import Finding
from tests.histories.stage import Stage

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a history: what the oracles found, how many calls it made and faults it met, how long its journals are."""

    findings: tuple[Finding, ...]
    calls: int
    faults: int
    lines: int


def play(history: History, *, tell: Tell | None = None, compare: bool = True) -> Played:
    """Play it in an installation of its own, narrated step by step to `tell`. The same history gives the same, always.

    Without `compare` the fourth oracle is not asked: its orderly runs take longer than all the rest.
    """
    with _narrated(tell), tempfile.TemporaryDirectory(prefix="baton-history-") as home:
        stage = Stage(Path(home), history, tell=None if tell is None else lambda what: tell(f"{'':15}{what}"))
        try:
            _steps(stage, tell)
            _judge(stage, compare=compare)
        except Exception as error:  # noqa: BLE001 - what no oracle foresaw is a finding, too
            stage.watch.find("raised", f"{type(error).__name__}: {error}")
        return Played(tuple(stage.watch.findings), stage.watch.every_call, stage.watch.hit, stage.lines())


def _steps(stage: Stage, tell: Tell | None) -> None:
    for number, step in enumerate(stage.history.steps, start=1):
        if tell is not None:
            tell(f"{number:4}  {stage.world.now:%H:%M:%S} {step}")
        stage.run(step)


def _judge(stage: Stage, *, compare: bool) -> None:
    fourth = orderly if stage.history.kind == "same" else allowed
    stage.tell("everything answers again, and comes to rest")
    fourth.come_to_rest(stage)
    oracles.check(stage)
    if compare:
        fourth.check(stage)


@contextmanager
def _narrated(tell: Tell | None) -> Iterator[None]:
    """Baton's own log lines are part of a narration, and otherwise of nothing: two thousand histories write none."""
    was = log.LOGGER.level, log.LOGGER.propagate
    handler = _Teller(tell) if tell is not None else logging.NullHandler()
    log.LOGGER.addHandler(handler)
    log.LOGGER.propagate = False
    log.LOGGER.setLevel(logging.INFO if tell is not None else logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.LOGGER.removeHandler(handler)
        log.LOGGER.setLevel(was[0])  # it forgets what was cached as switched off, which setting `level` does not
        log.LOGGER.propagate = was[1]


class _Teller(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(f"{'':15}{record.levelname.lower()} {record.getMessage()}")
