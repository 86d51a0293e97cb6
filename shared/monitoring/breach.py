"""What Azure ML's model monitors (SDK v2) say of a threshold that was passed: a tag on the monitor's run. Pure.

The tag is Azure/azureml-assets' own words, assets/model_monitoring/components/src/model_monitor_evaluate_metrics_threshold/
evaluate_metrics_threshold.py: `The signal '<name>' has failed due to one or more features violating metric thresholds.`,
then a printed list of JSON texts {"group", "metric_value", "metric_name", "threshold_value"}, one for each feature.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TAG = "azureml_modelmonitor_threshold_breached"
SAID = re.compile(
    r"The signal '(?P<signal>[^'\n]{1,200})' has failed due to one or more features violating metric thresholds\."
)
LONGEST, MOST = 200_000, 1000.0
# Metrics of which less is worse, as that file lists them.
LESS_IS_WORSE = ("twosamplekolmogorovsmirnovtest", "pearsonschisquaredtest", "accuracy", "precision", "recall",
                 "normalizeddiscountedcumulativegain", "passrate")  # fmt: skip
PERFORMANCE = ("accuracy", "precision", "recall", "error")


@dataclass(frozen=True, slots=True)
class Breach:
    """A signal of a monitor that alerts. `coefficient` is how many times beyond its threshold the worst feature is, at least 1."""

    signal: str
    kind: str
    coefficient: float
    columns: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model, whose name a signal's begins with: `<model>_<signal>`, as Microsoft asks for the monitor's name there."""
        return self.signal.partition("_")[0]


def read_breach(text: str) -> Breach | None:
    """The breach that a tag tells; None if it tells of none. A list that cannot be read is a breach all the same.

    >>> feature = '{"group":"BMI","metric_value":0.4,"metric_name":"NormalizedWassersteinDistance","threshold_value":0.1}'
    >>> said = "The signal 'diabetes_data' has failed due to one or more features violating metric thresholds."
    >>> read_breach(f"{said} ...the threshold are \\n{[feature]}\\n")
    Breach(signal='diabetes_data', kind='data', coefficient=4.0, columns=('BMI',))
    >>> read_breach("The run has failed.") is None
    True
    """
    found = SAID.search(text)
    if found is None:
        return None
    beyond: dict[str, float] = {}
    metrics: set[str] = set()
    for feature in _features(text[found.end() :]):
        times = _times(feature)
        if times > 1.0:  # older monitors list the features that keep their threshold, too
            group = str(feature.get("group") or "")
            beyond[group] = max(times, beyond.get(group, 1.0))
            metrics.add(_word(feature))
    worst_first = sorted(beyond, key=lambda group: (-beyond[group], group))
    columns = tuple(group for group in worst_first if group and len(group) <= 256 and group.isprintable())[:20]
    return Breach(
        found["signal"], _kind(found["signal"], metrics), round(max(beyond.values(), default=1.0), 6), columns
    )


def _kind(signal: str, metrics: set[str]) -> str:
    name = signal.lower()
    if "performance" in name or any(word in metric for word in PERFORMANCE for metric in metrics):
        return "performance"
    return "prediction" if "prediction" in name else "data"


def _features(text: str) -> Iterator[Mapping[str, Any]]:
    begins, ends = text.find("["), text.rfind("]")
    if not 0 <= begins < ends or len(text) > LONGEST:
        return
    try:
        listed = ast.literal_eval(text[begins : ends + 1])
        features = [json.loads(one) for one in listed]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return
    yield from (feature for feature in features if isinstance(feature, dict))


def _times(feature: Mapping[str, Any]) -> float:
    """How many times beyond its threshold a feature is; at most `MOST`, and 0 where that cannot be said."""
    value, limit = feature.get("metric_value"), feature.get("threshold_value")
    if not isinstance(value, int | float) or not isinstance(limit, int | float) or isinstance(value, bool):
        return 0.0
    if not (math.isfinite(value) and math.isfinite(limit)) or min(value, limit) < 0:
        return 0.0
    above, below = (limit, value) if any(word in _word(feature) for word in LESS_IS_WORSE) else (value, limit)
    return min(MOST, above / below) if below > above / MOST else (MOST if above > 0 else 0.0)


def _word(feature: Mapping[str, Any]) -> str:
    return "".join(filter(str.isalpha, str(feature.get("metric_name", "")).lower()))
