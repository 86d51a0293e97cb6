"""Mergeable summaries of a column's values: quantiles, how many are distinct, and the most frequent ones.

Each holds a few kB whatever the number of rows, and the merge of two is as good as one over both, in any order. Quantiles
are KLL sketches of datasketches, which toss coins: two of the same rows differ within `Quantiles.error`, so that their
bytes are never hashed. The other two are our own, over whole arrays: the library takes values one by one.
"""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from datasketches import kll_floats_sketch
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Hashes: TypeAlias = NDArray[np.uint64]
Value: TypeAlias = str | int | float | bool

K = 400
MANY = 1 << 13
STRIDE = 16
STRIDED = 1 / 2000  # what that does to a share: a part of 16 in 8,192, to either side
GREATEST = float(np.finfo(np.float32).max)
EVERY_RANK = np.linspace(0, 1, 2 * K).tolist()
REGISTER_BITS = 12
REGISTERS = 1 << REGISTER_BITS
KEPT = 64
TEXTS_KEPT = 512


def _sketch() -> kll_floats_sketch:
    return kll_floats_sketch(K)


@dataclass
class Quantiles:
    """The distribution of numbers, as 32-bit floats. `fine` has every value of small files; `coarse` each sixteenth of large
    batches, taken in order of size, which says as much at a fraction of the cost and stands for `many` values.
    """

    fine: Any = field(default_factory=_sketch)
    coarse: Any = field(default_factory=_sketch)
    many: int = 0

    def add(self, values: Floats) -> None:
        """Add a batch, sorted and without NaN."""
        if len(values) < MANY and not self.many:
            self.fine.update(_singles(values))
        else:
            first = random.randrange(STRIDE)  # noqa: S311 - a fair place to begin, no secret
            self.coarse.update(_singles(values[first::STRIDE]))
            self.many += len(values)

    def merge(self, other: Quantiles) -> None:
        """Take in what another has seen."""
        self.fine.merge(other.fine)
        self.coarse.merge(other.coarse)
        self.many += other.many

    @property
    def count(self) -> int:
        """How many values it stands for."""
        return int(self.fine.n) + self.many

    @property
    def error(self) -> float:
        """By how much a share of values may be wrong (99 % of the time); 0 while every value is kept."""
        parts = ((self.fine, self.fine.n, 0.0), (self.coarse, self.many, STRIDED))
        wrong = (
            n * (strided + (_error(sketch) if sketch.is_estimation_mode() else 0.0)) for sketch, n, strided in parts
        )
        return sum(wrong) / max(1, self.count)

    def shares(self, points: Sequence[float]) -> tuple[Floats, Floats]:
        """The shares of values below each of the points, which grow, and at or below it."""
        parts = [(sketch, n) for sketch, n in ((self.fine, self.fine.n), (self.coarse, self.many)) if n]
        if not (parts and len(points)):
            return np.zeros(len(points)), np.zeros(len(points))
        each = [np.array([sketch.get_cdf(points, at)[:-1] for at in (False, True)]) for sketch, _ in parts]
        weights = [n / self.count for _, n in parts]
        found = each[0] if len(each) == 1 else weights[0] * each[0] + weights[1] * each[1]
        return found[0], found[1]

    def quantiles(self, ranks: Sequence[float]) -> list[float]:
        """The smallest known values that at least these shares (0 to 1) of all values do not exceed; none of no values."""
        points = self.points(EVERY_RANK)
        _, at = self.shares(points)
        return [points[min(int(np.searchsorted(at, rank - 1e-9)), len(points) - 1)] for rank in ranks if points]

    @property
    def median(self) -> float:
        """The value that half of all values do not exceed; there must be one."""
        if self.many and self.fine.n:
            return self.quantiles([0.5])[0]
        return float((self.coarse if self.many else self.fine).get_quantile(0.5, True))

    def points(self, ranks: Sequence[float]) -> list[float]:
        """Values at about these ranks (0 to 1), each once, in order."""
        return sorted(
            {value for sketch in (self.fine, self.coarse) if sketch.n for value in sketch.get_quantiles(ranks, True)}
        )

    def to_dict(self) -> dict[str, Any]:
        """The stored form; the sketches as base64."""
        kept = {name: _packed(sketch.serialize()) for name, sketch in self._parts().items() if sketch.n}
        return {**kept, "many": self.many}

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Quantiles:
        """The quantiles that `to_dict` gave."""
        parts = {
            name: kll_floats_sketch.deserialize(_unpacked(stored[name]))
            for name in ("fine", "coarse")
            if name in stored
        }
        return Quantiles(**parts, many=stored["many"])

    def _parts(self) -> dict[str, Any]:
        return {"fine": self.fine, "coarse": self.coarse}


def _singles(ordered: Floats) -> NDArray[np.float32]:
    """As 32-bit floats; what is beyond them as the greatest."""
    if len(ordered) and not -GREATEST <= ordered[0] <= ordered[-1] <= GREATEST:
        ordered = np.clip(ordered, -GREATEST, GREATEST)
    return ordered.astype(np.float32)


def _ones(lowest: int) -> np.uint64:
    """The first bits of a hash behind its register's place: a value with one there raises no register beyond `lowest`."""
    return np.uint64(((1 << lowest) - 1) << 64 - REGISTER_BITS - lowest)


def _error(sketch: Any) -> float:
    return float(sketch.normalized_rank_error(False))


@dataclass
class Distinct:
    """How many distinct values there are, by HyperLogLog ("HyperLogLog: the analysis of a near-optimal cardinality estimation
    algorithm", 2007) with 4,096 registers: the standard error is 1.6 %. Merging is exact.
    """

    registers: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(REGISTERS, np.uint8))

    def add(self, hashes: Hashes) -> None:
        """Add values by their 64-bit hashes. Those that could raise no register are left out early."""
        lowest = int(self.registers.min())
        if lowest:
            hashes = hashes[hashes & _ones(lowest) == 0]
        rest = hashes & np.uint64((1 << 64 - REGISTER_BITS) - 1)
        places = (hashes >> np.uint64(64 - REGISTER_BITS)).astype(np.int64)
        _, exponents = np.frexp(rest.astype(np.float64))
        np.maximum.at(self.registers, places, (65 - REGISTER_BITS - exponents).astype(np.uint8))

    def merge(self, other: Distinct) -> None:
        """Take in what another has seen."""
        np.maximum(self.registers, other.registers, out=self.registers)

    @property
    def count(self) -> int:
        """The estimate: by empty registers while there are many of them, else by the harmonic mean."""
        empty = int((self.registers == 0).sum())
        raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / float(np.exp2(-self.registers.astype(np.float64)).sum())
        if empty and raw <= 2.5 * REGISTERS:
            return round(REGISTERS * float(np.log(REGISTERS / empty)))
        return round(raw)

    def to_text(self) -> str:
        """The stored form."""
        return _packed(zlib.compress(self.registers.tobytes(), 9))

    @staticmethod
    def from_text(stored: str) -> Distinct:
        """What `to_text` gave."""
        return Distinct(np.frombuffer(zlib.decompress(_unpacked(stored)), np.uint8).copy())


@dataclass
class Frequent:
    """The most frequent values ("Mergeable Summaries", 2012): the true count of a value is between `counts` of it (0 if it is
    not there) and `error` more. While `error` is 0, all values are there with their exact counts. At most `most` values are kept.
    """

    counts: dict[Value, int] = field(default_factory=dict)
    error: int = 0
    most: int = KEPT

    def add(self, values: Sequence[Value], counts: Sequence[int], error: int = 0) -> None:
        """Add distinct values with their counts; those left out were at most `error` times there."""
        for value, count in zip(values, counts, strict=True):
            self.counts[value] = self.counts.get(value, 0) + count
        self.error += error
        if len(self.counts) > self.most:
            self._shrink()

    def merge(self, other: Frequent) -> None:
        """Take in what another has seen."""
        self.add(list(other.counts), list(other.counts.values()), other.error)

    def _shrink(self) -> None:
        least = sorted(self.counts.values(), reverse=True)[self.most]
        self.counts = {value: count - least for value, count in self.counts.items() if count > least}
        self.error += least

    def to_dict(self) -> dict[str, Any]:
        """The stored form, the most frequent first."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))
        return {
            "values": [value for value, _ in ordered],
            "counts": [count for _, count in ordered],
            "error": self.error,
        }

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Frequent:
        """What `to_dict` gave."""
        return Frequent(dict(zip(stored["values"], stored["counts"], strict=True)), stored["error"])


def largest(counts: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], int]:
    """Places of the largest counts, at most `most`, and the largest count that is left out."""
    if len(counts) <= most:
        return np.arange(len(counts)), 0
    repeated = np.flatnonzero(counts > 1)
    if len(repeated) <= most:
        return repeated, 1
    least = int(np.partition(counts[repeated], -most - 1)[-most - 1])
    return repeated[counts[repeated] > least], least


def hashes_of(numbers: NDArray[Any]) -> Hashes:
    """64-bit hashes of numbers of 8 bytes each (the finisher of MurmurHash3 over their bits)."""
    bits = numbers.view(np.uint64)
    half = bits >> np.uint64(33)
    found = bits ^ half
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        found *= np.uint64(factor)
        np.right_shift(found, np.uint64(33), out=half)
        found ^= half
    return found


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
