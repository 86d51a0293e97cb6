"""`python -m tests.exhaustive 5`: the search with so many events from outside; prints the count, and the shortest way to what broke.

The tests search up to eight; fewer are sooner over while the chain is being changed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from tests.exhaustive.test_search import SCOPE, search


def main(most: int) -> int:
    """Search, print what was found; 1 if a property broke."""
    found = search(replace(SCOPE, most=most))
    moments, steps, seconds = len(found.edges), found.transitions, time.process_time()
    print(f"up to {most} events: {moments:,} moments, {steps:,} steps between them, {seconds:.0f} s of processor time")
    for number, what in found.broken:
        print(f"broken: {what}, after: {'; '.join(found.path(number))}")
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SCOPE.most))
