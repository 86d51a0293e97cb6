"""Histories drawn from a seed: the same seed gives the same history, always.

Even seeds draw histories that only repeat, reorder what is independent, lose, crash and stall: `kind` "same". Odd ones
let people, strangers, outages and deadlines come in any order: `kind` "people". Freezes, schedules and requests about
dead letters are added to some (`added.py`), and released code begins others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
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
    """The same, begun by released code and upgraded somewhere in the middle.

    0.1.0 trained the same data for drift as often as it was told, today's code once more: so a model has one drift, and both agree.
    """
    history = replace(history, steps=tuple(_one_drift_each(history.steps)))
    begin = 2 * len(history.models)
    place = chance.randint(begin, max(begin, len(history.steps) - 2))
    steps = (*history.steps[:place], Step("upgrade"), *history.steps[place:])
    return replace(history, steps=steps, began=RELEASED)


def _one_drift_each(steps: Sequence[Step]) -> Iterator[Step]:
    had: set[str] = set()
    gone: set[str] = set()
    for step in steps:
        if step.act == "drift":
            name, model = step.words[:2]
            if model in had:
                gone.add(name)
            had.add(model)
        if step.act not in ("drift", "deliver") or step.words[0] not in gone:
            yield step
