"""Distinct texts of a batch: how often each is there, how long it is, and a hash of it, by whole columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.sketches import Hashes, hashes_of

LONGEST = 60
HEAD, TAIL = 40, 16
WORD, LONG = 8, 256
MASKS = np.array([(1 << 8 * kept) - 1 for kept in range(WORD + 1)], np.uint64)


@dataclass(frozen=True, slots=True)
class Texts:
    """Distinct texts with their counts, lengths in characters, and 64-bit hashes."""

    texts: pa.Array
    counts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    hashes: Hashes

    def shown(self, places: NDArray[np.int64]) -> list[str]:
        """The texts at these places; of a long one its beginning and a hash, so that different ones stay different."""
        return [_short(text) for text in self.texts.take(pa.array(places)).to_pylist()]


def counted_texts(encoded: pa.DictionaryArray) -> Texts:
    """The distinct ones of a column; nulls do not count."""
    texts, places = encoded.dictionary, encoded.indices.drop_null().to_numpy()
    counts = np.bincount(places, minlength=len(texts))
    return Texts(texts, counts, pc.utf8_length(texts).to_numpy(), _hashes(texts))


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:HEAD]}…{hashlib.sha256(text.encode()).hexdigest()[:TAIL]}"


def _hashes(texts: pa.Array) -> Hashes:
    """Of all texts at once, eight bytes of each at a time; of a long one the rest by SHA-256."""
    _, offsets, content = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    letters = np.frombuffer(content or b"", np.uint8)[: int(ends[-1])]
    letters = np.concatenate((letters, np.zeros(WORD, np.uint8)))
    starts, lengths = ends[:-1], np.diff(ends)
    hashes = hashes_of(lengths)
    for place in range(0, min(int(lengths.max()), LONG), WORD):
        more = np.flatnonzero(lengths > place)
        blocks = letters[(starts[more] + place)[:, None] + np.arange(WORD)]
        words = blocks.view(np.uint64).ravel() & MASKS[np.minimum(lengths[more] - place, WORD)]
        hashes[more] = hashes_of(hashes[more] ^ words)
    for long in np.flatnonzero(lengths > LONG).tolist():
        rest = hashlib.sha256(letters[starts[long] + LONG : ends[long + 1]].tobytes()).digest()
        hashes[long] ^= np.frombuffer(rest[:WORD], np.uint64)[0]
    return hashes
