"""Breadth-first over everything that can happen in the small, until nothing new is found.

Each kind of event from outside may come as often as `Scope.each` says, `Scope.most` of them in all, in every order and
at every moment; a command is given up at most `Scope.faults` times on a way. Answers, deadlines and resuming cost
nothing. A moment is looked at again only if it was reached with other events left.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.exhaustive.canonical import canonical, key
from tests.exhaustive.properties import after_every_step, at_every_moment
from tests.exhaustive.small import Small
from tests.exhaustive.steps import Change, Step, Steps

Used = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """How much may come from outside on one way, by the kinds of `steps.INPUTS`."""

    each: Mapping[str, int]
    most: int
    faults: int = 1

    def after(self, used: Used, kind: str) -> Used | None:
        """What is used after one more of this kind; None if that is too much. Answers and time use nothing."""
        if kind not in self.each and kind != "fault":
            return used
        place = len(self.each) if kind == "fault" else list(self.each).index(kind)
        allowed = self.faults if kind == "fault" else self.each[kind]
        if used[place] >= allowed or (kind != "fault" and sum(used[:-1]) >= self.most):
            return None
        return (*used[:place], used[place] + 1, *used[place + 1 :])


@dataclass(frozen=True, slots=True)
class Edge:
    """One step between two moments, by their numbers."""

    to: int
    kind: str
    label: str


@dataclass
class Found:
    """All moments in the order of their finding, the steps from each, and what was seen on the way."""

    moments: list[Small] = field(default_factory=list)
    edges: dict[int, list[Edge]] = field(default_factory=dict)
    before: dict[int, tuple[int, str]] = field(default_factory=dict)
    changes: Counter[Change] = field(default_factory=Counter)
    sent: set[tuple[str, str]] = field(default_factory=set)
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def transitions(self) -> int:
        """How many steps lead from a reached moment to another."""
        return sum(len(edges) for edges in self.edges.values())

    def path(self, number: int) -> list[str]:
        """The steps that first led to a moment."""
        steps: list[str] = []
        while number in self.before:
            number, label = self.before[number]
            steps.append(label)
        return steps[::-1]

    def reaching(self, goals: Iterable[int], allowed: Callable[[Edge], bool]) -> set[int]:
        """The moments from which a goal can be reached by allowed steps alone."""
        back: dict[int, list[int]] = {}
        for number, edges in self.edges.items():
            for edge in edges:
                if allowed(edge):
                    back.setdefault(edge.to, []).append(number)
        reached = set(goals)
        todo = list(reached)
        while todo:
            for number in back.get(todo.pop(), []):
                if number not in reached:
                    reached.add(number)
                    todo.append(number)
        return reached

    def reached_from(self, start: int, allowed: Callable[[Edge], bool]) -> set[int]:
        """The moments that allowed steps alone lead to."""
        reached, todo = {start}, [start]
        while todo:
            for edge in self.edges.get(todo.pop(), []):
                if allowed(edge) and edge.to not in reached:
                    reached.add(edge.to)
                    todo.append(edge.to)
        return reached


class Search:
    """One search from one moment."""

    def __init__(self, steps: Steps, scope: Scope, start: Small) -> None:
        self._steps = steps
        self._scope = scope
        self._numbers: dict[object, int] = {}
        self._reached: dict[int, list[Used]] = {}
        self.found = Found()
        self._number(canonical(start, bounded=steps.bounded))

    def run(self, *, at_most: int = 10**9) -> Found:
        """Search until nothing new is found, or so many moments are."""
        nothing = (0,) * (len(self._scope.each) + 1)
        self._reached[0] = [nothing]
        queue = deque([(0, nothing)])
        while queue and len(self.found.edges) < at_most:
            number, used = queue.popleft()
            for edge in self._edges(number):
                left = self._scope.after(used, edge.kind)
                if left is not None and self._is_news(edge.to, left):
                    self.found.before.setdefault(edge.to, (number, edge.label))
                    queue.append((edge.to, left))
        self._forget_the_unreached()
        return self.found

    def _is_news(self, number: int, used: Used) -> bool:
        """Whether a moment is reached with more left than before."""
        before = self._reached.setdefault(number, [])
        if number == 0 or any(all(a <= b for a, b in zip(one, used, strict=True)) for one in before):
            return False
        before[:] = [one for one in before if not all(b <= a for a, b in zip(one, used, strict=True))] + [used]
        return True

    def _edges(self, number: int) -> list[Edge]:
        if number not in self.found.edges:
            moment = self.found.moments[number]
            self._note(number, at_every_moment(moment))
            self.found.edges[number] = [self._edge(number, moment, step) for step in self._steps.of(moment)]
        return self.found.edges[number]

    def _edge(self, number: int, moment: Small, step: Step) -> Edge:
        self._note(number, (f"{wrong}, by {step.label}" for wrong in after_every_step(moment, step)))
        self.found.changes.update(step.changes)
        self.found.sent.update((step.event, command.kind) for command in step.sent)
        return Edge(self._number(step.small), step.kind, step.label)

    def _note(self, number: int, wrong: Iterable[str]) -> None:
        self.found.broken += [(number, what) for what in wrong]

    def _number(self, moment: Small) -> int:
        number = self._numbers.setdefault(key(moment), len(self.found.moments))
        if number == len(self.found.moments):
            self.found.moments.append(moment)
        return number

    def _forget_the_unreached(self) -> None:
        """Steps that would take more from outside than the scope allows are no part of it."""
        for number, edges in self.found.edges.items():
            self.found.edges[number] = [edge for edge in edges if edge.to in self.found.edges]
