"""Everything that can happen in a history, by the word that its script has for it. What finds nothing to act on does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared import events, names, wire
from shared.approvals import sign
from shared.settings import LOCAL_WORKSPACE
from shared.state import ENDS
from tests.histories.history import Step
from tests.histories.platform import WORKSPACE_EVENT, run_event
from tests.histories.stage import Stage
from tests.world import KEY

Act = Callable[[Stage, Step], None]
ROLES = ("trainer", "registry", "endpoints")


# What comes to be in the world; its event can then be delivered, once or often, by its name


def drop(stage: Stage, step: Step) -> None:
    """drop EVENT MODEL BLOB CONTENT: somebody writes a file."""
    name, model, blob, content = step.words
    path = f"{model}/{blob}"
    etag = stage.world.blobs.drop("incoming", path, content.encode())
    stage.deliveries[name] = (model, stage.world.blob_created(path, etag, len(content)))
    stage.notes.note(stage.world.now, "drop", model, json.dumps([path, etag, content]))


def register(stage: Stage, step: Step) -> None:
    """register EVENT MODEL: somebody registers a version with the platform's own client."""
    name, model = step.words
    version = stage.world.registry.register_by_hand(model, tags={}, files={})
    data = {"modelName": model, "modelVersion": version, "modelTags": {}}
    _workspace_event(stage, name, model, f"models/{model}:{version}", "ModelRegistered", data)
    stage.notes.note(stage.world.now, "registered", model, version)


def drift(stage: Stage, step: Step) -> None:
    """drift EVENT MODEL: a monitor sees the data drift."""
    name, model = step.words
    stage.notes.note(stage.world.now, "drift", model, name)
    data = {"dataDriftName": model, "runId": name, "driftCoefficient": 0.4}
    _workspace_event(stage, name, model, f"datadrifts/x/runs/{name}", "DatasetDriftDetected", data)


def foreign(stage: Stage, step: Step) -> None:
    """foreign EVENT MODEL: a run that somebody else started for the model completed."""
    name, model = step.words
    stage.notes.note(stage.world.now, "foreign", model, name)
    stage.deliveries[name] = (
        model,
        run_event(f"theirs-{name}", "completed", stage.world.now, tags={"baton.model": model}),
    )


def deployed(stage: Stage, step: Step) -> None:
    """deployed EVENT MODEL: the workspace says that a service was deployed."""
    name, model = step.words
    _workspace_event(
        stage, name, model, f"endpoints/{model}", "ModelDeployed", {"serviceName": model, "modelIds": f"{model}:1"}
    )


def forged(stage: Stage, step: Step) -> None:
    """forged EVENT MODEL: an event that looks like a drop, from a topic that is not ours."""
    name, model = step.words
    real = stage.world.blob_created(f"{model}/forged.csv", "0", 3)
    stage.deliveries[name] = (model, replace(real, id=name, topic="/subscriptions/somebody-else"))
    stage.notes.forged.add(name)


def _workspace_event(stage: Stage, name: str, model: str, subject: str, kind: str, data: Mapping[str, Any]) -> None:
    stage.deliveries[name] = (
        model,
        wire.Delivered(name, LOCAL_WORKSPACE, subject, WORKSPACE_EVENT + kind, stage.world.now, data),
    )


def deliver(stage: Stage, step: Step) -> None:
    """deliver EVENT [new-id]: Event Grid delivers it, the first time or again; or the same fact under another id."""
    stage.deliver(step.words[0], step.by, new_id="new-id" in step.words)


# What drives the work


def settle(stage: Stage, step: Step) -> None:
    """settle MODEL: answer its rings until none is left."""
    stage.settle(step.words[0], step.by)


def fold(stage: Stage, step: Step) -> None:
    """fold MODEL: one ring of `advance`, forged or repeated."""
    stage.apps[step.by].fold.advance(step.words[0])


def perform(stage: Stage, step: Step) -> None:
    """perform MODEL: one ring of `perform`, forged or repeated."""
    stage.apps[step.by].performer.perform(step.words[0])


def sweep(stage: Stage, step: Step) -> None:
    """sweep: the timer of a worker goes off."""
    stage.apps[step.by].sweeper.sweep()


def lose(stage: Stage, step: Step) -> None:
    """lose MODEL: its rings are lost."""
    stage.bells.lose(step.words[0])


def silent(stage: Stage, step: Step) -> None:
    """silent MODEL: the platform's events about our work are late, until all comes to rest."""
    stage.silent.add(step.words[0])


def wait(stage: Stage, step: Step) -> None:
    """wait SECONDS: time passes."""
    seconds = timedelta(seconds=int(step.words[0]))
    stage.world.now += seconds
    stage.notes.waited += seconds


def restart(stage: Stage, step: Step) -> None:
    """restart: a worker's process begins anew."""
    stage.start(step.by)


def upgrade(stage: Stage, step: Step) -> None:
    """upgrade: both workers end, and go on with today's code."""
    stage.upgrade()


def rest(stage: Stage, step: Step) -> None:
    """rest: everything answers, and time passes until nothing happens any more; what was asked then is approved."""
    stage.rest()
    while sum(_approve(stage, model, "A") for model in stage.history.models):
        stage.rest()


# What people do


def publish(stage: Stage, step: Step) -> None:
    """publish MODEL [RULE=VALUE ...]: its author publishes the folder with these rules."""
    model, *rules = step.words
    values = dict(rule.split("=", 1) for rule in rules)
    folder = stage.world.upload(model, **values)
    stage.notes.note(stage.world.now, "publish", model, folder)
    identity = names.identity_key("publish", model, folder, stage.world.now.isoformat())
    stage.ask(model, events.ModelPublished(id=identity, at=stage.world.now, by="author", folder=folder), step.by)


def approve(stage: Stage, step: Step) -> None:
    """approve MODEL: an approver approves whatever is asked."""
    _approve(stage, step.words[0], step.by)


def _approve(
    stage: Stage, model: str, by: str, *, yes: bool = True, person: str = "operations", key: str = KEY
) -> bool:
    release = stage.world.head(model).shipping if stage.world.app.book.knows(model) else ""
    if not release or stage.world.release(release).state != "awaiting approval":
        return False
    decision = stage.world.decision(release, approve=yes, by=person)
    event = sign(decision if key == KEY else replace(decision, id=f"forged-{decision.id}"), key)
    genuine = key == KEY and person == "operations"
    stage.notes.note(
        stage.world.now, ("approved" if yes else "rejected") if genuine else "forged decision", model, release
    )
    stage.ask(model, event, by)
    return True


def approve_as_author(stage: Stage, step: Step) -> None:
    """approve-as-author MODEL: the author tries to approve their own."""
    _approve(stage, step.words[0], step.by, person="author")


def forge_approval(stage: Stage, step: Step) -> None:
    """forge-approval MODEL: somebody without our key writes an approval."""
    _approve(stage, step.words[0], step.by, key="another key, 24 signs long")


def reject(stage: Stage, step: Step) -> None:
    """reject MODEL: an approver rejects whatever is asked, unless somebody approved it before."""
    _approve(stage, step.words[0], step.by, yes=False)


def _asking(kind: type[events.PersonEvent]) -> Act:
    def ask(stage: Stage, step: Step) -> None:
        model = step.words[0]
        identity = names.identity_key(kind.__name__, model, stage.world.now.isoformat())
        event = kind(id=identity, at=stage.world.now, by="operations", why="because")
        stage.notes.note(stage.world.now, kind.__name__, model)
        stage.ask(model, event, step.by)

    return ask


def retry(stage: Stage, step: Step) -> None:
    """retry MODEL: somebody asks for the newest ended release again."""
    model = step.words[0]
    ended = [release for release, state in stage.world.states(model).items() if state in ENDS]
    if ended:
        identity = names.identity_key("retry", model, stage.world.now.isoformat())
        event = events.RetryRequested(id=identity, at=stage.world.now, by="operations", why="again", release=ended[-1])
        stage.notes.note(stage.world.now, "retry", model, ended[-1])
        stage.ask(model, event, step.by)


# What the platform does


def errors(stage: Stage, step: Step) -> None:
    """errors MODEL COUNT: of twenty requests the release under way answered so many with an error."""
    model, count = step.words
    shipping = stage.world.head(model).shipping if stage.world.app.book.knows(model) else ""
    if shipping in stage.world.endpoints.names_of(model):
        stage.world.endpoints.count(model, shipping, requests=20, errors=int(count))
        stage.notes.note(stage.world.now, "errors" if int(count) else "requests", model, shipping)


def outage(stage: Stage, step: Step) -> None:
    """outage ROLE: trainer, registry or endpoints do not answer until `recover`."""
    getattr(stage.world, step.words[0]).busy = True
    for model in stage.history.models:
        stage.notes.note(stage.world.now, "outage", model, step.words[0])


def recover(stage: Stage, step: Step) -> None:
    """recover: everything answers again."""
    for role in ROLES:
        getattr(stage.world, role).busy = False


def doom(stage: Stage, step: Step) -> None:
    """doom MODEL STEP fails|hangs: what becomes of the next run of this step."""
    model, kind, fate = step.words
    stage.world.trainer.doomed[(model, kind)] = fate
    stage.notes.note(stage.world.now, "doomed", model, kind)


def hand(stage: Stage, step: Step) -> None:
    """hand MODEL PLACE [PLACE]: somebody gives all traffic to one deployment, or 70 and 30 percent to two, with the platform's client."""
    model, *places = step.words
    found = sorted(stage.world.endpoints.names_of(model))
    if not found:
        return
    chosen = [found[int(place) % len(found)] for place in places]
    shares = {chosen[0]: 100} if len(set(chosen)) == 1 else dict(zip(chosen, (70, 30), strict=True))
    stage.world.endpoints.move_by_hand(model, shares)
    for name in chosen:
        stage.notes.note(stage.world.now, "hand", model, name)


ACTS: Mapping[str, Act] = {
    "drop": drop,
    "register": register,
    "drift": drift,
    "foreign": foreign,
    "deployed": deployed,
    "forged": forged,
    "deliver": deliver,
    "settle": settle,
    "fold": fold,
    "perform": perform,
    "sweep": sweep,
    "lose": lose,
    "silent": silent,
    "wait": wait,
    "restart": restart,
    "rest": rest,
    "upgrade": upgrade,
    "publish": publish,
    "approve": approve,
    "approve-as-author": approve_as_author,
    "forge-approval": forge_approval,
    "reject": reject,
    "retry": retry,
    "pause": _asking(events.PauseRequested),
    "resume": _asking(events.ResumeRequested),
    "rollback": _asking(events.RollbackRequested),
    "retrain": _asking(events.RetrainRequested),
    "errors": errors,
    "outage": outage,
    "recover": recover,
    "doom": doom,
    "hand": hand,
}
