"""The doorbell `advance`: decide on what waits for one model."""

from __future__ import annotations

import azure.functions as func

from shared import wiring

bp = func.Blueprint()


@bp.function_name("advance")
@bp.queue_trigger(arg_name="message", queue_name="advance", connection="BATON_DATA")
def advance(message: func.QueueMessage) -> None:
    """Fold the model's inbox."""
    wiring.app().doors.advance(message.get_body().decode())


@bp.function_name("advance_poison")
@bp.queue_trigger(arg_name="message", queue_name="advance-poison", connection="BATON_DATA")
def advance_poison(message: func.QueueMessage) -> None:
    """The model could not be advanced: record it for a person. Never raises."""
    wiring.poisoned("advance", message.get_body())
