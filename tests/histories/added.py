"""What is added to some drawn histories, by chances of its own, so that the other steps of a seed stay what they were.

A freeze of everything is added to one seed in five, of either kind; a schedule, and requests about dead letters, each to
one in five of those with people. In a history that must end as the orderly run does, a freeze ends before its phase does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.histories.history import WORKERS, Fault, History, Step

FROZEN, SCHEDULED, REPLAYED = (2, 7), (1, 7), (5, 9)  # the last digits of their seeds
RETRAINS = ("0 13 * * *", "30 12 * * *", "15 3 * * *")
MODEL = 0


def added(history: History) -> History:
    """The history with what its seed adds."""
    chance, digit = random.Random(f"added to {history.seed}"), history.seed % 10
    steps = list(history.steps)
    if history.kind == "people" and digit in SCHEDULED:
        steps = _scheduled(steps, chance)
    if history.kind == "people" and digit in REPLAYED:
        steps = _replayed(steps, chance)
    if digit in FROZEN and history.kind == "same":
        steps = [step for phase in _phases(steps) for step in _frozen(phase, chance, ends=True)]
    elif digit in FROZEN:
        steps = _frozen(steps, chance, ends=False)
    return replace(history, steps=tuple(steps))


def _step(act: str, *words: str, chance: random.Random) -> Step:
    """By either worker, whose process may end in it. No answer is lost here: those that a phase may lose are drawn already."""
    fault = None
    if chance.random() < 0.3:
        fault = Fault("crash", chance.choice((1, 2, 3, 4, 6)), chance.choice(("before", "after")))
    return Step(act, words, chance.choice(WORKERS), fault)


def _phases(steps: Sequence[Step]) -> list[list[Step]]:
    found: list[list[Step]] = [[]]
    for step in steps:
        found[-1].append(step)
        if step.act == "rest":
            found.append([])
    return found


def _frozen(steps: list[Step], chance: random.Random, *, ends: bool) -> list[Step]:
    """With one or two freezes after the first publishing. Some are asked for twice, or ended twice; some never end."""
    first = 1 + max((n for n, step in enumerate(steps) if step.act == "settle"), default=0) if not ends else 0
    first = min(first, len(steps) // 3)
    last = len(steps) - (1 if steps and steps[-1].act == "rest" else 0)
    for _ in range(chance.choice((1, 1, 2))):
        if last - first < 2:
            return steps
        begin, end = sorted(chance.sample(range(first, last + 1), 2))
        again = chance.random() < 0.3
        thaw = [_step("unfreeze", chance=chance)] if ends or chance.random() < 0.8 else []
        freeze = [_step("freeze", chance=chance)] * (2 if again else 1)
        steps = [*steps[:begin], *freeze, *steps[begin:end], *thaw, *steps[end:]]
        last += len(freeze) + len(thaw)
    return steps


def _scheduled(steps: list[Step], chance: random.Random) -> list[Step]:
    """Every publishing of a model asks for a retrain once a day."""
    rules = {}
    for model in dict.fromkeys(step.words[MODEL] for step in steps if step.act == "publish"):
        if chance.random() < 0.8:
            rules[model] = f'schedule={{retrain: "{chance.choice(RETRAINS)}"}}'
    return [
        replace(step, words=(*step.words, rules[step.words[MODEL]]))
        if step.act == "publish" and step.words[MODEL] in rules
        else step
        for step in steps
    ]


def _replayed(steps: list[Step], chance: random.Random) -> list[Step]:
    """People ask for dead letters again, or discard them, in the middle and once everything answers again."""
    models = list(dict.fromkeys(step.words[MODEL] for step in steps if step.act == "publish"))
    for _ in range(chance.choice((1, 2, 3))):
        place = chance.randint(len(steps) // 3, len(steps))
        steps = [*steps[:place], _about_a_letter(chance, models), *steps[place:]]
    steps += [Step("recover"), Step("wait", ("95",))]
    for model in models:
        steps += _misplaced(chance, model)
    for _ in range(chance.choice((1, 2, 3))):
        steps += [_about_a_letter(chance, models), Step("settle", (chance.choice(models),), chance.choice(WORKERS))]
    return steps


def _misplaced(chance: random.Random, model: str) -> list[Step]:
    """A folder is published before its files are there; the files come later, if they come."""
    rule = f"alpha={chance.randint(5, 9)}"
    lost = [_step("misplace", model, rule, chance=chance), *[Step("settle", (model,), chance.choice(WORKERS))] * 3]
    found = [Step("find", (model, rule))] if chance.random() < 0.7 else []
    return [*lost, *found, _step("replay", model, "0", chance=chance), Step("settle", (model,))]


def _about_a_letter(chance: random.Random, models: Sequence[str]) -> Step:
    act = chance.choice(("replay", "replay", "replay", "discard"))
    return _step(act, chance.choice(models), str(chance.randint(0, 3)), chance=chance)
