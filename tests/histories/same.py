"""Histories that only repeat, reorder what is independent, lose, crash and stall: they must end as the orderly run does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.histories.draw import Draw
from tests.histories.history import History, Step

MEANT_SECONDS = 380  # what may pass within a phase without any deadline
REFUSALS_AT_MOST = 3  # answers lost or refused within a phase: fewer than a command's tries
SOON = (0, 1, 21, 31, 31, 95)


class Same(Draw):
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
