"""How much longer the app takes to import than the libraries that every such app needs: at most 1.3 times as long.

Every measurement is a fresh interpreter and the two sides alternate, so that a slow moment of the machine meets both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIDES = {
    "app": "import function_app",
    "libraries": "import azure.functions, azure.data.tables, azure.storage.queue, azure.storage.blob",
}
ROUNDS = 9
LIMIT = 1.3


def import_seconds(statement: str) -> float:
    """Seconds that a fresh interpreter spends in one import statement, its own start not counted."""
    code = f"from time import perf_counter as t; a = t(); {statement}; print(t() - a)"
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(fresh.stdout)


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds per side; one unmeasured round first writes the byte code and warms the disk."""
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(rounds + 1):
        for side, statement in SIDES.items():
            seconds = import_seconds(statement)
            if number:
                times[side].append(seconds)
    return times


def main() -> None:
    times = measure(ROUNDS)
    ratio = min(times["app"]) / min(times["libraries"])
    sides = {side: {"min": round(min(ts), 3), "median": round(statistics.median(ts), 3)} for side, ts in times.items()}
    print(json.dumps({"bench": "import", "rounds": ROUNDS, "seconds": sides, "ratio": round(ratio, 3), "limit": LIMIT}))
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
