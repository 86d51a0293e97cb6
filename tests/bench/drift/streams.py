"""Streams with a known change, of river's generators and of plain shifts, in chunks as files would come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from river.datasets import synth

Frame = pd.DataFrame
REFERENCE, CHUNK = 2_000, 200
BEFORE, AFTER = 10, 20


@dataclass(frozen=True)
class Stream:
    """A reference, and chunks of which those from number `changed` on come after the change (None: nothing changes)."""

    reference: Frame
    chunks: tuple[Frame, ...]
    changed: int | None


Rows = Callable[[int, int], Frame]  # (seed, rows) -> rows


def _river(make: Callable[[int], Iterable[tuple[Mapping[str, object], object]]]) -> Rows:
    """Features and target of a generator, the target as a category as a file would have it."""

    def rows(seed: int, count: int) -> Frame:
        drawn = [{**{str(name): value for name, value in x.items()}, "y": y} for x, y in islice(make(seed), count)]
        frame = pd.DataFrame(drawn)
        return frame.astype(
            {name: float for name in frame.columns if frame[name].dtype.kind in "if" and name != "y"}
        ).astype({"y": str})

    return rows


def _normal(shift: float) -> Rows:
    def rows(seed: int, count: int) -> Frame:
        values = np.random.default_rng(seed).normal(size=(count, 10))
        values[:, :2] += shift
        return pd.DataFrame(values, columns=[f"x{number}" for number in range(10)])

    return rows


def _sea(variant: int) -> Rows:
    return _river(lambda seed: synth.SEA(variant=variant, seed=seed))


def _agrawal(function: int) -> Rows:
    return _river(lambda seed: synth.Agrawal(classification_function=function, seed=seed))


def _stagger(function: int) -> Rows:
    return _river(lambda seed: synth.STAGGER(classification_function=function, seed=seed))


def _mixed(function: int) -> Rows:
    return _river(lambda seed: synth.Mixed(classification_function=function, seed=seed, balance_classes=False))


PAIRS: Mapping[str, tuple[Rows, Rows]] = {
    "SEA 8 to 9.5": (_sea(0), _sea(3)),
    "Agrawal 1 to 3": (_agrawal(0), _agrawal(2)),
    "STAGGER 1 to 2": (_stagger(0), _stagger(1)),
    "normal, 2 of 10 by 0.3 sd": (_normal(0), _normal(0.3)),
    "normal, 2 of 10 by 0.5 sd": (_normal(0), _normal(0.5)),
    "normal, 2 of 10 by 1 sd": (_normal(0), _normal(1)),
}


def unchanged(name: str, seed: int) -> Stream:
    """As many chunks as a changed stream has, all like the reference."""
    rows = PAIRS[name][0](2 * seed, REFERENCE + CHUNK * (BEFORE + AFTER))
    return Stream(rows[:REFERENCE], _chunks(rows[REFERENCE:]), None)


def changed(name: str, seed: int) -> Stream:
    """`BEFORE` chunks like the reference, then `AFTER` of the other kind."""
    first, second = PAIRS[name]
    rows = first(2 * seed, REFERENCE + CHUNK * BEFORE)
    others = second(2 * seed + 1, CHUNK * AFTER)
    return Stream(rows[:REFERENCE], (*_chunks(rows[REFERENCE:]), *_chunks(others)), BEFORE)


def _chunks(rows: Frame) -> tuple[Frame, ...]:
    return tuple(rows[first : first + CHUNK].reset_index(drop=True) for first in range(0, len(rows), CHUNK))
