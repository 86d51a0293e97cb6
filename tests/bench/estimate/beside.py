"""Estimates of accuracy by Baton and by NannyML on the same chunks: what both say, and what the labels say.

A logistic model of two features that is too sure of itself by a known factor answers 5,000 labelled rows and then chunks of 2,000
without labels, whose features move further with each. In the last chunk what the same rows mean has changed as well, which neither sees.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared.monitoring.estimate import estimate

KNOWN, CHUNK, CHUNKS = 5_000, 2_000, 10
MOVED = 0.15  # further with each chunk
SLOPES, SURE, BLIND = np.array([1.5, -1.0]), 2.0, 0.5
Values = np.ndarray


@dataclass(frozen=True)
class Answered:
    """Rows with what the model answered, the chance of 1, and what was true."""

    answered: Values
    truth: Values

    @property
    def accuracy(self) -> float:
        """The share of rows that the model was right about."""
        return float(((self.answered >= 0.5) == self.truth).mean())


def drawn(random: np.random.Generator, rows: int, *, moved: float, changed: bool = False) -> Answered:
    """Features moved towards where the model is unsure; with `changed` half of the effect of the first is gone."""
    features = random.normal(size=(rows, 2)) + np.array([1.5 - moved, -1.0 + moved])
    score = features @ SLOPES
    true_score = features @ (SLOPES * (BLIND, 1.0)) if changed else score
    truth = random.random(rows) < _chance(true_score)
    return Answered(_chance(SURE * score), truth.astype(float))


def _chance(score: Values) -> Values:
    return 1 / (1 + np.exp(-score))


def by_baton(known: Answered, chunks: Sequence[Answered]) -> list[float]:
    """Our estimates."""
    pairs = list(zip(known.answered.tolist(), known.truth.tolist(), strict=True))
    return [estimate("accuracy", chunk.answered.tolist(), known=pairs) or 0.0 for chunk in chunks]


def by_nannyml(known: Answered, chunks: Sequence[Answered]) -> list[float]:
    """The library's, by its own defaults."""
    from nannyml import CBPE

    names = {"y_pred_proba": "answered", "y_pred": "said", "y_true": "truth"}
    library = CBPE(problem_type="classification_binary", metrics=["accuracy"], chunk_size=CHUNK, **names)
    library.fit(_frame([known]))
    found = library.estimate(_frame(chunks).drop(columns="truth")).filter(period="analysis").to_df()
    return [float(value) for value in found["accuracy", "value"]]


def _frame(parts: Sequence[Answered]) -> pd.DataFrame:
    answered, truth = (np.concatenate([getattr(part, name) for part in parts]) for name in ("answered", "truth"))
    return pd.DataFrame({"answered": answered, "said": (answered >= 0.5).astype(int), "truth": truth.astype(int)})


def main() -> None:
    random = np.random.default_rng(1)
    known = drawn(random, KNOWN, moved=0)
    chunks = [drawn(random, CHUNK, moved=MOVED * number, changed=number == CHUNKS) for number in range(1, CHUNKS + 1)]
    by_nannyml(known, chunks[:1])  # its imports
    found, seconds = {}, {}
    for name, method in (("Baton", by_baton), ("NannyML", by_nannyml)):
        began = time.perf_counter()
        found[name] = method(known, chunks)
        seconds[name] = time.perf_counter() - began
    print("| chunk | by labels | Baton | NannyML | apart | without labels of before |\n|---:|---:|---:|---:|---:|---:|")
    for number, (chunk, ours, theirs) in enumerate(zip(chunks, *found.values(), strict=True), start=1):
        what = ", meaning changed" if number == CHUNKS else ""
        numbers = f"{chunk.accuracy:.4f} | {ours:.4f} | {theirs:.4f} | {abs(ours - theirs):.0e}"
        print(f"| {number}{what} | {numbers} | {estimate('accuracy', chunk.answered.tolist()):.4f} |")
    print("seconds: " + ", ".join(f"{name} {each:.3f}" for name, each in seconds.items()))


if __name__ == "__main__":
    main()
