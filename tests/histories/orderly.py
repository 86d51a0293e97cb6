"""The fourth oracle for histories that only repeat, reorder what is independent, or crash: the orderly run's end.

Each model's orderly run is its own: one worker, no fault, every event once and in order. So a model that another one's
events or crashes could touch would be found, too.
"""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

from tests.histories.history import History, Step
from tests.histories.stage import Stage

MADE = ("drop", "register", "drift", "foreign", "deployed")
ONCE = ("publish", "retrain", "rollback", "rest")


def come_to_rest(stage: Stage) -> None:
    """The last rest, with approvals, unless the history ends with it; and if it was never upgraded, that first."""
    if stage.is_old:
        stage.upgrade()
        stage.run(Step("rest"))
    elif not stage.history.steps or stage.history.steps[-1].act != "rest":
        stage.run(Step("rest"))


def check(stage: Stage) -> None:
    """Note each model that does not end as its orderly run does."""
    for model in stage.history.models:
        wanted, found = _orderly_end(model, _steps(stage.history, model)), end(stage, model)
        for name, value in wanted.items():
            if found[name] != value:
                stage.watch.find("end", f"{model}: {name} {found[name]}, the orderly run ends with {value}")


def _steps(history: History, model: str) -> tuple[Step, ...]:
    """What a model's orderly run is made of: what happened, each event delivered once where it came to be."""
    steps: list[Step] = []
    for step in history.steps:
        mine = step.act == "rest" or model in step.words
        if step.act in MADE and mine:
            steps += [Step(step.act, step.words), Step("deliver", (step.words[0],)), Step("settle", (model,))]
        elif step.act in ONCE and mine and not (step.act == "rest" and steps and steps[-1].act == "rest"):
            steps += [Step(step.act, step.words), *([Step("settle", (model,))] if step.act != "rest" else [])]
    return tuple(steps)


@functools.lru_cache(maxsize=4096)
def _orderly_end(model: str, steps: tuple[Step, ...]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="baton-orderly-") as home:
        stage = Stage(Path(home), History("same", 0, steps))
        for step in steps:
            stage.run(step)
        come_to_rest(stage)
        assert not stage.watch.findings, stage.watch.findings
        return end(stage, model)


def end(stage: Stage, model: str) -> dict[str, object]:
    """What must depend neither on order nor on repetition nor on crashes."""
    world = stage.world
    head = world.head(model)
    told = [(message.release, message.what) for message in world.notifier.told.values() if message.model == model]
    return {
        "states": dict(world.states(model)),
        "files": sorted(file.sha256 for file in world.app.book.files(model, head.next_file - 1)),
        "runs": sorted(run.run_id for run in world.trainer.started if run.model == model),
        "versions": [version.run_id for version in world.registry.all(model)],
        "deployments": sorted(world.endpoints.names_of(model)),
        "traffic": world.endpoints.split_of(model),
        "champion": head.champion.release if head.champion else "",
        "outstanding": head.outstanding,
        "dead": head.dead,
        "told": sorted(told),
        "verdicts": {
            name: tags.get("baton") for (_, name), tags in world.blobs.tags.items() if name.startswith(f"{model}/")
        },
        "causes": json.dumps(sorted((r.id, sorted((c.kind, c.count) for c in r.causes)) for r in _all(stage, model))),
    }


def _all(stage: Stage, model: str) -> list[object]:
    book = stage.world.app.book
    return [*book.read(model).releases.values(), *book.ended(model, 1000)]  # type: ignore[list-item]
