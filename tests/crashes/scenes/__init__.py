"""One scene for each event kind: what stands before the event, and what brings the event about.

A scene prepares all up to its event; what it returns is the first thing that happens then, safe to repeat as whoever does
it repeats it: Event Grid delivers again, a person's client sends the same request again, the timer ticks again. For an
outcome it is the ring of the command that finds it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.crashes.scenes import arrivals, moments, outcomes, people, upkeep
from tests.crashes.scenes.standing import Begin, Prepare

__all__ = ["SCENES", "Begin", "Prepare"]

SCENES: Mapping[str, Prepare] = {
    **arrivals.SCENES,
    **people.SCENES,
    **outcomes.SCENES,
    **moments.SCENES,
    **upkeep.SCENES,
}
