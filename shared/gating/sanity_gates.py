"""What is not believed of a candidate: a jump too large, holdout rows that training saw, other columns than the champion's.

Pure; all fail closed.
"""

from __future__ import annotations

import math

from shared.gating.verdict import Document, GateResult, at, at_most, held, number, passed, text
from shared.spec import Gates


def no_champion(evidence: Document) -> bool:
    """Whether the evidence says that nothing serves."""
    return "champion" in evidence and evidence["champion"] is None


def plausible(gates: Gates, evidence: Document) -> GateResult:
    """A gain beyond `max_jump_percent` of the champion's value is leakage, or an error, until a person says otherwise."""
    if no_champion(evidence):
        return passed("plausible", "no champion to jump from")
    champion, mean = number(evidence, "champion", "value"), number(evidence, "gain", "mean")
    if champion is None or mean is None:
        return held("plausible", "the gain over the champion is not known")
    limit = gates.sanity.max_jump_percent
    jump = 100 * mean / abs(champion) if champion else (0.0 if mean <= 0 else math.inf)
    numbers = {"jump_percent": min(jump, 1e12), "limit": limit}
    if jump > limit:
        why = f"{gates.metric} is better by {text(jump)} % of the champion's, at most {text(limit)} % is believed"
        return held("plausible", f"{why}: look for the target among the features", numbers)
    return passed("plausible", f"better by {text(jump)} %, at most {text(limit)} % is believed", numbers)


def no_overlap(gates: Gates, evidence: Document) -> GateResult:
    """Few holdout rows have the features of a training row."""
    rows, same = number(evidence, "rows"), number(evidence, "sanity", "overlap")
    share = None if not rows or same is None or not 0 <= same <= rows else 100 * same / rows
    return at_most("no_overlap", "percent of holdout rows that training saw", share, gates.sanity.max_overlap_percent)


def same_schema(gates: Gates, evidence: Document) -> GateResult:
    """The contract has the champion's columns, of the same kinds."""
    if no_champion(evidence):
        return passed("same_schema", "no champion to compare columns with")
    found = at(evidence, "sanity", "schema")
    if not isinstance(found, list | tuple):
        return held("same_schema", "nobody compared the columns with the champion's")
    if found:
        return held("same_schema", f"other columns than the champion's: {'; '.join(map(str, found))[:300]}")
    return passed("same_schema", "the champion's columns")
