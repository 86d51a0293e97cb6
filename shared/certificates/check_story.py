"""What the declared checks of a certificate found, told to people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from shared.gating.verdict import Document, at, is_number, number, text

ALSO_TOLD = 3


def check_facts(certificate: Document) -> Iterator[tuple[str, str]]:
    """For each check what it measured, then its words; or why there is nothing."""
    checks = certificate.get("checks")
    for name, found in checks.items() if isinstance(checks, Mapping) else ():
        measures = at(found, "measures") if isinstance(found, Mapping) else None
        if not isinstance(measures, Mapping):
            yield str(name), f"nothing was measured: {at(found, 'error') if isinstance(found, Mapping) else found}"
            continue
        yield str(name), "; ".join(_measure(measure, measures) for measure in measures)
        words = at(found, "words")
        for word in words if isinstance(words, list) else ():
            yield f"{name}, in words", str(word)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a check, in words: its name, its value, the interval, and of how many rows ("" each where not known)."""

    check: str
    name: str
    value: str
    interval: str
    rows: str


def measures_of(certificate: Document) -> Iterator[Measure]:
    """All that the declared checks measured, also what has no limit."""
    checks = certificate.get("checks")
    for check, found in checks.items() if isinstance(checks, Mapping) else ():
        measures = at(found, "measures") if isinstance(found, Mapping) else None
        for name in measures if isinstance(measures, Mapping) else ():
            value, low, high, rows = (
                number(certificate, "checks", check, "measures", name, part)
                for part in ("value", "lower", "upper", "rows")
            )
            between = "" if low is None or high is None else f"{short(low)} to {short(high)}"
            shown = "not known" if value is None else short(value)
            yield Measure(str(check), name.replace("_", " "), shown, between, "" if rows is None else text(rows))


def words_of(certificate: Document) -> Iterator[tuple[str, str]]:
    """What each declared check says of what it found, or why it found nothing: (check, sentence)."""
    checks = certificate.get("checks")
    for check, found in checks.items() if isinstance(checks, Mapping) else ():
        told = found if isinstance(found, Mapping) else {"error": found}
        words = told.get("words")
        if told.get("error") is not None:
            yield str(check), f"nothing was measured: {told['error']}"
        yield from ((str(check), str(word)) for word in (words if isinstance(words, list) else ()))


def short(value: float) -> str:
    """Three digits are what such measures are good for; whole numbers stay whole.

    >>> short(0.0123456), short(1234.5), short(300.0), short(1.2e-12)
    ('0.0123', '1234', '300', '1.2e-12')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Importance:
    """By how much the loss rises where a feature's values are shuffled: mean, lowest and highest of the repeats, of the version
    and of the champion (None where none served, or nothing is kept of it)."""

    feature: str
    version: tuple[float, float, float]
    champion: tuple[float, float, float] | None = None

    @property
    def largest(self) -> float:
        """The largest mean of both."""
        return max(self.version[0], self.champion[0] if self.champion else 0.0)


def importances(certificate: Document, attached: Document | None = None) -> tuple[Importance, ...]:
    """What the check `importance` found, the most important first; the champion's from what it attached, as it is kept."""
    given = at(certificate, "checks", "importance", "measures")
    measures: Document = given if isinstance(given, Mapping) else {}
    found = []
    for name in measures:
        value, low, high = (number(measures, name, part) for part in ("value", "lower", "upper"))
        if name.startswith("importance.") and value is not None and low is not None and high is not None:
            feature = name.removeprefix("importance.")
            found.append(Importance(feature, (value, low, high), _repeats(attached or {}, feature)))
    return tuple(sorted(found, key=lambda one: -one.version[0]))


def _repeats(attached: Document, feature: str) -> tuple[float, float, float] | None:
    """Mean, lowest and highest of what the champion's repeats gave; None unless all are numbers."""
    values = at(attached, "champion", feature)
    if not isinstance(values, list) or not values or not all(map(is_number, values)):
        return None
    return fmean(values), min(values), max(values)


def found_by(certificate: Document, *checks: str) -> str:
    """What the first of these checks that measured something found, in one sentence; "" if none did."""
    for name in checks:
        measures = at(certificate, "checks", name, "measures")
        if isinstance(measures, Mapping):
            told = [_measure(measure, measures) for measure in list(measures)[:ALSO_TOLD]]
            return f"the check {name} found {'; '.join(told)}"
    return ""


def _measure(name: str, measures: Document) -> str:
    value, low, high = (number(measures, name, part) for part in ("value", "lower", "upper"))
    shown = "not known" if value is None else short(value)
    bounds = "" if low is None or high is None else f" ({short(low)} to {short(high)})"
    return f"{name.replace('_', ' ')} {shown}{bounds}"
