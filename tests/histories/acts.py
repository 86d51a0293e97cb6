"""Everything that can happen in a history, by the word that its script has for it. What finds nothing to act on does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared import events
from tests.histories import happenings, requests
from tests.histories.history import Step
from tests.histories.requests import Act, asking
from tests.histories.stage import Stage

ROLES = ("trainer", "registry", "endpoints")


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
    """rest: everything answers, a freeze ends, and time passes until nothing happens any more; what was asked then is approved."""
    requests.thaw(stage)
    stage.rest()
    while sum(requests.decide(stage, model, "A") for model in stage.history.models):
        stage.rest()


# What the platform does


def errors(stage: Stage, step: Step) -> None:
    """errors MODEL COUNT: of twenty requests the release under way answered so many with an error."""
    model, count = step.words
    head = stage.world.app.book.head(model)
    shipping = head.shipping if head else ""
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
    "drop": happenings.drop,
    "register": happenings.register,
    "drift": happenings.drift,
    "foreign": happenings.foreign,
    "deployed": happenings.deployed,
    "forged": happenings.forged,
    "deliver": happenings.deliver,
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
    "publish": requests.publish,
    "approve": requests.approve,
    "approve-as-author": requests.approve_as_author,
    "forge-approval": requests.forge_approval,
    "reject": requests.reject,
    "retry": requests.retry,
    "pause": asking(events.PauseRequested),
    "resume": asking(events.ResumeRequested),
    "rollback": asking(events.RollbackRequested),
    "retrain": asking(events.RetrainRequested),
    "misplace": requests.misplace,
    "find": requests.find_again,
    "replay": requests.about_a_letter(events.ReplayRequested),
    "discard": requests.about_a_letter(events.DiscardRequested),
    "freeze": requests.freeze,
    "unfreeze": requests.unfreeze,
    "errors": errors,
    "outage": outage,
    "recover": recover,
    "doom": doom,
    "hand": hand,
}
