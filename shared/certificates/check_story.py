"""What the declared checks of a certificate found, told to people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.gating.verdict import Document, at, number, text

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


def importances(certificate: Document) -> tuple[tuple[str, float, str], ...]:
    """Feature, its part of the largest importance (0 to 1), and its value with its range, from the check `importance`."""
    given = at(certificate, "checks", "importance", "measures")
    measures: Document = given if isinstance(given, Mapping) else {}
    found = {
        name.removeprefix("importance."): (number(measures, name, "value"), _measure(name, measures))
        for name in measures
        if name.startswith("importance.")
    }
    most = max((value for value, _ in found.values() if value is not None), default=0.0)
    return tuple(
        (feature, max(0.0, value) / most if most > 0 else 0.0, told.split(" ", 1)[1])
        for feature, (value, told) in found.items()
        if value is not None
    )


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
    shown = "not known" if value is None else text(value)
    bounds = "" if low is None or high is None else f" ({text(low)} to {text(high)})"
    return f"{name} {shown}{bounds}"
