"""Calls to storage that Baton makes for itself: 2 for each event taken in, 3 for each fold, at most 4 for each command.

Counted by a policy in the pipeline of the SDK's clients, against Azurite; `tests/floods/test_calls.py` holds the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from local.azurite import azurite
from tests.bench.figures import Figure, report
from tests.floods.calls import LIMITS, PARTS, measure

NAMES = {"intake": "an event taken in", "advance": "a fold", "perform": "a command, its effect not counted"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, azurite(Path(folder), in_memory=True) as running:
        counts = measure(running.connection_string(), Path(folder), rounds=5)
    figures = [
        Figure(f"storage calls for {NAMES[part]}", round(sum(counts[part].values()), 2), "calls", LIMITS[part])
        for part in PARTS
    ]
    report("calls", figures, {"calls": counts})


if __name__ == "__main__":
    main()
