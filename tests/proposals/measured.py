"""Proposals from one half of a data set, held against the other half: as it is, and damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.propose import ENOUGH_ROWS, propose
from shared.data.rules import Contract
from tests.proposals.damage import DAMAGES
from tests.proposals.tables import halves, table, written

MOST_SWAPS = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of `tried` files were refused."""

    refused: int = 0
    tried: int = 0

    def and_one(self, is_refused: bool) -> Rate:
        """With one more file."""
        return Rate(self.refused + is_refused, self.tried + 1)

    @property
    def percent(self) -> float:
        """The share of the files that were refused."""
        return 100 * self.refused / self.tried


def false_alarms(name: str, splits: int, folder: Path) -> Rate:
    """How many random halves are refused by the contract proposed from the other half."""
    found = Rate()
    for seed in range(splits):
        one, other = halves(table(name), np.random.default_rng(seed))
        contract = _proposed(written(one, folder / "one.csv"), name, other.num_rows)
        found = found.and_one(not check(written(other, folder / "other.csv"), contract).accepted)
    return found


def caught(name: str, splits: int, folder: Path) -> dict[str, Rate]:
    """Of each damage, how many damaged files are refused. A half under 100 rows proposes no limits, so it is made larger."""
    found = dict.fromkeys(DAMAGES, Rate())
    whole = table(name)
    first = max(ENOUGH_ROWS, whole.num_rows // 2)
    for seed in range(splits):
        random = np.random.default_rng(seed)
        one, other = halves(whole, random, first=first)
        contract = _proposed(written(one, folder / "one.csv"), name, other.num_rows)
        for damage, make in DAMAGES.items():
            for file in _files(list(make(whole, other, random)), random, folder):
                found[damage] = found[damage].and_one(not check(file, contract).accepted)
    return found


def _files(made: list[object], random: np.random.Generator, folder: Path) -> Iterator[Path]:
    """The damaged files, one at a time; of very many a random part."""
    chosen = made if len(made) <= MOST_SWAPS else [made[place] for place in random.choice(len(made), MOST_SWAPS, False)]
    for rows in chosen:
        file = folder / "damaged.csv"
        if isinstance(rows, bytes):
            file.write_bytes(rows)
        else:
            written(rows, file)
        yield file


def _proposed(file: Path, name: str, file_rows: int) -> Contract:
    return parse_contract(propose([file], name=name, file_rows=min(file_rows, ENOUGH_ROWS)))
