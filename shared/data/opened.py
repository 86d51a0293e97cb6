"""What reading a file in batches gives, whatever its format: header, batches, and the rows that were left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from shared.data.shown import shown

BLOCK_BYTES = 1 << 22  # no row is longer; the CSV reader reads up to 32 blocks ahead
SAMPLES = 5


@dataclass
class Skipped:
    """Rows of another shape than the header: their numbers (1 is the first data row), and how the first of them look.

    `tell`, if given, hears of each with its number, what is wrong and its whole text.
    """

    numbers: list[int] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    tell: Callable[[int, str, str], None] | None = None

    def add(self, number: int, what: str, text: str) -> None:
        """Note a row that is left out of the batches."""
        self.numbers.append(number)
        if len(self.samples) < SAMPLES:
            self.samples.append(shown(f"{what}: {text}"))
        if self.tell is not None:
            self.tell(number, what, text)


@dataclass
class Rows:
    """An opened file. Once `batches` is exhausted, `header` and `skipped` are complete.

    Batches hold those of the wanted columns that the file has exactly once; CSV cells are bytes, JSON cells text. Of the
    `converted` columns the CSV reader gives values, and the text that they came from is gone. `is_foreign` says
    that only who knows the contract, or the byte order mark of UTF-16, reads it so. Of a folder, `parts` are its parts with the
    number of the first row of each. `sha256` is that of the file's bytes, where the reading has hashed them all by then.
    """

    header: list[str]
    batches: Iterator[pa.RecordBatch]
    skipped: Skipped = field(default_factory=Skipped)
    converted: frozenset[str] = frozenset()
    is_foreign: bool = False
    parts: list[tuple[str, int]] = field(default_factory=list)
    sha256: str = ""
