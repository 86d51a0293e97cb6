"""How large a drop is once it is unpacked: what its check takes goes by that, and not by the bytes that came."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from shared.data.folders import part_files
from shared.data.formats import Unreadable, recognise, room

BLOCK_BYTES = 1 << 20
CELL_LEAST = 2
"""So many bytes a cell takes at the least as CSV, with what ends it: a cell of Parquet may take next to none."""


def unpacks_beyond(drop: Path, most: int) -> bool:
    """Whether a file, or the parts of a folder together, unpack to more than `most` bytes.

    What cannot be read, and what unpacks to more than any file may, counts as it is: the check refuses it at once.
    """
    return sum(_unpacked(file) for file in part_files(drop)) > most


def _unpacked(file: Path) -> int:
    size, most = file.stat().st_size, room(file)
    try:
        found = recognise(file)
        if found.layout == "parquet":
            metadata = parquet.read_metadata(file)
            unpacked = metadata.num_rows * metadata.num_columns * CELL_LEAST
        else:
            unpacked = _streamed(file, found.packing, most) if found.packing else size
    except (Unreadable, pa.ArrowException, OSError):
        return size
    return size if unpacked > most else max(size, unpacked)


def _streamed(file: Path, packing: str, most: int) -> int:
    read = 0
    with closing(pa.input_stream(str(file), compression=packing)) as stream:
        while read <= most and (block := stream.read(BLOCK_BYTES)):
            read += len(block)
    return read
