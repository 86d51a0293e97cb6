"""Keeps pandas out of a process that only checks: Arrow loads it at the first value from Python, if it is installed.

The check has no use for it, and its import takes longer than the reading of most drops.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NotHere:
    """A finder that stands before all others and says that pandas is not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("a process that checks files does without pandas", name=name)
        return None


def without_pandas() -> None:
    """From now on this process finds no pandas, unless it is loaded already. Safe to call again."""
    if not any(isinstance(finder, _NotHere) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NotHere())
