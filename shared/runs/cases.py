"""The owner's cases: requests and what their answers must be, from the folder's tests/cases.json.

A list of {"request": any JSON, or text to send as it is, "expect": {"status": 200, "predictions": ...}}. The
predictions are one [lowest, highest] a row, or one for all rows; a text is a class that must be answered. "name" is optional.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SpecRefused
from shared.runs.server import Answer

Range = tuple[float, float] | str

TOLD = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One request and its expected answer; `ranges` is empty if the predictions may be anything, one range is for all."""

    name: str
    body: bytes
    status: int
    ranges: tuple[Range, ...] = ()

    def fault(self, answer: Answer) -> str:
        """What is wrong with the answer, as a sentence that begins with the case's name; "" if nothing is."""
        wrong = self._wrong(answer)
        return f"{self.name}: {wrong}" if wrong else ""

    def _wrong(self, answer: Answer) -> str:
        if answer.status != self.status:
            return f"status {answer.status or answer.text}, must be {self.status}"
        if not self.ranges:
            return ""
        predictions = predictions_of(answer.text)
        ranges = self.ranges * len(predictions) if len(self.ranges) == 1 else self.ranges
        if len(predictions) != len(ranges) or not predictions:
            return f"{len(predictions)} predictions, must be {len(self.ranges)}"
        faults = (_off(number, *pair) for number, pair in enumerate(zip(predictions, ranges, strict=True)))
        return next(filter(None, faults), "")


def _off(number: int, found: object, wanted: Range) -> str:
    if isinstance(wanted, str):
        return "" if found == wanted else f"prediction {number} is {found}, must be {wanted}"
    lowest, highest = wanted
    if isinstance(found, int | float) and lowest <= found <= highest:
        return ""
    return f"prediction {number} is {found}, must be {lowest:g} to {highest:g}"


def read_cases(folder: Path) -> list[Case]:
    """The cases of a model folder, none if it has no file of them; `SpecRefused` says which one cannot be read."""
    file = folder / "tests" / "cases.json"
    if not file.is_file():
        return []
    try:
        return [_case(number, entry) for number, entry in enumerate(json.loads(file.read_text()), start=1)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecRefused(
            f"tests/cases.json cannot be read: {type(error).__name__}: {error}",
            next='make it a list of {"request": ..., "expect": {"status": 200, "predictions": [[lowest, highest]]}}',
        ) from error


def try_cases(cases: Sequence[Case], ask: Callable[[bytes], Answer]) -> tuple[int, list[str]]:
    """How many cases passed, and a sentence for each that did not; of very many, the first 20 and how many more."""
    faults = [fault for case in cases if (fault := case.fault(ask(case.body)))]
    more = [f"and {len(faults) - TOLD} more"] if len(faults) > TOLD else []
    return len(cases) - len(faults), faults[:TOLD] + more


def _case(number: int, entry: Mapping[str, object]) -> Case:
    request, expect = entry["request"], entry["expect"]
    if not isinstance(expect, Mapping):
        raise TypeError(f'case {number}: "expect" is {expect!r}')
    body = request if isinstance(request, str) else json.dumps(request)
    name = f"case {number}" + (f" ({entry['name']})" if "name" in entry else "")
    return Case(name, body.encode(), int(expect.get("status", 200)), _ranges(expect.get("predictions", [])))


def _ranges(expected: Sequence[object]) -> tuple[Range, ...]:
    single = isinstance(expected, str) or not all(isinstance(pair, list | str) for pair in expected)
    pairs = [expected] if single else expected
    return tuple(_range(pair) for pair in pairs)


def _range(pair: object) -> Range:
    if isinstance(pair, str):
        return pair
    if not isinstance(pair, list) or len(pair) != 2:
        raise TypeError(f"{pair!r} is not [lowest, highest]")
    return float(pair[0]), float(pair[1])


def predictions_of(text: str) -> list[object]:
    """The predictions in an answer's text; empty if there are none."""
    try:
        answer = json.loads(text)
    except ValueError:
        return []
    found = answer.get("predictions") if isinstance(answer, Mapping) else None
    return found if isinstance(found, list) else []
