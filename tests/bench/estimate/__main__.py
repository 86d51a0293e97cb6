"""`python -m tests.bench.estimate`: performance without labels as Baton and as NannyML estimate it, beside the truth, chunk by chunk.

Runs in an environment of its own, built at the first run (`tests/bench/peers/nannyml/requirements.txt`, 2 GB).
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
    python = python_for(PEERS / "nannyml", "run", home=home_folder())
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    return subprocess.run([python, "-m", "tests.bench.estimate.beside", *sys.argv[1:]], env=settings).returncode


if __name__ == "__main__":
    sys.exit(main())
