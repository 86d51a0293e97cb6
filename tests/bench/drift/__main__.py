"""`python -m tests.bench.drift [--streams 10] [--seconds 600]`: how many chunks pass until a known change is seen, and what false alarms
cost, for Baton, Evidently and river.

Runs in an environment of its own, built at the first run (`tests/bench/peers/detectors/requirements.txt`): Evidently needs an older
pandas than ours. Options are those of `tests.bench.drift.delays`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local.daemon import home_folder
from shared.runs.environments import python_for

PEERS = Path(__file__).parents[1] / "peers"


def main() -> int:
    """The exit code of the process that measures."""
    python = python_for(PEERS / "detectors", "run", home=home_folder())
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    return subprocess.run([python, "-m", "tests.bench.drift.delays", *sys.argv[1:]], env=settings).returncode


if __name__ == "__main__":
    sys.exit(main())
