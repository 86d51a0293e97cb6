"""Log lines: a sentence first, then key=value, for a person at night and for a query alike.

The Functions host forwards only the formatted message, so everything stands in it. Values are quoted
where they hold spaces, and whatever is not to be seen (control characters, line separators, marks that turn the
reading direction) is escaped: a blob's name cannot forge a line, or dress as another.
`next=` comes last and is a command or a section of the runbook.
"""

from __future__ import annotations

import json
import logging
import re

from shared import events
from shared.folding.turn import Note

LOGGER = logging.getLogger("baton")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
PLAIN = re.compile(r"[\w.:/@%+-]+")
LONGEST = 400


def line(what: str, **fields: object) -> str:
    """One log line.

    >>> line("candidate held", release="diabetes-0012", why="gain 73.4, must be above 0", next="")
    'candidate held  release=diabetes-0012 why="gain 73.4, must be above 0"'
    """
    last = fields.pop("next", "")
    pairs = [f"{_value(name)}={_value(value)}" for name, value in fields.items() if value not in ("", None)]
    pairs += [f"next={_quoted(str(last))}"] if last else []
    return f"{what}  {' '.join(pairs)}"


def _value(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if PLAIN.fullmatch(text) else _quoted(text[:LONGEST])


def _quoted(text: str) -> str:
    """Text in quotes, on one line, as it would be read.

    >>> print(_quoted("a\u2028b\x9b1m"))
    "a\\u2028b\\u009b1m"
    """
    seen = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in seen)


def note(model: str, event: events.Event, told: Note, line_hash: str = "") -> None:
    """Log one sentence of a committed decision, with model, release, event, and the journal line `NUMBER:HASH` it is in."""
    text = line(
        told.what,
        release=told.release,
        model=model,
        rule=told.rule,
        why=told.why,
        **dict(told.numbers),
        event=event.id[:16],
        journal=_short(line_hash),
        next=told.next,
    )
    LOGGER.log(LEVELS[told.level], text)


def _short(line_hash: str) -> str:
    """Line number and the first 16 digits of its hash: enough to find a journal that was written anew."""
    number, _, digest = line_hash.partition(":")
    return f"{number}:{digest[:16]}" if digest else ""


def info(what: str, **fields: object) -> None:
    """A decision or an effect."""
    LOGGER.info(line(what, **fields))


def warning(what: str, **fields: object) -> None:
    """A retry that somebody may meet again."""
    LOGGER.warning(line(what, **fields))


def error(what: str, *, next: str, **fields: object) -> None:
    """Something that a person must act on; `next` says how."""
    LOGGER.error(line(what, **fields, next=next))


def quiet_the_sdks() -> None:
    """The Azure SDKs log each request at INFO; ours are the lines that matter."""
    for name in ("azure", "azureml", "msrest", "urllib3", "mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # what it says of an address may hold its secret
