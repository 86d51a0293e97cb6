"""How many calls to storage each part of the way makes by itself, as the SDK's clients send them."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path

from shared import wire, wiring
from tests.floods.counting import CallCounter
from tests.floods.rig import Rig, delivered, model_deployed
from tests.floods.served import ENVIRONMENT, served

EVENTS = 8  # so many commands one performer does at once
PARTS = ("intake", "advance", "perform")
LIMITS = {"intake": 2.0, "advance": 3.0, "perform": 4.0}
Counts = dict[str, dict[str, float]]


def measure(connection: str, home: Path, *, rounds: int = 3) -> Counts:
    """Calls by kind: for each event taken in, for each fold, and for each command done (its effect makes none here).

    Deployments made by hand are taken in, then decided on in one fold, then asked about in one performer's turn.
    """
    wiring.create_storage(connection)
    counter = CallCounter()
    env = {**ENVIRONMENT, "BATON_DATA": connection, "BATON_HOME": str(home), "BATON_USERS": str(home / "users.json")}
    app = served(env, counter)
    model = f"m{uuid.uuid4().hex[:8]}"
    Rig(env, app, home).publish(model)
    app.intake.receive(_event(model))  # from now on the model is known
    app.fold.advance(model)
    app.performer.perform(model)
    counter.taken()
    totals: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for _ in range(rounds):
        for _ in range(EVENTS):
            app.intake.receive(_event(model))
        totals["intake"].update(counter.taken())
        app.doors.advance(model)
        totals["advance"].update(counter.taken())
        app.doors.perform(model)
        totals["perform"].update(counter.taken())
    times = {"intake": rounds * EVENTS, "advance": rounds, "perform": rounds * EVENTS}
    return {part: {kind: round(n / times[part], 3) for kind, n in totals[part].items()} for part in PARTS}


def _event(model: str) -> wire.Delivered:
    return delivered(model_deployed(model))
