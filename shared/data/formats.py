"""Which kind of file this is, by its first bytes; what is not read is told with what to send instead."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from shared.data.transcoding import Transcoded
from shared.data.unreadable import Unreadable

INSTEAD = "send CSV (commas, UTF-8), JSON lines or Parquet; CSV and JSON lines may be packed as .gz or .zst"
FIRST_BYTES = 4096
UNPACKED_FREELY = 256 << 20  # bytes; a file may always unpack to so many,
UNPACKED_TIMES = 100  # to so many times its size beyond them, as long as that is not more than
UNPACKED_MOST = 4 << 30  # this; but a large file of rows is no bomb, and may always unpack
UNPACKED_ALWAYS = 20  # to so many times its size
PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow file",
    b"SQLite": "an SQLite database",
    b"\xff\xfe\0\0": "text in UTF-32",
    b"\0\0\xfe\xff": "text in UTF-32",
}
UTF16 = (b"\xff\xfe", b"\xfe\xff")
PARQUET, UTF8_MARK = b"PAR1", b"\xef\xbb\xbf"

__all__ = ["INSTEAD", "UTF8_MARK", "Format", "Unreadable", "recognise", "room", "swollen"]


@dataclass(frozen=True, slots=True)
class Format:
    """How to read a file: its layout, the packing around it, and the encoding of its text where that is not UTF-8."""

    layout: Literal["csv", "jsonl", "parquet"]
    packing: Literal["gzip", "zstd"] | None = None
    encoding: str = ""

    def open(self, file: Path) -> pa.NativeFile:
        """The file's unpacked bytes, text as UTF-8: a stream that raises `Unreadable` where it unpacks to more than `room` says,
        and at bytes that are none of the encoding's.
        """
        stream = pa.input_stream(str(file), compression=self.packing)
        stream = pa.PythonFile(_Measured(stream, file), "r") if self.packing else stream
        return pa.PythonFile(Transcoded(stream, self.encoding), "r") if self.encoding else stream


class _Measured:
    """A stream that counts what it gives: a small file may be packed from more than any machine can hold."""

    def __init__(self, stream: pa.NativeFile, file: Path) -> None:
        self._stream = stream
        self._file = file
        self._left = room(file)
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        part: bytes = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(part)
        if self._left < 0:
            raise swollen("unpacks", self._file)
        return part

    def close(self) -> None:
        self._stream.close()
        self.closed = True


def room(file: Path) -> int:
    """How many bytes a file's rows may take, unpacked, before it counts as a bomb."""
    size = file.stat().st_size
    return max(UNPACKED_FREELY, _times(size) * size)


def _times(size: int) -> int:
    return min(UNPACKED_TIMES, max(UNPACKED_ALWAYS, UNPACKED_MOST // max(1, size)))


def swollen(how: str, file: Path) -> Unreadable:
    """The fault of a file that grows out of all proportion."""
    why = f"{how} to more than {_times(file.stat().st_size)} times its size, and more than {UNPACKED_FREELY >> 20} MiB"
    return Unreadable("format", f"the file {why}", "split it into several files, or send it unpacked")


def recognise(file: Path, encoding: str = "") -> Format:
    """The file's format; `Unreadable` if it is empty or of a kind that is not read. Its name plays no part.

    Text without a byte order mark is in `encoding`, if one is given; UTF-16 is known by its mark.
    """
    with file.open("rb") as content:
        start = content.read(FIRST_BYTES)
    packing = next((name for magic, name in PACKINGS.items() if start.startswith(magic)), None)
    found = Format("csv", packing)  # type: ignore[arg-type]  # the two names are those of PACKINGS
    if packing:
        with closing(found.open(file)) as stream:
            start = stream.read(FIRST_BYTES)
    if start.startswith(UTF16) and not start.startswith(tuple(FOREIGN)):
        found = replace(found, encoding="utf-16")
    elif encoding and not start.startswith((PARQUET, UTF8_MARK, *FOREIGN)):
        found = replace(found, encoding=encoding)
    if found.encoding:
        with closing(found.open(file)) as stream:
            start = stream.read(FIRST_BYTES)
    return replace(found, layout=_layout(start, packing))


def _layout(start: bytes, packing: str | None) -> Literal["csv", "jsonl", "parquet"]:
    if not start.strip():
        raise Unreadable("empty", "the file is empty", "drop a file with a header and rows")
    foreign = next((name for magic, name in FOREIGN.items() if start.startswith(magic)), None)
    if start.startswith(PARQUET) and packing:
        foreign = f"Parquet packed as {packing}"
    if foreign or (b"\0" in start and not start.startswith(PARQUET)):
        raise Unreadable("format", f"the file is {foreign or 'no text'}", INSTEAD)
    if start.startswith(PARQUET):
        return "parquet"
    first = start.removeprefix(UTF8_MARK).lstrip()[:1]
    if first == b"[":
        raise Unreadable(
            "format", "the file is one JSON array", "send JSON lines: one object a line, no commas between"
        )
    return "jsonl" if first == b"{" else "csv"
