"""Trace contexts as W3C Trace Context writes them (`traceparent`, https://www.w3.org/TR/trace-context/), which rows carry.

Every id follows from what it is the id of, so that a redelivered event, a decision made again after a lost race and a
repeated effect have the ids of the first. Pure: chance and the clock have no part in it.
"""

from __future__ import annotations

import re

from shared.names import digest

FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def root(model: str, event: str) -> str:
    """The context of an event that nothing of ours caused: a trace of its own.

    >>> root("diabetes", "11aa")
    '00-60a22bfbb7fabc9c3bfc691a53110c00-dbba0cb19e0b82b9-01'
    """
    ids = digest(f"trace:{model}:{event}")
    return f"00-{ids[:32]}-{ids[32:48]}-01"


def child(parent: str, what: str) -> str:
    """The context of `what` came of the parent, in the same trace; "" of "", which is in none.

    >>> child("00-" + "1" * 32 + "-" + "2" * 16 + "-01", "a")[:36], child("", "a")
    ('00-11111111111111111111111111111111-', '')
    """
    return f"{parent[:36]}{digest(f'{parent}:{what}')[:16]}-01" if parent else ""


def decision(trace: str, event: str) -> str:
    """The context of deciding on an event that carries `trace`."""
    return child(trace, f"decide {event}")


def trace_id(context: str) -> str:
    """The 32 hex digits that name the trace; "" of none."""
    return context[3:35]


def span_id(context: str) -> str:
    """The 16 hex digits that name the span; "" of none."""
    return context[36:52]


def is_same(one: str, other: str) -> bool:
    """Whether both are of one trace."""
    return bool(one) and trace_id(one) == trace_id(other)


def read(told: str) -> str:
    """A context that arrived from outside; "" if it is none. It says where a span is shown, and nothing is decided by it.

    >>> read("00-" + "1" * 32 + "-" + "2" * 16 + "-01")[-3:], read("00-" + "0" * 32 + "-" + "2" * 16 + "-01"), read("x")
    ('-01', '', '')
    """
    return told if FORM.fullmatch(told) else ""
