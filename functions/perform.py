"""The doorbell `perform`: do what is due for one model."""

from __future__ import annotations

import azure.functions as func

from shared import wiring

bp = func.Blueprint()


@bp.function_name("perform")
@bp.queue_trigger(arg_name="message", queue_name="perform", connection="BATON_DATA")
def perform(message: func.QueueMessage) -> None:
    """Claim and do the model's due commands."""
    wiring.app().doors.perform(message.get_body().decode())


@bp.function_name("perform_poison")
@bp.queue_trigger(arg_name="message", queue_name="perform-poison", connection="BATON_DATA")
def perform_poison(message: func.QueueMessage) -> None:
    """The model's commands could not be performed: record it for a person. Never raises."""
    wiring.poisoned("perform", message.get_body())
