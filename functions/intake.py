"""Event Grid triggers: one per subscription of infra/subscriptions.json, all the same inside."""

from __future__ import annotations

import azure.functions as func

from shared import wiring
from shared.wire import Delivered

bp = func.Blueprint()


def _receive(event: func.EventGridEvent) -> None:
    wiring.app().intake.receive(delivered(event))


def delivered(event: func.EventGridEvent | func.CloudEvent) -> Delivered:
    """The event as our wire format has it, whichever schema it was delivered in.

    On Python 3.11 Azure's own azure-functions wins over the one in the package, and 1.24.0, which its worker pins, has no
    CloudEvent (Azure/azure-functions-python-worker, workers/pyproject.toml). So that name is not used here.
    """
    if isinstance(event, func.EventGridEvent):
        topic, kind, time = event.topic, event.event_type, event.event_time
    else:
        topic, kind, time = event.source, event.type, event.time
    return Delivered(_text(event.id), _text(topic), _text(event.subject), _text(kind), time, event.get_json())


def _text(value: object) -> str:
    """What should be text; the library passes on whatever stood there."""
    return "" if value is None else str(value)


@bp.function_name("on_new_data")
@bp.event_grid_trigger(arg_name="event")
def on_new_data(event: func.EventGridEvent) -> None:
    """A blob was written."""
    _receive(event)


@bp.function_name("on_run_completed")
@bp.event_grid_trigger(arg_name="event")
def on_run_completed(event: func.EventGridEvent) -> None:
    """A run completed."""
    _receive(event)


@bp.function_name("on_run_status_changed")
@bp.event_grid_trigger(arg_name="event")
def on_run_status_changed(event: func.EventGridEvent) -> None:
    """A run reached another status."""
    _receive(event)


@bp.function_name("on_model_registered")
@bp.event_grid_trigger(arg_name="event")
def on_model_registered(event: func.EventGridEvent) -> None:
    """A model version was registered, by us or by somebody else."""
    _receive(event)


@bp.function_name("on_model_deployed")
@bp.event_grid_trigger(arg_name="event")
def on_model_deployed(event: func.EventGridEvent) -> None:
    """A service was deployed."""
    _receive(event)


@bp.function_name("on_drift_detected")
@bp.event_grid_trigger(arg_name="event")
def on_drift_detected(event: func.EventGridEvent) -> None:
    """A monitor saw drift."""
    _receive(event)


@bp.function_name("on_request")
@bp.event_grid_trigger(arg_name="event")
def on_request(event: func.EventGridEvent) -> None:
    """Another system asks for a retrain through the custom topic."""
    _receive(event)
