"""Whether a text file ends where a row ends: one that was cut inside its last cell looks whole otherwise."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from shared.data.formats import Format

BLOCK_BYTES = 1 << 20
LINE_ENDS = (b"\n", b"\r")


def ends_with_line(file: Path, found: Format) -> bool:
    """Whether the last byte ends a line. A packed file is read through; Parquet has its own end, and always passes."""
    if found.layout == "parquet":
        return True
    last = _last_unpacked(file, found) if found.packing or found.encoding else _last(file)
    return last in LINE_ENDS


def _last(file: Path) -> bytes:
    with file.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read(1)


def _last_unpacked(file: Path, found: Format) -> bytes:
    last = b""
    with closing(found.open(file)) as stream:
        while block := stream.read(BLOCK_BYTES):
            last = block[-1:]
    return last
