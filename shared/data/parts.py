"""The rows of a file counted part by part, by other processes or machines, and put together as if one had read them all."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from shared.data.levels import Ages
from shared.data.profile import Profile
from shared.data.references import Known
from shared.data.rules import Contract, Rule
from shared.data.tally import Count, Tally


@dataclass(frozen=True, slots=True)
class Part:
    """What some rows of a file, one after the other, come to."""

    tally: Tally
    ages: Ages
    profile: Profile

    @staticmethod
    def of(contract: Contract, foreign: Known, repeated: Callable[[Rule], Count] | None = None) -> Part:
        """An empty one. A part sees no row of another part, so `repeated` counts the rows that repeat a key, once all are put together."""
        tally = Tally(contract, foreign.values, repeated=repeated or _elsewhere)
        return Part(tally, Ages(contract.levels), Profile.of(contract))

    @property
    def rows(self) -> int:
        """How many it has seen."""
        return self.tally.rows

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of the rows that follow."""
        read = self.tally.add(batch)
        self.ages.add(read)
        self.profile.add(read, batch.num_rows)

    def merge(self, later: Part) -> None:
        """Take in the part whose rows follow this one's."""
        self.tally.merge(later.tally)
        self.ages.merge(later.ages)
        self.profile.merge(later.profile)

    def to_bytes(self) -> bytes:
        """To be sent, in a few kB a column: sketches have a stored form of their own."""
        return pickle.dumps((self.tally, self.ages, self.profile.to_dict()))

    @staticmethod
    def from_bytes(content: bytes) -> Part:
        """What `to_bytes` gave to the same version of this code, by whom the caller trusts: it is unpickled."""
        tally, ages, profile = pickle.loads(content)  # noqa: S301 - a task of the caller's own job sent it
        return Part(tally, ages, Profile.from_dict(profile))


def _elsewhere(_: Rule) -> Count:
    return Count()
