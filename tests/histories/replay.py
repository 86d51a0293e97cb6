"""A script of a history, replayed step by step with its narration: what `baton replay-history` runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shared.errors import Permanent
from tests.histories.history import History, NotAHistory, read
from tests.histories.play import Played, play


def replay(path: Path, tell: Callable[[str], None] | None) -> tuple[History, Played]:
    """Read a script and play it; `Permanent` names the line that cannot be read."""
    try:
        history = read(path.read_text())
    except NotAHistory as error:
        raise Permanent(f"{path}: {error}.", next="mend the line; tests/histories/acts.py names every act") from error
    return history, play(history, tell=tell)
