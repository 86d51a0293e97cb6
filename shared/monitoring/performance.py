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

    `estimate` is what its probabilities, where it answers some, say of the metric over all answered rows.
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


def measured(
    name: str,
    found: Iterable[Answer],
    gates: Gates,
    *,
    alpha: float = ALPHA,
    labelled: Iterable[Answer] | None = None,
) -> Measured:
    """The metric over the answers that have a label: the bounds are those of the mean of the rows' losses, by the normal law.

    The estimate is put right by the answers that are `labelled`, of `found` if they are not given.
    """
    import numpy as np

    from shared.monitoring.estimate import estimate
    from shared.runs.metrics import fitting, measure, metric_named

    every = list(found)
    known = [answer for answer in every if answer.label is not None]
    pairs = [(one.prediction, one.label) for one in (known if labelled is None else labelled) if one.label is not None]
    answered, threshold = [one.prediction for one in every], gates.compare.threshold
    expected = estimate(gates.metric, answered, threshold=threshold, known=pairs)
    if not known:
        return Measured(name, len(every), 0, None, None, None, expected)
    metric = metric_named(gates.metric)
    truth, predicted = (np.array([getattr(one, what) for one in known]) for what in ("label", "prediction"))
    predicted = fitting(gates.metric, truth, predicted, threshold=threshold)
    taken = measure(metric, truth, predicted)
    losses, whole = taken.units, taken.value
    if len(known) < 2:
        return Measured(name, len(every), 1, whole, None, None, expected)
    away = NormalDist().inv_cdf(1 - alpha) * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    lower, upper = (float(metric.whole(np.maximum(losses.mean() + side * away, 0.0))) for side in (-1, 1))
    return Measured(name, len(every), len(known), whole, lower, upper, expected)


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
