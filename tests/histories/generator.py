"""Histories drawn from a seed: the same seed gives the same history, always.

Even seeds draw histories that only repeat, reorder what is independent, lose, crash and stall: `kind` "same". Odd ones
let people, strangers, outages and deadlines come in any order: `kind` "people". Freezes, schedules and requests about
dead letters are added to some (`added.py`), and released code begins others.
"""

from __future__ import annotations

import random
from dataclasses import replace

from tests.histories.added import added
from tests.histories.history import History, Step
from tests.histories.people import People
from tests.histories.same import Same

UPGRADED = (6, 13)  # of twenty seeds: one in ten, of either kind
RELEASED = "0.1.0"


def generate(seed: int) -> History:
    """The history of a seed."""
    chance = random.Random(seed)
    draw = Same(chance, seed) if seed % 2 == 0 else People(chance, seed)
    drawn = draw.history()
    return _upgraded(drawn, chance) if seed % 20 in UPGRADED else added(drawn)


def _upgraded(history: History, chance: random.Random) -> History:
    """The same, begun by released code and upgraded somewhere in the middle."""
    begin = 2 * len(history.models)
    place = chance.randint(begin, max(begin, len(history.steps) - 2))
    steps = (*history.steps[:place], Step("upgrade"), *history.steps[place:])
    return replace(history, steps=steps, began=RELEASED)
