"""What commands print: plain lines, JSON for scripts, and a moving display only where a person watches a terminal."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import click

from shared.errors import BatonError, Permanent, Retryable, SpecRefused

DONE, ERROR, SAID_NO, TOO_LONG = 0, 1, 2, 3
COLOURS: Mapping[str, str] = {
    "green": "live serving accepted ok",
    "yellow": "held awaiting\u00a0approval rejected expired paused frozen waiting warning rows",
    "red": "failed refused error breaking",
}


class SaidNo(Permanent):
    """Baton, or a model, answered and said no."""


class TookTooLong(Retryable):
    """The answer did not come within the time that the person would wait."""


def exit_code(error: BatonError) -> int:
    """What the process ends with for an error."""
    if isinstance(error, SaidNo | SpecRefused):
        return SAID_NO
    return TOO_LONG if isinstance(error, TookTooLong) else ERROR


def tell_error(error: BatonError) -> None:
    """What happened and what to do next, on stderr."""
    click.echo(error.what.rstrip(), err=True)
    tell_next(error.next, err=True)


def tell_next(todo: str, *, err: bool = False) -> None:
    """The next step, if there is one."""
    if todo:
        ends = todo.endswith(("...", "?", "."))
        click.echo(f"Next: {todo}{'' if ends else '.'}", err=err)


def tell_json(value: object) -> None:
    """A value for a script."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def coloured(word: str) -> str:
    """A state in its colour; without a terminal click takes the colour away."""
    name = word.replace(" ", "\u00a0")
    found = next((colour for colour, words in COLOURS.items() if name in words.split(" ")), None)
    return click.style(word, fg=found) if found else word


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the last column runs on."""
    table = [[*row] for row in rows]
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*table, strict=True)]
    return ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))


def clock_time(text: str) -> str:
    """An ISO 8601 time as a person reads it, in UTC as everywhere: `12:38:00`."""
    return f"{datetime.fromisoformat(text):%H:%M:%S}"


def day_and_time(text: str) -> str:
    """An ISO 8601 time with its day, to the minute."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def number(value: object) -> str:
    """A number in at most six digits; anything else as it is."""
    return f"{value:.6g}" if isinstance(value, int | float) else str(value)


def folded(line: str, *, indent: int) -> str:
    """A line folded at the width of the terminal, its later lines indented; whole where stdout is no terminal."""
    if not sys.stdout.isatty():
        return line
    return textwrap.fill(line, shutil.get_terminal_size().columns, subsequent_indent=" " * indent)


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """A moving display while the block runs, where a person watches; elsewhere one line at the begin."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        click.echo(f"{for_what} ...", err=True)
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(for_what):
        yield
