"""Values from a file as people may see them."""

from __future__ import annotations

MOST_CHARACTERS = 60


def shown(value: object, most: int = MOST_CHARACTERS) -> str:
    r"""A value as one short line: control characters escaped, the end cut.

    >>> shown("two\nlines")
    'two\\nlines'
    >>> shown("x" * 100, 5)
    'xxxx…'
    """
    text = "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in str(value)[: most + 1]
    )
    return text if len(text) <= most else f"{text[: most - 1]}…"


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def figure(number: float) -> str:
    """A number as it was written, as far as a float keeps its digits: a limit of 1234567 is not told as another one.

    >>> figure(1234567.0), figure(0.1), figure(1e20), figure(1234567890123456789)
    ('1234567', '0.1', '1e+20', '1234567890123456789')
    """
    return str(number) if isinstance(number, int) else f"{number:.15g}"
