"""A history as data: who does what, one step after the other, and where a process is stopped on the way.

A history is written as a short script, one step a line, which people read and `baton replay-history` runs:

    history same seed 17
    worker B clock -240
    drop e1 m1 a.csv "rows 3"
    deliver e1 by B
    settle m1 by A crash 12 after     # the process ends after its twelfth call of a port took effect
    settle m1 by B stall trainer.1 300    # it stands still for 300 s after its first call of the trainer; the other goes on
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace

WORKERS = ("A", "B")
FAULTS = {"crash": 2, "lost": 1, "busy": 1, "stall": 2}


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls a step at its `call`-th call of `port`, or of any port: crash before or after its effect, busy (it did
    not arrive), lost (it took effect, its answer did not arrive), or a stall of so many seconds, in which the other
    worker goes on. If the step makes fewer calls, it waits for a later step's."""

    how: str
    call: int
    detail: str = ""
    port: str = ""

    def __str__(self) -> str:
        where = f"{self.port}.{self.call}" if self.port else str(self.call)
        return f"{self.how} {where} {self.detail}".rstrip()


@dataclass(frozen=True, slots=True)
class Step:
    """One act with its words, by which worker, and what befalls it."""

    act: str
    words: tuple[str, ...] = ()
    by: str = "A"
    fault: Fault | None = None

    def __str__(self) -> str:
        said = " ".join([self.act, *map(shlex.quote, self.words)])
        by = f" by {self.by}" if self.by != "A" else ""
        return f"{said}{by}{f' {self.fault}' if self.fault else ''}"


@dataclass(frozen=True, slots=True)
class History:
    """`kind` is "same" (it must end as the orderly run does) or "people" (order decides: it must end as a small model allows).

    `skews` are seconds by which each worker's clock is wrong; `broken` names a fault put into a port on purpose;
    `began` is the released version whose code both workers run until `upgrade`, "" for today's.
    """

    kind: str
    seed: int
    steps: tuple[Step, ...]
    skews: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    began: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are published in it, in order."""
        return tuple(dict.fromkeys(step.words[0] for step in self.steps if step.act == "publish"))

    def with_steps(self, steps: tuple[Step, ...]) -> History:
        """The same history with other steps."""
        return replace(self, steps=steps)


class NotAHistory(ValueError):
    """A script's line that says nothing that a history knows."""


def write(history: History, *comments: str) -> str:
    """The script of a history; each comment is a line of its own before it."""
    lines = [f"# {comment}" for comment in comments]
    lines.append(f"history {history.kind} seed {history.seed}")
    lines += [f"broken {history.broken}"] if history.broken else []
    lines += [f"began {history.began}"] if history.began else []
    lines += [f"worker {name} clock {skew:+d}" for name, skew in sorted(history.skews.items()) if skew]
    return "\n".join([*lines, *map(str, history.steps)]) + "\n"


def read(text: str) -> History:
    """The history that a script tells; `NotAHistory` names the first line that cannot be read."""
    history = History("people", 0, ())
    steps: list[Step] = []
    skews: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            match shlex.split(line, comments=True):
                case []:
                    continue
                case ["history", ("same" | "people") as kind, "seed", seed]:
                    history = replace(history, kind=kind, seed=int(seed))
                case ["began", version]:
                    history = replace(history, began=version)
                case ["broken", name]:
                    history = replace(history, broken=name)
                case ["worker", ("A" | "B") as name, "clock", skew]:
                    skews[name] = int(skew)
                case words:
                    steps.append(_step(words))
        except ValueError as error:
            raise NotAHistory(f"line {number} is no step of a history: {line.strip()!r} ({error})") from error
    return replace(history, steps=tuple(steps), skews=skews)


def _step(words: list[str]) -> Step:
    from tests.histories.acts import ACTS

    words, fault = _fault(words)
    by = "A"
    if len(words) > 2 and words[-2] == "by":
        *words, _, by = words
    if by not in WORKERS:
        raise ValueError(f"there is no worker {by}")
    if words[0] not in ACTS:
        raise ValueError(f"{words[0]!r} is none of {', '.join(sorted(ACTS))}")
    return Step(words[0], tuple(words[1:]), by, fault)


def _fault(words: list[str]) -> tuple[list[str], Fault | None]:
    for how, arguments in FAULTS.items():
        begin = len(words) - arguments - 1
        if begin > 0 and words[begin] == how:
            port, _, call = words[begin + 1].rpartition(".")
            return words[:begin], Fault(how, int(call), " ".join(words[begin + 2 :]), port)
    return words, None
