"""How each method looks at a stream: a score for each chunk, higher where it is more sure that something changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from evidently.legacy.calculations.stattests import (
    chi_stat_test,
    jensenshannon_stat_test,
    ks_stat_test,
    psi_stat_test,
    wasserstein_stat_test,
)
from evidently.legacy.core import ColumnType
from river import drift

from shared.data.cells import Cells
from shared.data.comparing import compare
from shared.data.profile import ColumnProfile, Profile
from tests.bench.drift.streams import Frame, Stream

Scores = Sequence[float]
Method = Callable[[Stream], Scores]
SMALLEST = 1e-300


def profile_of(rows: Frame) -> Profile:
    """The profile as the check of such a file would leave it."""
    found = Profile(len(rows), {name: ColumnProfile(_kind(rows, name)) for name in rows.columns})
    for name, column in found.columns.items():
        values = pa.array(rows[name].to_numpy(), from_pandas=True)
        column.add(Cells(values, values))
    return found


def _kind(rows: Frame, name: str) -> str:
    return "number" if rows[name].dtype.kind == "f" else "string"


def decision(stream: Stream) -> Scores:
    """What `baton drift` says: 1 if a column drifted."""
    before = profile_of(stream.reference)
    return [float(any(change.drifted for change in compare(before, profile_of(chunk)))) for chunk in stream.chunks]


def statistic(stream: Stream) -> Scores:
    """The same comparison without its limits: how small the smallest corrected chance is."""
    before = profile_of(stream.reference)
    return [
        -np.log10(max(SMALLEST, min(change.p_value for change in compare(before, profile_of(chunk)))))
        for chunk in stream.chunks
    ]


def _evidently(numbers: object, words: object, score: Callable[[float], float]) -> Method:
    """The largest score of any column, by Evidently's own functions."""

    def scores(stream: Stream) -> Scores:
        before = _with_gaps(stream.reference, stream.reference)
        chunks = [_with_gaps(chunk, stream.reference) for chunk in stream.chunks]
        return [max(_column(before, chunk, name) for name in chunk.columns) for chunk in chunks]

    def _column(before: Frame, now: Frame, name: str) -> float:
        is_number = _kind(now, name) == "number"
        kind, test = (ColumnType.Numerical, numbers) if is_number else (ColumnType.Categorical, words)
        found = test.func(before[name].dropna(), now[name].dropna(), kind, 0.1)  # type: ignore[attr-defined]
        return score(float(found[0] if isinstance(found, tuple) else found.drift_score))

    return scores


def _with_gaps(rows: Frame, reference: Frame) -> Frame:
    """The peers look at values alone, so that a column with gaps is told them a second time, as a category: is it missing or not?"""
    gaps = {f"{name} is missing": rows[name].isna().astype(str) for name in reference if reference[name].isna().any()}
    return rows.assign(**gaps)


def _chance(p_value: float) -> float:
    return -np.log10(max(SMALLEST, p_value)) if p_value == p_value else 0.0


def _adwin(delta: float) -> Callable[[], object]:
    return lambda: drift.ADWIN(delta=delta)


def _page_hinkley(threshold: float) -> Callable[[], object]:
    return lambda: drift.PageHinkley(threshold=threshold, delta=0.05)


def _river(settings: Mapping[float, Callable[[], object]]) -> Method:
    """One detector a column over the rows, categories as their shares in the reference: the score of a chunk is the strictest
    setting (the keys, growing with strictness) under which any column was called changed within it.
    """

    def scores(stream: Stream) -> Scores:
        numbers = _standard(stream)
        found = np.zeros(len(stream.chunks))
        for strictness, make in settings.items():
            for column in range(numbers.shape[1]):
                detector = make()
                for row, value in enumerate(numbers[:, column].tolist()):
                    if value != value:
                        continue
                    detector.update(value)  # type: ignore[attr-defined]
                    if detector.drift_detected and row >= len(stream.reference):  # type: ignore[attr-defined]
                        chunk = (row - len(stream.reference)) // len(stream.chunks[0])
                        found[chunk] = max(found[chunk], strictness)
        return found.tolist()

    return scores


def _standard(stream: Stream) -> np.ndarray:
    reference = _with_gaps(stream.reference, stream.reference)
    rows = _with_gaps(pd.concat([stream.reference, *stream.chunks], ignore_index=True), stream.reference)
    columns = []
    for name in rows.columns:
        if _kind(rows, name) == "number":
            values = rows[name].to_numpy()
        else:
            values = (rows[name] == reference[name].mode()[0]).to_numpy().astype(float)
        known = values[: len(reference)]
        columns.append((values - np.nanmean(known)) / (np.nanstd(known) or 1.0))
    return np.stack(columns, axis=1)


DELTAS = (0.05, 0.01, 0.002, 3e-4, 1e-5)
THRESHOLDS = (20, 30, 50, 70, 100, 150)
PEERS: Mapping[str, Method] = {
    "Baton's statistic": statistic,
    "Evidently KS / chi-square": _evidently(ks_stat_test, chi_stat_test, _chance),
    "Evidently Wasserstein / JS": _evidently(wasserstein_stat_test, jensenshannon_stat_test, float),
    "Evidently PSI": _evidently(psi_stat_test, psi_stat_test, float),
    "river ADWIN": _river({-np.log10(delta): _adwin(delta) for delta in DELTAS}),
    "river Page-Hinkley": _river({threshold: _page_hinkley(threshold) for threshold in THRESHOLDS}),
}
FIXED: Mapping[str, tuple[str, float]] = {
    "KS p < 0.05": ("Evidently KS / chi-square", -float(np.log10(0.05))),
    "PSI > 0.2": ("Evidently PSI", 0.2),
    "Wasserstein or JS ≥ 0.1": ("Evidently Wasserstein / JS", 0.1),
    "ADWIN, delta 0.002": ("river ADWIN", -float(np.log10(0.002))),
}
