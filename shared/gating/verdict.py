"""What a rule answers, and how rules read documents and keep limits.

Rules fail closed: a number that is missing, no number, or not finite is None to them, and None never passes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Answer = Literal["pass", "hold", "fail"]
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's answer. `why` is a sentence with numbers and limit; `numbers` are the same for machines.

    Only a roll-out step answers "fail" (too many errors: take it back); its "hold" means too little traffic yet.
    """

    gate: str
    answer: Answer
    why: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the gate lets through."""
        return self.answer == "pass"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answers of all gates, in the order in which they are asked; with no answer at all it does not pass."""

    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate let through."""
        return bool(self.results) and self.first_failure is None

    @property
    def first_failure(self) -> GateResult | None:
        """The first gate that did not pass: the reason to tell first."""
        return next((result for result in self.results if not result.passed), None)


def at_most(gate: str, what: str, value: float | None, limit: float) -> GateResult:
    return _within(gate, what, value, limit, ok=value is not None and value <= limit, words="at most")


def at_least(gate: str, what: str, value: float | None, limit: float) -> GateResult:
    return _within(gate, what, value, limit, ok=value is not None and value >= limit, words="at least")


def _within(gate: str, what: str, value: float | None, limit: float, *, ok: bool, words: str) -> GateResult:
    if value is None:
        return held(gate, f"{what} not known, must be {words} {text(limit)}", {"limit": limit})
    why = f"{what} {text(value)}, must be {words} {text(limit)}"
    return (passed if ok and math.isfinite(limit) else held)(gate, why, {"value": value, "limit": limit})


def passed(gate: str, why: str, numbers: Mapping[str, float] | None = None) -> GateResult:
    return GateResult(gate, "pass", why, numbers or {})


def held(gate: str, why: str, numbers: Mapping[str, float] | None = None) -> GateResult:
    return GateResult(gate, "hold", why, numbers or {})


def at(document: Document, *path: str) -> object:
    found: object = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def number(document: Document, *path: str) -> float | None:
    found = at(document, *path)
    return float(found) if isinstance(found, int | float) and is_number(found) else None


def is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def text(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 1e5 else f"{number:.6g}"
