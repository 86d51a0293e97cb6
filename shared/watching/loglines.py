"""Log lines read again: when, how loud, the sentence and its fields, as `log.line` wrote them and the host stamped them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

STAMPED = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<level>[A-Z]+) +(?P<text>.+)")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


@dataclass(frozen=True, slots=True)
class Line:
    """One line of ours: `what` is its sentence, `fields` what stands behind it, values as text."""

    at: datetime
    level: str
    what: str
    fields: Mapping[str, str]

    def number(self, name: str) -> float | None:
        """A field as a number, None if it is not there or is none."""
        try:
            return float(self.fields[name])
        except (KeyError, ValueError):
            return None


def read(text: Iterable[str]) -> Iterator[Line]:
    """The lines that can be read. What others print into the same log is passed over.

    >>> log = ['2026-03-01T09:00:00.000Z ERROR event set aside  model=m why="no \\\\"x\\\\"" next="baton deadletters"', "100%|###|"]
    >>> [(line.level, line.what, line.fields["why"]) for line in read(log)]
    [('ERROR', 'event set aside', 'no "x"')]
    """
    for written in text:
        found = STAMPED.match(written)
        if found:
            yield of(datetime.fromisoformat(found["at"]), found["level"], found["text"])


def of(at: datetime, level: str, text: str) -> Line:
    """A message as the logger gets it, with its moment and level."""
    what, _, fields = text.partition("  ")
    return Line(at, level, what, {name: _value(value) for name, value in FIELD.findall(fields)})


def _value(written: str) -> str:
    return str(json.loads(written)) if written.startswith('"') else written
