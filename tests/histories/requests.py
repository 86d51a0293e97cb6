"""What people do: publish, decide, ask for something, freeze everything, look after dead letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared import events, names
from shared.approvals import sign
from shared.state import ENDS
from tests.histories.history import Step
from tests.histories.stage import Stage
from tests.world import KEY, spec_text

Act = Callable[[Stage, Step], None]


def publish(stage: Stage, step: Step) -> None:
    """publish MODEL [RULE=VALUE ...]: its author publishes the folder with these rules."""
    model, *rules = step.words
    values = dict(rule.split("=", 1) for rule in rules)
    folder = stage.world.upload(model, **values)
    stage.notes.note(stage.world.now, "publish", model, folder)
    if "schedule" in values:
        stage.notes.note(stage.world.now, "scheduled", model, values["schedule"])
    identity = names.identity_key("publish", model, folder, stage.world.now.isoformat())
    stage.ask(model, events.ModelPublished(id=identity, at=stage.world.now, by="author", folder=folder), step.by)


def approve(stage: Stage, step: Step) -> None:
    """approve MODEL: an approver approves whatever is asked."""
    decide(stage, step.words[0], step.by)


def decide(stage: Stage, model: str, by: str, *, yes: bool = True, person: str = "operations", key: str = KEY) -> bool:
    head = stage.world.app.book.head(model)  # none until its publish is decided
    release = head.shipping if head else ""
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
    decide(stage, step.words[0], step.by, person="author")


def forge_approval(stage: Stage, step: Step) -> None:
    """forge-approval MODEL: somebody without our key writes an approval."""
    decide(stage, step.words[0], step.by, key="another key, 24 signs long")


def reject(stage: Stage, step: Step) -> None:
    """reject MODEL: an approver rejects whatever is asked, unless somebody approved it before."""
    decide(stage, step.words[0], step.by, yes=False)


def asking(kind: type[events.PersonEvent]) -> Act:
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


def misplace(stage: Stage, step: Step) -> None:
    """misplace MODEL RULE=VALUE: its author publishes a folder of which nothing is there, which nobody can decide."""
    model, *rules = step.words
    folder = names.digest(spec_text(model, **dict(rule.split("=", 1) for rule in rules)))[:16]
    stage.notes.note(stage.world.now, "publish", model, folder)
    identity = names.identity_key("misplaced", model, folder, stage.world.now.isoformat())
    stage.ask(model, events.ModelPublished(id=identity, at=stage.world.now, by="author", folder=folder), step.by)


def find_again(stage: Stage, step: Step) -> None:
    """find MODEL RULE=VALUE: the files of such a folder are there, at last."""
    model, *rules = step.words
    stage.world.upload(model, **dict(rule.split("=", 1) for rule in rules))


def about_a_letter(kind: type[events.ReplayRequested | events.DiscardRequested]) -> Act:
    """replay|discard MODEL PLACE: somebody asks for one of the model's dead letters again, or wants it off the list."""

    def ask(stage: Stage, step: Step) -> None:
        model, place = step.words
        letters = stage.world.app.book.dead(model)
        if letters:
            key, _ = letters[int(place) % len(letters)]
            identity = names.identity_key(kind.__name__, model, key, stage.world.now.isoformat())
            event = kind(id=identity, at=stage.world.now, by="operations", why="because", letter=key)
            stage.notes.note(stage.world.now, kind.__name__, model, key)
            stage.ask(model, event, step.by)

    return ask


# The freeze of everything


def freeze(stage: Stage, step: Step) -> None:
    """freeze: somebody freezes everything. Released code knows no freeze, and does nothing."""
    freezer = getattr(stage.apps[step.by], "freezer", None)
    if freezer is None:
        return
    known = stage.begun()
    stage.notes.freezes += 1
    holds = freezer.freeze(f"freeze {stage.notes.freezes}", "operations", "because")
    stage.notes.sure |= {(model, "FreezeBegan", holds.number) for model in known}
    stage.notes.still.begin(stage.world.now)


def unfreeze(stage: Stage, step: Step) -> None:
    """unfreeze: somebody lets everything go on."""
    if stage.notes.freezes:
        _unfreeze(stage, step.by)


def thaw(stage: Stage) -> None:
    """Whatever is frozen goes on."""
    stage.watch.disarm()
    if stage.notes.freezes:
        _unfreeze(stage, "A")


def _unfreeze(stage: Stage, by: str) -> None:
    known = stage.begun()
    stage.notes.still.end(stage.world.now)
    ended = stage.apps[by].freezer.unfreeze(f"unfreeze {stage.world.now.isoformat()}", "operations", "because")
    if ended is not None:
        stage.notes.sure |= {(model, "FreezeEnded", ended.number) for model in known}
