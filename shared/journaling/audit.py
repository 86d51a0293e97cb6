"""Checking the journal's hash chain: which line was changed, is missing, stands in another order or was added. Pure.

A line names the hash of the line before; the last one's hash stands in the model's head. So of two lines that do not
fit, the one that its follower names is right, and the other is to blame.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared import names

What = Literal["changed", "missing", "reordered", "added"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it stands somewhere: in which segment or table row, and its exact text."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line that is not as it was written: its number, where it stands or should stand, and what was expected."""

    line: int
    what: What
    place: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"line {self.line} {self.what} in {self.place}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry with what its text says: its own number (0 if it says none), the hash it continues, and its own hash."""

    entry: Entry
    number: int
    prev: str
    hash: str


def first_fault(entries: Sequence[Entry], *, last: int, hash: str) -> Fault | None:
    """The first fault of a whole journal, from line 1; `last` and `hash` are of its last line, as the head has them."""
    return _Chain(entries, last, hash).first_fault()


class _Chain:
    def __init__(self, entries: Sequence[Entry], last: int, hash: str) -> None:
        self._lines = [_read(entry) for entry in entries]
        self._last = last
        self._hash = hash
        self._by_number: dict[int, list[_Read]] = defaultdict(list)
        for line in self._lines:
            self._by_number[line.number].append(line)

    def first_fault(self) -> Fault | None:
        prev, number, place = "", 1, "table"
        for at, line in enumerate(self._lines):
            if number > self._last:
                return self._fault(line, line.number or number, "added", f"nothing after line {self._last}")
            fault = self._at(at, number, prev)
            if fault is not None:
                return fault
            prev, number, place = line.hash, number + 1, line.entry.place
        if number <= self._last:
            whose = self._hash if number == self._last else ""
            expected = (
                f"lines {number} to {self._last}" if number < self._last else f"the line with hash {short(whose)}"
            )
            return Fault(number, "missing", place, expected, "the end")
        return None

    def _at(self, at: int, number: int, prev: str) -> Fault | None:
        """What is wrong with the entry that stands where line `number` belongs, and follows the hash `prev`."""
        line = self._lines[at]
        if line.number != number:
            return self._misplaced(at, number, prev)
        if self._times(number) > 1 and not self._is_confirmed(line):
            return self._fault(line, number, "added", f"one line {number}")
        if line.prev != prev:
            return self._unlike(at, number, prev)
        if not self._is_confirmed(line) and not self._is_confirmed_after(number):
            return self._fault(line, number, "changed", f"the line with hash {short(self._wanted(number))}")
        return None

    def _misplaced(self, at: int, number: int, prev: str) -> Fault:
        line, after = self._lines[at], self._lines[at + 1] if at + 1 < len(self._lines) else None
        expected = f"line {number}, after hash {short(prev)}"
        is_stranger = not 0 < line.number <= self._last or self._times(line.number) > 1
        if self._times(number):
            if is_stranger:
                return self._fault(line, line.number or number, "added", expected)
            return self._fault(line, number, "reordered", expected)
        if line.number == 0 or (is_stranger and (after is None or after.number == number + 1)):
            return self._fault(line, number, "changed", expected)
        return Fault(
            number, "missing", line.entry.place, f"the line with hash {short(self._wanted(number))}", _told(line)
        )

    def _unlike(self, at: int, number: int, prev: str) -> Fault:
        """It continues another hash than the line before has: the one that its follower confirms is right."""
        line = self._lines[at]
        if at > 0 and self._is_confirmed(line):
            before = self._lines[at - 1]
            return self._fault(before, number - 1, "changed", f"the line with hash {short(line.prev)}")
        return self._fault(line, number, "changed", f"a line that continues hash {short(prev)}")

    def _is_confirmed(self, line: _Read) -> bool:
        """Whether the next line, or the head, names this line's hash; where neither is there, nothing speaks against it."""
        wanted = self._wanted_all(line.number)
        return not wanted or line.hash in wanted

    def _is_confirmed_after(self, number: int) -> bool:
        """Whether the follower is the one that was changed: nothing confirms it either."""
        followers = self._by_number.get(number + 1, [])
        return bool(followers) and not any(self._is_confirmed(line) for line in followers)

    def _wanted(self, number: int) -> str:
        return next(iter(self._wanted_all(number)), "")

    def _wanted_all(self, number: int) -> list[str]:
        if number == self._last:
            return [self._hash]
        return [line.prev for line in self._by_number.get(number + 1, [])]

    def _times(self, number: int) -> int:
        return len(self._by_number.get(number, []))

    def _fault(self, line: _Read, number: int, what: What, expected: str) -> Fault:
        return Fault(number, what, line.entry.place, expected, _told(line))


def _read(entry: Entry) -> _Read:
    try:
        found: Any = json.loads(entry.text)
        number, prev = int(found["n"]), str(found["prev"])
    except (ValueError, TypeError, KeyError, RecursionError):
        number, prev = 0, ""
    return _Read(entry, number, prev, names.digest(entry.text))


def _told(line: _Read) -> str:
    what = f"line {line.number}" if line.number else "no line of a journal"
    return f"{what} with hash {short(line.hash)}"


def short(hash: str) -> str:
    """The first 16 digits of a hash, as log lines have it.

    >>> short("")
    'of nothing'
    """
    return hash[:16] or "of nothing"
