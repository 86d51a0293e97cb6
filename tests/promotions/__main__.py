"""False and true promotions: `python -m tests.promotions` writes docs/promotions.svg and prints docs/decisions.md's table.

1,000 trials with equally good candidates and 1,000 for each true gain of 1, 2 and 5 %. The simple rules are also shown
with a margin that gives them Baton's own rate of false promotions, worked out on trials of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.promotions.chart import drawn
from tests.promotions.rules import CORRECTED, RULES, baton
from tests.promotions.trials import trial

TRIALS = 1000
GAINS = (0.0, 0.01, 0.02, 0.05)
CALIBRATION = 100_000  # numbers from here on are trials that only margins are worked out on
PAGE = Path(__file__).parents[2] / "docs"


def measured(trials: int = TRIALS) -> Mapping[str, list[int]]:
    """Rule to how many of the trials it promotes, for each of `GAINS`."""
    found: dict[str, list[int]] = {name: [] for name in RULES}
    scores: dict[str, list[np.ndarray]] = {name: [] for name in CORRECTED}
    for gain in GAINS:
        drawn_trials = [trial(number, gain=gain) for number in range(trials)]
        for name, rule in RULES.items():
            found[name].append(sum(map(rule, drawn_trials)))
        for name, score in CORRECTED.items():
            scores[name].append(np.array([score(each) for each in drawn_trials]))
    false_rate = found[next(name for name, rule in RULES.items() if rule is baton)][0] / trials
    fresh = [trial(CALIBRATION + number, gain=0.0) for number in range(10 * trials)]
    for name, score in CORRECTED.items():
        margin = float(np.quantile([score(each) for each in fresh], 1 - false_rate))
        found[name] = [int((each > margin).sum()) for each in scores[name]]
    return found


def main() -> int:
    """Measure, draw, print; exit code 1 if the rule promises more than it keeps."""
    found = measured()
    (PAGE / "promotions.svg").write_text(drawn(found, GAINS, TRIALS), encoding="utf-8")
    print("| rule | equally good | 1 % better | 2 % better | 5 % better |\n|---|---|---|---|---|")
    for name, counts in found.items():
        print(f"| {name} | {' | '.join(map(str, counts))} |")
    ours = found[next(iter(RULES))]
    return 0 if ours[0] <= 70 else 1


if __name__ == "__main__":
    sys.exit(main())
