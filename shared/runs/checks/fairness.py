"""Fairness between groups: how much decisions or errors differ between the values of a column, with intervals.

Parameters: `by`, the column; `threshold`, from which prediction on a row is chosen (0.5); `min_rows`, under which a group is not
judged (30). Where the target is 0 or 1, as fairlearn defines them:

- `selection_rate_difference`, the largest between two groups (demographic parity difference), and `selection_rate_ratio`, the
  smallest over the largest, of which US practice flags less than 0.8 (Uniform Guidelines, 29 CFR 1607.4 D)
- `equalized_odds_difference`, the larger of the differences in true and in false positive rate

For other targets `mean_error_difference` (of prediction minus truth: one group is predicted too high) and
`absolute_error_difference` (one is predicted worse); of more than two classes nothing.
Bounds hold for all pairs of groups together (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import chances_of, is_binary, refuse_many_classes, truth_of
from shared.runs.checks.intervals import apart, difference, ratio

if TYPE_CHECKING:
    from shared.runs.check_one import Subject

Groups = dict[str, list[int]]
CONFIDENCE = 0.95


def check(subject: Subject) -> dict[str, Any]:
    """The differences between the groups of at least `min_rows` rows; with fewer than two there is nothing to compare."""
    refuse_many_classes(subject)
    column, least = subject.parameters["by"], int(subject.parameters.get("min_rows", 30))
    truth, chances = truth_of(subject), chances_of(subject.score(subject.rows), subject.classes)
    groups: Groups = {}
    for place, row in enumerate(subject.rows):
        groups.setdefault(str(row[column]), []).append(place)
    judged = {name: places for name, places in groups.items() if len(places) >= least}
    if len(judged) < 2:
        raise ValueError(f"{len(judged)} of {len(groups)} groups of {column} have {least} rows or more, 2 are needed")
    confidence = 1 - (1 - CONFIDENCE) / (len(judged) * (len(judged) - 1) / 2)
    small = [f"{name} ({len(places)} rows)" for name, places in groups.items() if name not in judged]
    told = [f"too few rows to be judged: {', '.join(small)}"] if small else []
    if is_binary(truth):
        chosen = [chance >= float(subject.parameters.get("threshold", 0.5)) for chance in chances]
        measures, words = _decided(judged, truth, chosen, confidence)
    else:
        measures, words = _predicted(
            judged, [chance - true for chance, true in zip(chances, truth, strict=True)], confidence
        )
    return {"measures": measures, "words": words + told}


def _decided(
    groups: Groups, truth: Sequence[float], chosen: Sequence[bool], confidence: float
) -> tuple[dict[str, Any], list[str]]:
    rates = {name: (sum(chosen[place] for place in places), len(places)) for name, places in groups.items()}
    measures = {
        "selection_rate_difference": _largest_difference(list(rates.values()), confidence),
        "selection_rate_ratio": _smallest_ratio(list(rates.values()), confidence),
    }
    odds = []
    for outcome in (1.0, 0.0):
        counted = [_among(places, truth, chosen, outcome) for places in groups.values()]
        if any(of == 0 for _, of in counted):
            break
        odds.append(_largest_difference(counted, confidence))
    if len(odds) == 2:  # otherwise a group has no row of one outcome, and nothing is said of it
        measures["equalized_odds_difference"] = {part: max(each[part] for each in odds) for part in odds[0]}
    return measures, [f"chosen in {name}: {hits} of {of}" for name, (hits, of) in rates.items()]


def _among(places: Sequence[int], truth: Sequence[float], chosen: Sequence[bool], outcome: float) -> tuple[int, int]:
    those = [place for place in places if truth[place] == outcome]
    return sum(chosen[place] for place in those), len(those)


def _largest_difference(rates: Sequence[tuple[int, int]], confidence: float) -> dict[str, float]:
    """The largest difference of two rates. Its upper bound is the largest of all pairs, since another pair may be it."""
    ordered = [sorted(pair, key=lambda rate: rate[0] / rate[1], reverse=True) for pair in combinations(rates, 2)]
    bounds = [difference(high, low, confidence) for high, low in ordered]
    value = max(high[0] / high[1] - low[0] / low[1] for high, low in ordered)
    return {
        "value": value,
        "lower": max(0.0, *(low for low, _ in bounds)),
        "upper": max(max(abs(low), high) for low, high in bounds),
    }


def _smallest_ratio(rates: Sequence[tuple[int, int]], confidence: float) -> dict[str, float]:
    ordered = [sorted(pair, key=lambda rate: rate[0] / rate[1]) for pair in combinations(rates, 2)]
    if all(hits == 0 for hits, _ in rates):
        return {"value": 1.0, "lower": 0.0, "upper": 1.0}  # nobody is chosen: alike, and nothing is known of the ratio
    bounds = [ratio(low, high, confidence) for low, high in ordered]
    value = min(low[0] / low[1] / (high[0] / high[1]) for low, high in ordered if high[0])
    return {
        "value": value,
        "lower": min(value, *(min(low, 1 / high) for low, high in bounds)),
        "upper": min(1.0, *(high for _, high in bounds)),
    }


def _predicted(groups: Groups, errors: Sequence[float], confidence: float) -> tuple[dict[str, Any], list[str]]:
    parts = {name: [errors[place] for place in places] for name, places in groups.items()}
    absolute = {name: [abs(error) for error in part] for name, part in parts.items()}
    measures = {
        "mean_error_difference": _largest_apart(list(parts.values()), confidence),
        "absolute_error_difference": _largest_apart(list(absolute.values()), confidence),
    }
    words = [
        f"{name}: {len(part)} rows, predicted {fmean(part):+.4g} beside the truth, off by {fmean(absolute[name]):.4g}"
        for name, part in parts.items()
    ]
    return measures, words


def _largest_apart(parts: Sequence[Sequence[float]], confidence: float) -> dict[str, float]:
    ordered = [sorted(pair, key=fmean, reverse=True) for pair in combinations(parts, 2)]
    bounds = [apart(high, low, confidence) for high, low in ordered]
    return {
        "value": max(fmean(high) - fmean(low) for high, low in ordered),
        "lower": max(0.0, *(low for low, _ in bounds)),
        "upper": max(max(abs(low), high) for low, high in bounds),
    }
