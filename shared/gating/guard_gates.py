"""What a candidate that gains must not lose: guard metrics within a margin, and no slice that is shown to be worse.

Source of the correction: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
Statistics 6 (1979). Pure; all fail closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

from shared.gating.sanity_gates import no_champion
from shared.gating.verdict import Document, GateResult, at, held, number, passed, text
from shared.model_yaml.gate_spec import Slices
from shared.spec import Gates

FEWEST_UNITS = 15
"""Users or blocks of time from which on the bootstrap's bounds hold: many rows of fewer show nothing."""


def guards(gates: Gates, evidence: Document) -> GateResult:
    """Non-inferiority: each guard metric's gain has its lower bound above minus its margin."""
    if no_champion(evidence):
        return passed("guards", "no champion to fall behind")
    lost: list[str] = []
    kept: list[str] = []
    numbers: dict[str, float] = {}
    for name, margin in gates.guards.items():
        lower, confidence = (number(evidence, "guards", name, part) for part in ("lower", "confidence"))
        if lower is None or confidence is None or confidence < gates.confidence:
            error = at(evidence, "guards", name, "error")
            lost.append(f"{name} was not compared{f': {error}' if error else ''}")
            continue
        told = f"{name} may be worse by {text(-lower) if lower < 0 else 0}, at most {text(float(margin))} is allowed"
        numbers |= {f"{name}_lower": lower, f"{name}_margin": float(margin)}
        (kept if lower > -float(margin) else lost).append(told)
    return held("guards", "; ".join(lost), numbers) if lost else passed("guards", "; ".join(kept), numbers)


def holm(chances: Sequence[float], level: float) -> list[bool]:
    """Which of the hypotheses are rejected, so that with `level` none of the true ones is.

    >>> holm([0.001, 0.01, 0.02, 0.04, 0.2], 0.05)
    [True, True, False, False, False]
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    rejected = [False] * len(chances)
    for passed_over, place in enumerate(order):
        if chances[place] > level / (len(chances) - passed_over):
            break
        rejected[place] = True
    return rejected


def slices(gates: Gates, evidence: Document) -> GateResult:
    """No slice with enough rows is shown to lose more than the margin, at one error level for all of them, and each that
    the spec asks for was looked at.
    """
    if no_champion(evidence):
        return passed("slices", "no champion to lose against")
    found = evidence.get("slices")
    if not isinstance(found, list | tuple) or not found:
        return held("slices", "no slice was looked at")
    if missing := _not_looked_at(gates.slices, found):
        return held("slices", f"asked for and not looked at: {'; '.join(missing)}"[:1500])
    few = [str(at(each, "slice")) for each in found if not _judged(gates, each)]
    judged = [each for each in found if _judged(gates, each)]
    chances = [number(each, "p_worse") for each in judged]
    known = [chance for chance in chances if chance is not None and 0 <= chance <= 1]
    if len(known) < len(judged):
        return held("slices", f"a slice was not compared{_why_not(judged)}"[:1500])
    worse = [*compress(judged, holm(known, 1 - gates.confidence))]
    aloud = f"; not judged for too few rows: {', '.join(few)}" if few else ""
    told = "; ".join(_words(worse))
    if any(gates.slices.found == "hold" or not at(each, "found") for each in worse):
        return held("slices", f"shown to be worse in {told}{aloud}"[:1500], {"worse": float(len(worse))})
    beside = f", but the found slice {told}: look at it" if worse else ""
    return passed("slices", f"of {len(judged)} slices none declared is shown to be worse{beside}{aloud}"[:1500])


def _not_looked_at(asked: Slices, found: Sequence[object]) -> list[str]:
    """What the spec asks for and no slice is of: a value of each column, each condition, and the search for the worst."""
    names = [str(at(each, "slice")) for each in found if isinstance(each, Mapping)]
    columns = [f"values of {name}" for name in asked.columns if not any(one.startswith(f"{name} = ") for one in names)]
    conditions = [condition for condition in asked.where if condition not in names]
    is_searched = any(at(each, "found") is True for each in found if isinstance(each, Mapping))
    return [*columns, *conditions, *(["the worst slice"] if asked.depth and not is_searched else [])]


def _why_not(judged: Sequence[object]) -> str:
    told = [
        f"{at(each, 'slice')}, {error}" for each in judged if isinstance(each, Mapping) and (error := each.get("error"))
    ]
    return f": {'; '.join(told)}" if told else ""


def is_too_small(asked: Slices, told: Document) -> bool:
    """Whether a slice is not judged, by what is told of it: of so few rows, rows of the rarer kind, or units no bound holds."""
    rows, positives, units = (number(told, name) for name in ("rows", "positives", "units"))
    few_units = units is not None and units < FEWEST_UNITS
    few_positives = positives is not None and positives < asked.min_positives
    return rows is not None and (rows < asked.min_rows or few_positives or few_units)


def _judged(gates: Gates, each: object) -> bool:
    return not isinstance(each, Mapping) or not is_too_small(gates.slices, each)


def _words(worse: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for each in worse:
        gain, chance = number(each, "gain"), number(each, "p_worse")
        yield f"{each.get('slice')} (gain {text(gain or 0.0)}, p {text(chance or 0.0)}, {text(number(each, 'rows') or 0)} rows)"
