"""The doorbell `advance`: decide on what waits for one model."""

from __future__ import annotations

import random
from datetime import timedelta

import azure.functions as func

from shared import wiring
from shared.errors import LedgerConflict

bp = func.Blueprint()


@bp.function_name("advance")
@bp.queue_trigger(arg_name="message", queue_name="advance", connection="BATON_DATA")
def advance(message: func.QueueMessage) -> None:
    """Fold the model's inbox; ring again if more waits, or if others kept being faster."""
    app = wiring.app()
    model = message.get_body().decode()
    try:
        folded = app.fold.advance(model)
    except LedgerConflict:
        app.bells.ring("advance", model, after=timedelta(seconds=random.uniform(1, 5)))  # noqa: S311 - jitter
        return
    if folded.more:
        app.bells.ring("advance", model)


@bp.function_name("advance_poison")
@bp.queue_trigger(arg_name="message", queue_name="advance-poison", connection="BATON_DATA")
def advance_poison(message: func.QueueMessage) -> None:
    """The model could not be advanced: record it for a person. Never raises."""
    wiring.poisoned("advance", message.get_body())
