"""`make chaos`: what takes minutes and wants a machine of its own.

With SECONDS it plays random histories for so long; without, it kills the real stack's processes and breaks its storage.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from tests.chaos import histories

EVIDENCE = Path("docs/evidence.md")


def main() -> int:
    """The exit code: 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, help="play random histories for so long")
    parser.add_argument("--first", type=int, help="the first seed; otherwise one that the clock chooses")
    parser.add_argument("--record", action="store_true", help=f"add the run to {EVIDENCE}")
    asked = parser.parse_args()
    if asked.seconds is None:
        return _real()
    first = asked.first if asked.first is not None else int(time.time()) * 1000
    found = histories.run(asked.seconds, first=first, tell=_tell)
    _tell(str(found))
    if asked.record:
        histories.record(found, EVIDENCE)
    return 1 if found.failed else 0


def _tell(what: str) -> None:
    print(what, flush=True)


def _real() -> int:
    try:
        real = importlib.import_module("tests.chaos.real")
    except ModuleNotFoundError:
        _tell("There is no run with real parts here. Next: make chaos SECONDS=60 plays random histories.")
        return 1
    return int(real.main() or 0)


if __name__ == "__main__":
    sys.exit(main())
