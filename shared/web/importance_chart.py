"""Permutation importances as bars, the version's above the champion's, each with the range of its repeats. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.certificates.check_story import Importance, short

WIDTH, HEIGHT, BAR = 240.0, 30.0, 9.0
TOPS = {"version": 3.0, "champion": 17.0}


@dataclass(frozen=True, slots=True)
class Bar:
    """Whose it is, its top and length, and where the range of its repeats begins and ends."""

    whose: str
    y: float
    length: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A feature's bars, and the same in words: this version's, the champion's ("" if none), and what changed."""

    feature: str
    bars: tuple[Bar, ...]
    version: str
    champion: str

    @property
    def says(self) -> str:
        """What the drawing shows, for who cannot see it."""
        beside = f", the champion {self.champion}" if self.champion else ""
        return f"{self.feature}: this version {self.version}{beside}"


def importance_lines(found: Sequence[Importance]) -> tuple[Line, ...]:
    """A line for each feature, all in the scale of the largest end of a range.

    >>> (line,) = importance_lines([Importance("BMI", (5.0, 4.0, 10.0))])
    >>> line.bars[0].length, line.bars[0].high, line.says
    (120.0, 240.0, 'BMI: this version 5 (4 to 10)')
    """
    spans = [span for one in found for span in (one.version, one.champion) if span]
    most = max((max(span) for span in spans), default=0.0)
    scale = WIDTH / most if most > 0 else 0.0
    return tuple(
        Line(
            one.feature,
            tuple(_bar(whose, span, scale) for whose, span in _spans(one)),
            _told(one.version),
            _told(one.champion) if one.champion else "",
        )
        for one in found
    )


def _spans(one: Importance) -> list[tuple[str, tuple[float, float, float]]]:
    return [("version", one.version), *([("champion", one.champion)] if one.champion else [])]


def _bar(whose: str, span: tuple[float, float, float], scale: float) -> Bar:
    length, low, high = (round(max(0.0, value) * scale, 1) for value in span)
    return Bar(whose, TOPS[whose], length, low, high)


def _told(span: tuple[float, float, float]) -> str:
    value, low, high = map(short, span)
    return f"{value} ({low} to {high})"
