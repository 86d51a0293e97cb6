"""The gates of the checks that a model declares in `gates.certificate.checks`, one each. Pure; all fail closed.

A check measures (`shared/runs/examine.py`), the gate decides: by the limits of model.yaml, and never by what the check thinks of
itself. A check that was not run, failed, or left out a measure that has a limit is held with that reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.gating.verdict import Document, GateResult, at, at_least, at_most, held, number, passed, text
from shared.model_yaml.gate_spec import Check

LIMIT = re.compile(r"at (most|least) ([-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?)")
PREFIX = "check_"


def declared_checks(checks: Mapping[str, Check], certificate: Document) -> tuple[GateResult, ...]:
    """One answer for each declared check, in the order of model.yaml."""
    return tuple(_answer(name, check, at(certificate, "checks", name)) for name, check in checks.items())


def limit_of(words: str) -> tuple[str, float] | None:
    """Which way and how far a limit goes; None if it is none.

    >>> limit_of("at most 0.1"), limit_of("at least -2e-3"), limit_of("0.1")
    (('most', 0.1), ('least', -0.002), None)
    """
    found = LIMIT.fullmatch(words)
    try:
        return (found[1], float(found[2])) if found else None
    except ValueError:
        return None


def sentence(name: str, check: Check) -> str:
    """What the gate asks, with every limit."""
    by = "its bound of the 95 % interval, where it has one" if check.judge == "bounds" else "its value"
    limits = ", ".join(f"{measure} {limit}" for measure, limit in check.limits.items())
    given = ", ".join(f"{key} {value}" for key, value in check.parameters.items())
    return f"the check {name}{f' ({given})' if given else ''} finds {limits}, each by {by}"


def _answer(name: str, check: Check, found: object) -> GateResult:
    gate = f"{PREFIX}{name}"
    if not isinstance(found, Mapping):
        return held(gate, "it was not run")
    if found.get("error") is not None:
        return held(gate, f"nothing was measured: {found['error']}")
    results = [_within(gate, check, measure, limit, found) for measure, limit in check.limits.items()]
    if not results:
        return held(gate, "it has no limit, so it decides nothing")
    failure = next((result for result in results if not result.passed), None)
    return failure or passed(gate, "; ".join(result.why for result in results), results[0].numbers)


def _within(gate: str, check: Check, measure: str, words: str, found: Document) -> GateResult:
    """Whether a measure keeps its limit, by the bound on the limit's side if it has one."""
    limit, parts = limit_of(words), at(found, "measures", measure)
    if limit is None:
        return held(gate, f"{measure}: {words!r} is no limit")
    if not isinstance(parts, Mapping):
        return held(gate, f"{measure} was not measured, must be {words}")
    way, most = limit
    bound = {"most": "upper", "least": "lower"}[way]
    part = bound if check.judge == "bounds" and bound in parts else "value"
    value, low, high = number(parts, "value"), number(parts, "lower"), number(parts, "upper")
    if value is None:
        return held(gate, f"{measure} is no finite number, must be {words}")
    if (low is not None and low > value) or (high is not None and high < value):
        return held(gate, f"{measure} {text(value)} lies outside its own bounds")
    told = measure if part == "value" else f"{part} bound of {measure}"
    return (at_most if way == "most" else at_least)(gate, told, number(parts, part), most)
