"""`python -m tests.proposals --splits 100`: what proposed contracts catch, and the false alarms beside it.

For each of scikit-learn's five data sets and each split, a contract is proposed from a random half and held against the
other half, as it is and damaged. Five to ten minutes of one core for 100 and 5 splits.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.proposals.damage import DAMAGES
from tests.proposals.measured import Rate, caught, false_alarms
from tests.proposals.tables import NAMES


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.proposals", description=__doc__)
    parser.add_argument("--splits", type=int, default=100, help="splits for the false alarms")
    parser.add_argument("--damaged-splits", type=int, default=5, help="splits whose other half is damaged")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-proposals-") as name:
        folder = Path(name)
        fine = {name: false_alarms(name, options.splits, folder) for name in NAMES}
        bad = {name: caught(name, options.damaged_splits, folder) for name in NAMES}
    _line("", list(NAMES))
    _line("nothing changed", [_told(fine[name]) for name in NAMES])
    for damage in DAMAGES:
        _line(damage, [_told(bad[name][damage]) for name in NAMES])


def _told(rate: Rate) -> str:
    return f"{rate.percent:.1f} % of {rate.tried}" if rate.tried else "-"


def _line(head: str, cells: list[str]) -> None:
    print(f"| {head:41} | " + " | ".join(f"{cell:>17}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
