"""What both kinds of histories are drawn with: chances, names, workers, faults and clocks."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.histories.history import WORKERS, Fault, Step

MODELS = ("m1", "m2", "m3")
SKEW_SECONDS = 300
DEEPEST_CALL = {"settle": 60, "perform": 20, "fold": 8}  # few calls are made by any other step
FEW_CALLS = 5
PORTS = ("trainer", "trainer", "registry", "registry", "endpoints", "endpoints", "notifier", "blobs", "bells", "table")


class Draw:
    """What both kinds of histories are drawn with."""

    def __init__(self, chance: random.Random, seed: int) -> None:
        self.chance = chance
        self.seed = seed
        self.models = MODELS[: chance.choice((1, 1, 2, 2, 3))]
        self.steps: list[Step] = []
        self.count = 0

    def worker(self) -> str:
        return self.chance.choice(WORKERS)

    def name(self, what: str) -> str:
        """A name for an event that nothing else has."""
        self.count += 1
        return f"{what}{self.count}"

    def add(self, act: str, *words: str, fault_share: float = 0.0) -> None:
        fault = self.fault(DEEPEST_CALL.get(act, FEW_CALLS)) if self.chance.random() < fault_share else None
        self.steps.append(Step(act, words, self.worker(), fault))

    def fault(self, deepest: int) -> Fault:
        """Where and how a step is broken off: at any call, early ones more often, or at one of the first of a chosen port."""
        call, port = 1 + int(deepest * self.chance.random() ** 2), ""
        if deepest > FEW_CALLS and self.chance.random() < 0.8:
            call, port = self.chance.choice((1, 1, 2, 3)), self.chance.choice(PORTS)
        how = self.chance.choice(("crash", "crash", "crash", "lost", "busy", "stall"))
        if how == "crash":
            return Fault(how, call, self.chance.choice(("before", "after")), port)
        return Fault(how, call, str(self.chance.choice((0, 0, 10, 100, 300))) if how == "stall" else "", port)

    def skews(self) -> dict[str, int]:
        skew = self.chance.choice((0, self.chance.randint(-SKEW_SECONDS, SKEW_SECONDS)))
        return {"B": skew} if skew else {}

    def merged(self, rows: Sequence[Sequence[Step]]) -> list[Step]:
        """Steps of several models, each model's in its order, otherwise in any."""
        left = [list(row) for row in rows if row]
        found: list[Step] = []
        while left:
            row = self.chance.choice(left)
            found.append(row.pop(0))
            left = [row for row in left if row]
        return found
