"""Quotes in CSV, looked at block by block wherever the blocks end."""

from __future__ import annotations

import io

import pytest

from shared.data.formats import Unreadable
from shared.data.quotes import Quoted


def read(content: bytes, block: int) -> bytes:
    stream = Quoted(lambda: io.BytesIO(content), ",")
    return b"".join(iter(lambda: stream.read(block), b""))


@pytest.mark.parametrize("block", range(1, 9))
@pytest.mark.parametrize(
    "content", [b'a,"b ""c"" d",e\n"","",""\n', b'\xef\xbb\xbf"a","b"\r\n"c\nd",e', b'"""a"""', b"a,b\n", b'""']
)
def test_quotes_in_their_places_pass_whatever_the_blocks(content: bytes, block: int) -> None:
    block = max(block, 3) if content.startswith(b"\xef") else block
    assert read(content, block) == content


@pytest.mark.parametrize("block", range(1, 9))
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'a\n"b\nc,d\n', "line 2: a quote is opened and never closed"),
        (b'a\n"b""', "a quote is opened and never closed"),
        (b'a\nb,"c"d\n', "line 2: text follows a closing quote"),
        (b'a\n\nb"c",d\n', "line 3: a quote stands within a cell without quotes"),
    ],
)
def test_a_quote_out_of_place_is_told_with_its_line_whatever_the_blocks(content: bytes, told: str, block: int) -> None:
    with pytest.raises(Unreadable, match=told):
        read(content, block)
