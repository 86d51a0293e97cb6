"""What a run took is added to the model's account, and told once a budget is nearly used."""

from __future__ import annotations

from shared.folding.turn import Turn
from shared.retraining import budgets, spending
from shared.state import Release


def took(turn: Turn, release: Release, seconds: float) -> None:
    """A run of the release took so long."""
    turn.set_head(spent=spending.added(turn.head.spent, turn.now, seconds=max(0.0, seconds)))
    nearly = budgets.nearly_used(turn.spec.retrain, turn.head, turn.now)
    if nearly is not None:
        numbers = {"used": nearly.used, "limit": nearly.limit, "share": nearly.share}
        why = f"{nearly.used:.4g} of {nearly.limit:.4g} {nearly.unit} in {nearly.span}"
        todo = "docs/runbook.md#spend"
        turn.note("budget nearly used", release, rule=nearly.rule, why=why, numbers=numbers, next=todo, level="warning")
