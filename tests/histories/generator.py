"""Histories drawn from a seed: the same seed gives the same history, always.

Even seeds draw histories that only repeat, reorder what is independent, lose, crash and stall: `kind` "same". Odd ones
let people, strangers, outages and deadlines come in any order: `kind` "people".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.histories.history import Fault, History, Step

MODELS = ("m1", "m2", "m3")
WORKERS = ("A", "B")
SKEW_SECONDS = 300
DEEPEST_CALL = {"settle": 60, "perform": 20, "fold": 8}  # few calls are made by any other step
FEW_CALLS = 5
UPGRADED = (6, 13)  # of twenty seeds: one in ten, of either kind
RELEASED = "0.1.0"
PORTS = ("trainer", "trainer", "registry", "registry", "endpoints", "endpoints", "notifier", "blobs", "bells", "table")
MEANT_SECONDS = 380  # what may pass within a phase without any deadline
REFUSALS_AT_MOST = 3  # answers lost or refused within a phase: fewer than a command's tries
SOON = (0, 1, 21, 31, 31, 95)
LATE = (0, 1, 31, 31, 95, 95, 300, 900, 2400, 90_000)


def generate(seed: int) -> History:
    """The history of a seed."""
    chance = random.Random(seed)
    draw = Same(chance, seed) if seed % 2 == 0 else People(chance, seed)
    drawn = draw.history()
    return _upgraded(drawn, chance) if seed % 20 in UPGRADED else drawn


def _upgraded(history: History, chance: random.Random) -> History:
    """The same, begun by released code and upgraded somewhere in the middle."""
    begin = 2 * len(history.models)
    place = chance.randint(begin, max(begin, len(history.steps) - 2))
    steps = (*history.steps[:place], Step("upgrade"), *history.steps[place:])
    return replace(history, steps=steps, began=RELEASED)


class _Draw:
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


class Same(_Draw):
    """Phases, each ended by a rest: within one, only what commutes happens to a model."""

    def history(self) -> History:
        for model in self.models:
            files = str(self.chance.randint(1, 3))
            self.steps += [Step("publish", (model, f"files={files}", "quiet=86400")), Step("settle", (model,))]
        batch = {s.words[0]: int(s.words[1].removeprefix("files=")) for s in self.steps if s.act == "publish"}
        begun = self.steps
        phases = self.chance.choice((1, 1, 2, 3))
        for phase in range(phases):
            begun += self.merged([self.phase(model, phase, batch[model]) for model in self.models])
            begun.append(Step("rest"))
        return History("same", self.seed, tuple(self.bounded(begun)), self.skews())

    def phase(self, model: str, phase: int, files: int) -> list[Step]:
        """What happens to a model until it rests."""
        self.steps = []
        cause = (
            "data"
            if phase == 0
            else self.chance.choice(("data", "drift", "code", "retrain", "register", "rollback", "nothing"))
        )
        events = self.cause(cause, model, phase, files)
        todo = [event for event in events for _ in range(self.chance.choice((1, 1, 2, 3, 5)))]
        self.chance.shuffle(todo)
        for event in todo:
            again = ("new-id",) if self.chance.random() < 0.3 else ()
            self.add("deliver", event, *again, fault_share=0.3)
            if self.chance.random() < 0.5:
                self.work(model)
        for _ in range(self.chance.randint(0, 7)):
            self.work(model)
        if self.chance.random() < 0.7:
            self.add("approve", model, fault_share=0.3)
        for _ in range(self.chance.randint(0, 6)):
            self.work(model)
        return self.steps

    def cause(self, cause: str, model: str, phase: int, files: int) -> list[str]:
        """Let something happen to the model; returns the events that tell of it."""
        if cause == "data":
            contents = [f"rows {model} {phase}.{number}" for number in range(files)]
            contents += [contents[0]] if self.chance.random() < 0.4 else []
            contents += ["bad rows"] if self.chance.random() < 0.4 else []
            return [self.drop(model, content) for content in contents]
        if cause in ("drift", "register"):
            name = self.name(cause)
            self.steps.append(Step(cause, (name, model)))
            return [name]
        if cause == "code":
            self.add("publish", model, f"files={files}", "quiet=86400", f"alpha={phase + 1}", fault_share=0.3)
        elif cause in ("retrain", "rollback"):
            self.add(cause, model, fault_share=0.3)
        return []

    def drop(self, model: str, content: str) -> str:
        name = self.name("drop")
        self.steps.append(Step("drop", (name, model, f"{name}.csv", content)))
        return name

    def work(self, model: str) -> None:
        """A bit of work, or what hinders it."""
        act = self.chance.choice(
            ("settle",) * 4 + ("fold",) * 2 + ("perform",) * 2 + ("sweep", "lose", "wait", "wait", "restart", "silent")
        )
        if act == "wait":
            self.steps.append(Step("wait", (str(self.chance.choice(SOON)),)))
        else:
            self.add(act, *(() if act in ("sweep", "restart") else (model,)), fault_share=0.5)

    def bounded(self, steps: Sequence[Step]) -> list[Step]:
        """In each phase no more time passes than every deadline leaves, and no command is refused as often as it is tried."""
        found: list[Step] = []
        seconds, refusals = 0, 0
        for step in steps:
            seconds, refusals = (0, 0) if step.act == "rest" else (seconds, refusals)
            fault = step.fault
            takes = int(step.words[0]) if step.act == "wait" else 0
            if fault is not None and fault.how == "stall":
                takes += int(fault.detail)
            refuses = fault is not None and fault.how in ("lost", "busy")
            if seconds + takes > MEANT_SECONDS or refusals + refuses > REFUSALS_AT_MOST:
                if step.act != "wait":
                    found.append(replace(step, fault=None))
                continue
            seconds, refusals = seconds + takes, refusals + refuses
            found.append(step)
        return found


class People(_Draw):
    """Thirty acts of people, strangers and the platform, in any order."""

    def history(self) -> History:
        for model in self.models:
            self.steps += [Step("publish", (model,)), Step("settle", (model,))]
        for _ in range(self.chance.randint(10, 45)):
            self.act(self.chance.choice(self.models))
            for _ in range(self.chance.choice((0, 1, 1, 2))):
                self.add("settle", self.chance.choice(self.models), fault_share=0.35)
            if self.chance.random() < 0.6:
                self.steps.append(Step("wait", (str(self.chance.choice(LATE)),)))
        return History("people", self.seed, tuple(self.steps), self.skews())

    def act(self, model: str) -> None:
        """One thing that happens, to one model."""
        kind = self.chance.choice(
            ("drop",) * 5
            + ("approve",) * 6
            + ("again", "again", "drift", "register", "foreign", "deployed", "forged", "publish", "reject", "retry")
            + ("rollback", "rollback", "pause", "resume", "resume", "retrain", "errors", "outage", "recover", "recover")
            + ("doom", "doom", "hand", "approve-as-author", "forge-approval", "silent", "lose", "sweep", "restart")
        )
        told = {
            "errors": lambda: (model, self.chance.choice(("0", "20"))),
            "outage": lambda: (self.chance.choice(("trainer", "registry", "endpoints")),),
            "doom": lambda: (
                model,
                self.chance.choice(("train", "judge", "certify")),
                self.chance.choice(("fails", "hangs")),
            ),
            "hand": lambda: (model, *(str(self.chance.randint(0, 3)) for _ in range(self.chance.choice((1, 2))))),
            "publish": lambda: (
                model,
                f"alpha={self.chance.randint(1, 4)}",
                f"adopt={self.chance.choice(('always', 'never'))}",
            ),
            **dict.fromkeys(("recover", "sweep", "restart"), lambda: ()),
        }
        if kind == "drop":
            self.drop(model)
        elif kind == "again":
            self.again()
        elif kind in ("drift", "register", "foreign", "deployed", "forged"):
            name = self.name(kind)
            self.add(kind, name, model)
            self.add("deliver", name, fault_share=0.3)
        elif kind == "hand" and self.chance.random() < 0.7:
            return
        else:
            self.add(kind, *told.get(kind, lambda: (model,))(), fault_share=0.3)

    def drop(self, model: str) -> None:
        """A file, sometimes over another one, sometimes with the bytes of another one, sometimes bad."""
        name = self.name("drop")
        content = "bad rows" if self.chance.random() < 0.15 else f"rows {self.chance.randint(1, 30)}"
        self.add("drop", name, model, f"f{self.chance.randint(1, 12)}.csv", content)
        self.add("deliver", name, fault_share=0.3)

    def again(self) -> None:
        """An event that was delivered comes once more, perhaps much later, perhaps under another id."""
        names = [step.words[0] for step in self.steps if step.act == "deliver"]
        if names:
            self.add(
                "deliver",
                self.chance.choice(names),
                *(("new-id",) if self.chance.random() < 0.4 else ()),
                fault_share=0.2,
            )
