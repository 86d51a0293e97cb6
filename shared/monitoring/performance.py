"""How well a version predicts, over time, and whether it became worse than when it was judged.

Where labels are late, what a version itself expects of its answers is an estimate, and is never taken for a measure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist

from shared.errors import Permanent
from shared.ledger import Ledger
from shared.monitoring.labels import Answer
from shared.spec import Gates, Spec
from shared.storage.port import BlobMissing, Blobs

ALPHA = 0.01
FLOOR = 0.1  # worse by less than a tenth of what it was is no cause to retrain
LEAST_ROWS = 50
BY_ROW = ("mse", "rmse", "mae", "accuracy", "log_loss", "brier")  # means of one number a row
PROBABILITIES = ("log_loss",)  # metrics whose predictions are the probability of 1
RELEASES_LOOKED_AT = 50


class NotJudged(Permanent):
    """Nobody knows how well a version was when it began."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The metric's value on the holdout rows of a version's evidence, and the gates that name the metric."""

    version: str
    value: float
    rows: int
    gates: Gates


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric over `rows` labelled rows of `answered` ones, with the bounds that hold one-sided with 99 %.

    `estimate` is what the version itself expects of the metric over all answered rows, where it answers probabilities.
    """

    name: str
    answered: int
    rows: int
    value: float | None
    lower: float | None
    upper: float | None
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Worse:
    """Whether a version became worse than when it was judged, with the numbers that say so; `share` is by how much of that."""

    worse: bool
    why: str
    share: float = 0.0


def judged(book: Ledger, blobs: Blobs, rules: Callable[[str, str], Spec], model: str, version: str) -> Judged:
    """What the evidence says of a version.

    `NotJudged` if no release of Baton's made it, its evidence is gone, or its metric is not one of single rows.
    """
    every = [*book.ended(model, RELEASES_LOOKED_AT), *book.read(model).releases.values()]
    release = next((one for one in every if one.version == version and one.evidence), None)
    if release is None:
        what = f"no release of {model} that is known made version {version}"
        raise NotJudged(what, next=f'baton retrain {model} --why "..."')
    gates = rules(model, release.folder).gates
    if gates.metric not in BY_ROW:
        what = f"{gates.metric} is no mean over rows, so labels that come late do not measure it"
        raise NotJudged(what, next=f"measure it yourself; gates.metric can be one of {', '.join(BY_ROW)}")
    container, _, path = release.evidence.partition("/")
    try:
        found = json.loads(blobs.read(container, path))
        value, rows = float(found["candidate"]["value"]), int(found["rows"])
    except (BlobMissing, ValueError, KeyError, TypeError) as error:
        what = f"the evidence of {release.id} does not tell how well version {version} was ({error!r:.100})"
        raise NotJudged(what, next=f"baton explain {release.id}") from error
    return Judged(version, value, rows, gates)


def measured(name: str, found: Iterable[Answer], gates: Gates, *, alpha: float = ALPHA) -> Measured:
    """The metric over the answers that have a label: the bounds are those of the mean of the rows' losses, by the normal law."""
    import numpy as np

    from shared.runs.metrics import fitting, measure, metric_named

    every = list(found)
    known = [answer for answer in every if answer.label is not None]
    estimate = expected_log_loss([answer.prediction for answer in every]) if gates.metric in PROBABILITIES else None
    if not known:
        return Measured(name, len(every), 0, None, None, None, estimate)
    metric = metric_named(gates.metric)
    truth, predicted = (np.array([getattr(one, what) for one in known]) for what in ("label", "prediction"))
    predicted = fitting(gates.metric, truth, predicted, threshold=gates.compare.threshold)
    taken = measure(metric, truth, predicted)
    losses, whole = taken.units, taken.value
    if len(known) < 2:
        return Measured(name, len(every), 1, whole, None, None, estimate)
    away = NormalDist().inv_cdf(1 - alpha) * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    lower, upper = (float(metric.whole(np.maximum(losses.mean() + side * away, 0.0))) for side in (-1, 1))
    return Measured(name, len(every), len(known), whole, lower, upper, estimate)


def expected_log_loss(probabilities: Iterable[float]) -> float | None:
    """The log loss that calibrated probabilities of 1 expect of themselves: their mean entropy, in nats; an estimate.

    Confidence-based performance estimation (NannyML; J. Białek et al., "We don't need no labels", arXiv 2401.08348): each row
    counts as 1 with its own probability. It sees what moved among the rows, and not a change of what the same rows mean.

    >>> round(expected_log_loss([0.5, 0.9]) or 0, 6)
    0.509115
    """
    inside = [min(max(p, 1e-15), 1 - 1e-15) for p in probabilities if 0 <= p <= 1]
    if not inside:
        return None
    return sum(-p * math.log(p) - (1 - p) * math.log1p(-p) for p in inside) / len(inside)


def became_worse(now: Measured, then: Judged, *, alpha: float = ALPHA) -> Worse:
    """Whether the labelled rows show a version that is worse than when it was judged: surely, and by a tenth or more.

    `alpha` is the chance that `now` was measured with. The chance of the holdout rows counts too: the distance to the bound
    grows by sqrt(1 + rows / holdout rows), as for two samples of one spread.
    """
    if now.value is None or now.lower is None or now.upper is None or now.rows < LEAST_ROWS:
        return Worse(False, f"{now.rows} labelled rows, at least {LEAST_ROWS} are needed")
    lower_is_better = then.gates.direction == "lower"
    bound = now.lower if lower_is_better else now.upper
    stretched = now.value + (bound - now.value) * math.sqrt(1 + now.rows / max(1, then.rows))
    loss = now.value - then.value if lower_is_better else then.value - now.value
    share = loss / abs(then.value) if then.value else math.copysign(math.inf, loss)
    surely = stretched > then.value if lower_is_better else stretched < then.value
    word = "at least" if lower_is_better else "at most"
    why = (
        f"{then.gates.metric} {now.value:.4g} on {now.rows} labelled rows ({word} {stretched:.4g} with {1 - alpha:.2%}), "
        f"{then.value:.4g} when it was judged on {then.rows} rows"
    )
    return Worse(surely and share >= FLOOR, why, share)
