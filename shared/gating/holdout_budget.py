"""The error budget of a holdout that is used again and again: each comparison spends, fresh rows give back.

A comparison may spend half of what is left. So all comparisons on the same rows together spend at most the budget, and by
the union bound the chance that any of them promotes a candidate that is not better is at most the budget, however
many there are (alpha spending by a sequence that is fixed beforehand; the wealth that is spent as in D. Foster and
R. Stine, "Alpha-investing: A Procedure for Sequential Control of Expected False Discoveries", JRSS B 70 (2008),
without its reward for a discovery). Fresh rows give back their share of the holdout: a holdout's worth of fresh rows
fills the whole budget. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from shared.gating.sanity_gates import no_champion
from shared.gating.verdict import Document, GateResult, held, number, passed, text
from shared.spec import Gates

REMEMBERED = 20  # holdouts whose fresh rows were counted: the same rows are not fresh twice
FINGERPRINT = 16


@dataclass(frozen=True, slots=True)
class Looks:
    """What is left of the budget, as a share of it, after `looks` comparisons, the last of them on `rows` holdout rows;
    `seen` are the last holdouts' fingerprints.
    """

    left: float = 1.0
    looks: int = 0
    rows: int = 0
    seen: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What is left, and how many fresh holdout rows fill it again."""
        times = f"{self.looks} comparison{'' if self.looks == 1 else 's'}"
        missing = math.ceil((1 - self.left) * self.rows)
        return f"{text(100 * self.left)} % is left after {times}; {missing} fresh holdout rows fill it"


def spend(looks: Looks, evidence: Document) -> tuple[Looks, float]:
    """What is left after the comparison that the evidence is of, and the share of the budget that it may spend.

    >>> spend(Looks(), {"holdout": "a", "rows": 100, "rows_new": 100})[1]
    0.5
    """
    fingerprint = str(evidence.get("holdout") or "")[:FINGERPRINT]
    rows, fresh = number(evidence, "rows") or 0.0, number(evidence, "rows_new") or 0.0
    is_known = not fingerprint or fingerprint in looks.seen
    back = 0.0 if is_known or rows <= 0 else max(fresh / rows, 0.0)
    left = min(looks.left + back, 1.0)
    seen = looks.seen if is_known else (*looks.seen, fingerprint)[-REMEMBERED:]
    after = Looks(left / 2, looks.looks + 1, int(rows), seen)
    return after, left / 2


def budget_left(gates: Gates, evidence: Document, share: float | None) -> GateResult:
    """The gain is so unlikely by chance that this comparison's share of the budget pays for it."""
    if no_champion(evidence):
        return passed("holdout_budget", "no champion to compare with: nothing is spent")
    chance = number(evidence, "gain", "p")
    if share is None or not 0 <= share <= 1 or not evidence.get("holdout"):
        return held("holdout_budget", "nobody counted how often these holdout rows were used")
    if chance is None or not 0 <= chance <= 1:
        return held("holdout_budget", "the chance of such a gain is not known")
    level = gates.holdout.error_budget * share
    numbers = {"p": chance, "level": level, "share": share}
    words = f"such a gain by chance: p {text(chance)}, at most {text(level)} may be spent now"
    return (passed if chance <= level else held)("holdout_budget", words, numbers)
