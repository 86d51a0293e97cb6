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


WORDS, SHARES = ("north", "south", "east", "west"), (0.4, 0.3, 0.2, 0.1)
Change = Callable[[Frame, np.random.Generator], None]


def _file(change: Change | None = None) -> Rows:
    """Rows as files have them: two normal columns, one skewed, one of four words, and one that is missing in 3 of 100 rows."""

    def rows(seed: int, count: int) -> Frame:
        random = np.random.default_rng(seed)
        found = pd.DataFrame(
            {
                "height": random.normal(size=count),
                "weight": random.normal(size=count),
                "price": random.lognormal(size=count),
                "region": random.choice(WORDS, count, p=SHARES),
                "age": np.where(random.random(count) < 0.03, np.nan, random.normal(40, 10, count)),
            }
        )
        if change:
            change(found, random)
        return found

    return rows


def _shift(deviations: float) -> Change:
    def change(rows: Frame, random: np.random.Generator) -> None:
        rows["height"] += deviations

    return change


def _scale(factor: float) -> Change:
    def change(rows: Frame, random: np.random.Generator) -> None:
        rows["height"] *= factor

    return change


def _new_word(share: float) -> Change:
    def change(rows: Frame, random: np.random.Generator) -> None:
        rows["region"] = np.where(random.random(len(rows)) < share, "offshore", rows["region"])

    return change


def _more_missing(share: float) -> Change:
    def change(rows: Frame, random: np.random.Generator) -> None:
        rows["age"] = np.where(random.random(len(rows)) < share, np.nan, rows["age"])

    return change


def _gradual(deviations: float) -> Change:
    """Row by row further away, up to so much at the end."""

    def change(rows: Frame, random: np.random.Generator) -> None:
        rows["height"] += np.linspace(0, deviations, len(rows))

    return change


def _sea(variant: int) -> Rows:
    return _river(lambda seed: synth.SEA(variant=variant, seed=seed))


def _agrawal(function: int) -> Rows:
    return _river(lambda seed: synth.Agrawal(classification_function=function, seed=seed))


def _stagger(function: int) -> Rows:
    return _river(lambda seed: synth.STAGGER(classification_function=function, seed=seed))


def _mixed(function: int) -> Rows:
    return _river(lambda seed: synth.Mixed(classification_function=function, seed=seed, balance_classes=False))


GENERATED: Mapping[str, tuple[Rows, Rows]] = {
    "SEA 8 to 9.5": (_sea(0), _sea(3)),
    "Agrawal 1 to 3": (_agrawal(0), _agrawal(2)),
    "STAGGER 1 to 2": (_stagger(0), _stagger(1)),
}
CHANGES: Mapping[str, Change] = {
    "mean by 0.5 sd": _shift(0.5),
    "mean by 1 sd": _shift(1),
    "deviation doubled": _scale(2),
    "new category, 5 %": _new_word(0.05),
    "missing, 15 % more": _more_missing(0.15),
    "gradual, to 1 sd": _gradual(1),
}
PAIRS: Mapping[str, tuple[Rows, Rows]] = {
    **{name: (_file(), _file(change)) for name, change in CHANGES.items()},
    **GENERATED,
}
FILES = "file, unchanged"
BASES: Mapping[str, str] = {**dict.fromkeys(CHANGES, FILES), **{name: f"{name}, unchanged" for name in GENERATED}}


def unchanged(base: str, seed: int) -> Stream:
    """As many chunks as a changed stream has, all like the reference."""
    name = next(name for name, one in BASES.items() if one == base)
    rows = PAIRS[name][0](2 * seed, REFERENCE + CHUNK * (BEFORE + AFTER))
    return Stream(rows[:REFERENCE], _chunks(rows[REFERENCE:]), None)


def changed(name: str, seed: int) -> Stream:
    """`BEFORE` chunks like the reference, then `AFTER` of the other kind; of no unchanged stream's seed."""
    first, second = PAIRS[name]
    rows = first(2 * (seed + 1_000), REFERENCE + CHUNK * BEFORE)
    others = second(2 * (seed + 1_000) + 1, CHUNK * AFTER)
    return Stream(rows[:REFERENCE], (*_chunks(rows[REFERENCE:]), *_chunks(others)), BEFORE)


def _chunks(rows: Frame) -> tuple[Frame, ...]:
    return tuple(rows[first : first + CHUNK].reset_index(drop=True) for first in range(0, len(rows), CHUNK))
