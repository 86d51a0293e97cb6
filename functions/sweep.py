"""The timer: ring again for whatever was lost."""

from __future__ import annotations

import azure.functions as func

from shared import wiring

bp = func.Blueprint()


@bp.function_name("sweep")
@bp.timer_trigger(arg_name="timer", schedule="%BATON_SWEEP%", run_on_startup=False)
def sweep(timer: func.TimerRequest) -> None:
    """Ring for the models that are due."""
    wiring.app().sweeper.sweep()
