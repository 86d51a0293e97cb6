"""Seeded trials: a champion and a candidate whose true mean squared errors differ by a known share.

Both err by the same noise of the target and each by its own: e = s + o with s of variance 1 - OWN and o of OWN, scaled
so that the expected squared error is 1 for the champion and 1 - gain for the candidate.
"""

from __future__ import annotations

import numpy as np

from tests.promotions.rules import Trial

ROWS = 100
OWN = 0.005  # of an error's variance: what the models do not share, as with two trainings of one kind


def trial(number: int, *, gain: float, rows: int = ROWS, own: float = OWN) -> Trial:
    """Trial `number`, the same whenever it is asked for; the champion's metric was stored from other rows of the same kind."""
    draw = np.random.default_rng([number, int(gain * 1e6)])
    shared = draw.normal(0, np.sqrt(1 - own), rows)
    champion, candidate = (shared + draw.normal(0, np.sqrt(own), rows) for _ in range(2))
    earlier = draw.normal(0, 1, rows)
    return Trial(champion**2, (1 - gain) * candidate**2, float((earlier**2).mean()))
