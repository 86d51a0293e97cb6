"""The first three oracles, asked of stored rows, the journal's text and the fake platform, once a history is at rest.

rows     folding the journal in its own order gives exactly the rows: head, releases, files, outbox, early and dead ones
events   every input event stands in the journal once, or is recorded as duplicate, stale, refused or dead
effects  the platform saw each effect once per command, and no command without its journal line
"""

from __future__ import annotations

from tests.histories.effects import check_effects
from tests.histories.facts import check_events, check_refused
from tests.histories.rows import check_rows
from tests.histories.stage import Stage
from tests.histories.told import Told


def check(stage: Stage) -> None:
    """Let all three look at every model, and note what they find."""
    for model in stage.history.models:
        if stage.world.app.book.knows(model):
            told = Told(stage, model)
            check_rows(told)
            check_events(told)
            check_effects(told)
    check_refused(stage)
