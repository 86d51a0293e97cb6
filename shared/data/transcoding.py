"""Text in another encoding as UTF-8, while it streams past."""

from __future__ import annotations

import codecs
from typing import Protocol

from shared.data.unreadable import Unreadable

BLOCK_BYTES = 1 << 20
NAMES = {"cp1252": "windows-1252", "latin-1": "iso-8859-1", "iso8859-15": "iso-8859-15", "utf-16": "UTF-16"}


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


class Transcoded:
    """A stream's text in UTF-8. `Unreadable` names the line of the first bytes that are none of the encoding's."""

    def __init__(self, stream: _Readable, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._line = 1
        self._ready = b""
        self._is_over = False
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of UTF-8, all of it without one; nothing at the end."""
        parts = [self._ready]
        left = size - len(self._ready)
        while not self._is_over and (size < 0 or left > 0):
            part = self._next()
            parts.append(part)
            left -= len(part)
        found = b"".join(parts)
        cut = len(found) if size < 0 else size
        self._ready = found[cut:]
        return found[:cut]

    def close(self) -> None:
        """Close what is below."""
        self._stream.close()
        self.closed = True

    def _next(self) -> bytes:
        block = self._stream.read(BLOCK_BYTES)
        self._is_over = not block
        try:
            text = self._decoder.decode(block, final=self._is_over)
            found = text.encode()
        except UnicodeError as error:
            raise self._wrong(error) from error
        self._line += text.count("\n")
        return found

    def _wrong(self, error: UnicodeError) -> Unreadable:
        name = NAMES.get(self._encoding, self._encoding)
        place = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
        line = self._line + place.count(b"\n")
        what = f"line {line} holds bytes that are no text in {name}"
        return Unreadable("encoding", what, "save the file as UTF-8, or name its encoding in the contract")
