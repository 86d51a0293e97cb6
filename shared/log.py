"""Log lines: a sentence first, then key=value, for a person at night and for a query alike.

The Functions host forwards only the formatted message, so everything stands in it. Values are quoted
where they hold spaces, and whatever is not to be seen (control characters, line separators, marks that turn the
reading direction) is escaped: a blob's name cannot forge a line, or dress as another.
`next=` comes last and is a command or a section of the runbook.
"""

from __future__ import annotations

import atexit
import json
import logging
import re
from collections import deque
from contextvars import ContextVar
from typing import Any, Protocol

from shared import events
from shared.folding.turn import Note

LOGGER = logging.getLogger("baton")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
PLAIN = re.compile(r"[\w.:/@%+-]+")
LONGEST = 400
KEPT = 100


class Invocation(Protocol):
    """The `context` that the Functions worker gives a function."""

    @property
    def invocation_id(self) -> str: ...

    @property
    def thread_local_storage(self) -> Any: ...


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
_kept: deque[str] = deque(maxlen=KEPT)


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
    _say(LEVELS[told.level], text)


def _short(line_hash: str) -> str:
    """Line number and the first 16 digits of its hash: enough to find a journal that was written anew."""
    number, _, digest = line_hash.partition(":")
    return f"{number}:{digest[:16]}" if digest else ""


def info(what: str, **fields: object) -> None:
    """A decision or an effect."""
    _say(logging.INFO, line(what, **fields))


def warning(what: str, **fields: object) -> None:
    """A retry that somebody may meet again."""
    _say(logging.WARNING, line(what, **fields))


def error(what: str, *, next: str, **fields: object) -> None:
    """Something that a person must act on; `next` says how."""
    _say(logging.ERROR, line(what, **fields, next=next))


def later(what: str, **fields: object) -> None:
    """A warning of a thread that works beside the functions: the next function says it, or the process when it ends.

    Azure's host passes on a worker's line only with the invocation that it belongs to (Azure/azure-functions-host,
    GrpcWorkerChannel.Log), and such a thread has none. The latest 100 are kept.
    """
    _kept.append(line(what, **fields))


def say_kept() -> None:
    """Log what `later` kept, here and now. Each line is said once, whoever calls."""
    while _kept:
        try:
            text = _kept.popleft()
        except IndexError:  # another thread says it
            return
        _say(logging.WARNING, text)


atexit.register(say_kept)


def belongs_to(invocation: Invocation) -> None:
    """Have the lines of this task, and of the threads that it starts with its context variables, belong to an invocation.

    The worker knows the thread that it called a function on; a web framework answers on threads of its own.
    """
    _invocation.set(invocation)


def _say(level: int, text: str) -> None:
    invocation = _invocation.get()
    if invocation is not None:
        invocation.thread_local_storage.invocation_id = invocation.invocation_id
    LOGGER.log(level, text)


def quiet_the_sdks() -> None:
    """The Azure SDKs log each request at INFO; ours are the lines that matter."""
    for name in ("azure", "azureml", "msrest", "urllib3", "mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # what it says of an address may hold its secret
