"""What a metric is likely to be where labels are late, from the probabilities that a version answers: an estimate, never a measure.

Confidence-based performance estimation (NannyML; J. Białek et al., "We don't need no labels", arXiv 2401.08348): a row that is answered
with p is true with the chance p, so each row adds the metric's value for both truths, each with its chance. Where labels are known,
p is put right by them first (isotonic regression). It sees what moved among the rows, and not a change of what the same rows mean.
`python -m tests.bench.estimate` compares it with NannyML's library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Expected = Callable[
    [Numbers, Numbers, float], Numbers
]  # what is answered, the chance of 1, the threshold -> what each row adds
LEAST_KNOWN = 300  # labels, below which a curve drawn through them says more of chance than of the version
SURE = 1e-15


def _log_loss(answered: Numbers, chance: Numbers, threshold: float) -> Numbers:
    inside = np.clip(answered, SURE, 1 - SURE)
    lost: Numbers = -chance * np.log(inside) - (1 - chance) * np.log1p(-inside)
    return lost


def _brier(answered: Numbers, chance: Numbers, threshold: float) -> Numbers:
    lost: Numbers = chance * (1 - answered) ** 2 + (1 - chance) * answered**2
    return lost


def _accuracy(answered: Numbers, chance: Numbers, threshold: float) -> Numbers:
    right: Numbers = np.where(answered >= threshold, chance, 1 - chance)
    return right


EXPECTED: Mapping[str, Expected] = {"log_loss": _log_loss, "brier": _brier, "accuracy": _accuracy}


def estimate(
    metric: str, answered: Sequence[float], *, threshold: float = 0.5, known: Sequence[tuple[float, float]] = ()
) -> float | None:
    """The metric over all `answered` probabilities of 1, put right by `known` pairs of (answered, truth) if there are `LEAST_KNOWN`.

    None for other metrics, and where the answers are no probabilities: one lies outside 0 to 1, or all are 0 or 1, as classes are.

    >>> round(estimate("log_loss", [0.5, 0.9]), 6), round(estimate("accuracy", [0.4, 0.9]), 6)
    (0.509115, 0.75)
    """
    expected, rows = EXPECTED.get(metric), np.array(answered, dtype=np.float64)
    if expected is None or not _are_chances(rows):
        return None
    pairs = np.array(known, dtype=np.float64).reshape(-1, 2)
    chance = calibrated(rows, *pairs.T) if len(pairs) >= LEAST_KNOWN and np.isin(pairs[:, 1], (0, 1)).all() else rows
    return float(expected(rows, chance, threshold).mean())


def _are_chances(rows: Numbers) -> bool:
    inside = (rows >= 0) & (rows <= 1)
    return bool(len(rows) and inside.all() and not np.isin(rows, (0, 1)).all())


def calibrated(answered: Numbers, known: Numbers, truth: Numbers) -> Numbers:
    """How often it was true where such a probability was answered: the best curve through `known` and `truth` that never falls.

    By pooling neighbours that fall (R. E. Barlow et al., Statistical Inference under Order Restrictions, 1972); straight between points.

    >>> calibrated(np.array([0.1, 0.4, 0.9]), np.array([0.1, 0.3, 0.5, 0.9]), np.array([0.0, 1.0, 0.0, 1.0]))
    array([0. , 0.5, 1. ])
    """
    points, place = np.unique(known, return_inverse=True)
    counts = np.bincount(place)
    blocks = list[tuple[float, int, int]]()  # the mean truth, rows, points
    for mean, rows in zip((np.bincount(place, weights=truth) / counts).tolist(), counts.tolist(), strict=True):
        width = 1
        while blocks and blocks[-1][0] >= mean:
            mean_before, rows_before, width_before = blocks.pop()
            mean = (mean * rows + mean_before * rows_before) / (rows + rows_before)
            rows, width = rows + rows_before, width + width_before
        blocks.append((mean, rows, width))
    means, _, widths = zip(*blocks, strict=True)
    curve: Numbers = np.interp(answered, points, np.repeat(means, widths))
    return curve
