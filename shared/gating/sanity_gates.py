"""What is not believed of a candidate: a jump too large, holdout rows that training saw, other columns than the champion's.

Pure; all fail closed. docs/decisions.md says how the defaults were measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from shared.gating.metric_facts import best
from shared.gating.verdict import Document, GateResult, at, at_most, held, number, passed, text
from shared.spec import Gates

FORM = 2
"""The form of evidence that a judging run writes: it always tells of repeats, and of the columns where there is a champion."""
MOST_JUMP_PERCENT = 90.0
MOST_COPIES_PERCENT = 1.0
FEW_COPIES = 2
"""Rows that no 95 % bound rests on: a resample is without both of them with a chance of e^-2, without three with 0.0498."""


def form_of(evidence: Document) -> int:
    """The form by whose rules evidence is judged: what is neither old nor ours is judged by ours."""
    return 1 if evidence.get("v") == 1 else FORM


def sanity_asked(gates: Gates, form: int) -> Mapping[str, bool]:
    """Which of these gates the spec asks of evidence of a form; of form 1 only those that it states."""
    stated = gates.sanity
    overlap = stated.max_overlap_percent
    return {
        "plausible": jump_limit(gates, form) > 0,
        "no_overlap": form > 1 if overlap is None else overlap < 100,
        "same_schema": stated.schema == "same" or (form > 1 and stated.schema == "versioned"),
    }


def jump_limit(gates: Gates, form: int = FORM) -> float:
    """How many percent of what the champion has wrong may be gone, 0 if nobody asks.

    The folder's own metric has no best value to be wrong against: there it is asked only where it is stated, of the metric's value.
    """
    stated, has_best = gates.sanity.max_jump_percent, math.isfinite(best(gates))
    if form == 1 or not has_best:
        return stated or 0.0
    limit = MOST_JUMP_PERCENT if stated is None else stated
    return limit if limit < 100 else 0.0


def wrong_of(gates: Gates, champion: float, form: int = FORM) -> float:
    """What the champion has wrong, in units of the metric: how far it is from the best value, or from 0 where there is none."""
    end = best(gates)
    return abs(champion) if form == 1 or math.isinf(end) else abs(champion - end)


def no_champion(evidence: Document) -> bool:
    """Whether the evidence says that nothing serves."""
    return "champion" in evidence and evidence["champion"] is None


def plausible(gates: Gates, evidence: Document) -> GateResult:
    """A gain beyond the limit is leakage, or an error, until a person says otherwise."""
    if no_champion(evidence):
        return passed("plausible", "no champion to jump from")
    champion, mean = number(evidence, "champion", "value"), number(evidence, "gain", "mean")
    if champion is None or mean is None:
        return held("plausible", "the gain over the champion is not known")
    form = form_of(evidence)
    limit, wrong = jump_limit(gates, form), wrong_of(gates, champion, form)
    jump = 100 * mean / wrong if wrong else (0.0 if mean <= 0 else math.inf)
    numbers = {"jump_percent": min(jump, 1e12), "limit": limit}
    if jump > limit:
        of = "what the champion lacks" if form > 1 and 0 < abs(best(gates)) < math.inf else "the champion's"
        why = f"{gates.metric} is better by {text(jump)} % of {of}, at most {text(limit)} % is believed"
        return held("plausible", f"{why}: look for the target among the features", numbers)
    return passed("plausible", f"better by {text(jump)} %, at most {text(limit)} % is believed", numbers)


def no_overlap(gates: Gates, evidence: Document) -> GateResult:
    """Few holdout rows are copies of training rows; where the spec states a limit, few have the features of one."""
    limit = gates.sanity.max_overlap_percent
    if limit is None:
        return _no_copies(evidence)
    share = _share(evidence, number(evidence, "sanity", "overlap"))
    return at_most("no_overlap", "percent of holdout rows that training saw", share, limit)


def _no_copies(evidence: Document) -> GateResult:
    copies, overlap = (number(evidence, "sanity", name) for name in ("copies", "overlap"))
    share, limit = _share(evidence, copies), MOST_COPIES_PERCENT
    may = f"at most {text(limit)} % or {FEW_COPIES} rows may be"
    if copies is None or share is None or _share(evidence, overlap) is None or copies > (overlap or 0.0):
        return held("no_overlap", f"holdout rows that are copies of training rows not known, {may}", {"limit": limit})
    why = f"{text(copies)} holdout rows ({text(share)} %) are copies of training rows under another key, {may}"
    answer = held if copies > FEW_COPIES and share > limit else passed
    return answer("no_overlap", why, {"copies": copies, "value": share, "limit": limit})


def _share(evidence: Document, some: float | None) -> float | None:
    rows = number(evidence, "rows")
    return None if not rows or some is None or not 0 <= some <= rows else 100 * some / rows


def same_schema(gates: Gates, evidence: Document) -> GateResult:
    """The contract has the champion's columns, of the same kinds, or a raised version that says that the change is meant."""
    if no_champion(evidence):
        return passed("same_schema", "no champion to compare columns with")
    found, error = at(evidence, "sanity", "schema"), at(evidence, "sanity", "schema_error")
    if not isinstance(found, list | tuple):
        why = f"the champion's columns could not be read: {error}" if error else ""
        return held("same_schema", why or "nobody compared the columns with the champion's")
    if not found:
        return passed("same_schema", "the champion's columns")
    changes = "; ".join(map(str, found))[:300]
    if gates.sanity.schema == "same":
        return held("same_schema", f"other columns than the champion's: {changes}")
    return _versioned(changes, at(evidence, "sanity", "contracts"))


def _versioned(changes: str, versions: object) -> GateResult:
    if not isinstance(versions, list | tuple) or len(versions) != 2:
        return held("same_schema", f"other columns than the champion's: {changes}; the contract's version is not known")
    before, now = (str(version)[:40] for version in versions)
    if is_raised(before, now):
        why = f"{changes}; the contract's version was raised from {before or 'none'} to {now}"
        return passed("same_schema", why)
    todo = f"the contract's version is {now or 'none'}, the champion's {before or 'none'}: raise it if that is meant"
    return held("same_schema", f"other columns than the champion's: {changes}; {todo}")


def is_raised(before: str, now: str) -> bool:
    """Whether a version's numbers are higher than before; what follows as zeros does not count.

    >>> is_raised("1.9.0", "1.10"), is_raised("1.0", "1.0.0"), is_raised("", "1.0.0"), is_raised("2.0.0", "1.9.9")
    (True, False, True, False)
    """
    return _numbers(now) > _numbers(before)


def _numbers(version: str) -> list[int]:
    found = [int(digits) for digits in re.findall("[0-9]+", version)]
    while found and found[-1] == 0:
        found.pop()
    return found
