"""Scenes of what people ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared import events, names
from tests.crashes.installation import Installation
from tests.crashes.scenes.standing import Begin, Prepare, asked, awaiting, drop, live, published, two_live


def _model_published(run: Installation) -> Begin:
    live(run)
    return lambda world: world.publish(alpha=2)


def _retrain_requested(run: Installation) -> Begin:
    return asked(events.RetrainRequested, live(run))


def _retry_requested(run: Installation) -> Begin:
    world = awaiting(run)
    world.decide("m-0001", approve=False)
    run.work()
    return asked(events.RetryRequested, world, release="m-0001")


def _rollback_requested(run: Installation) -> Begin:
    return asked(events.RollbackRequested, two_live(run))


def _pause_requested(run: Installation) -> Begin:
    return asked(events.PauseRequested, live(run))


def _resume_requested(run: Installation) -> Begin:
    world = published(run)
    world.ask(events.PauseRequested)
    run.work()
    world.app.intake.receive(drop(world, "rows"))
    run.work()
    return asked(events.ResumeRequested, world)


def _approval_given(run: Installation) -> Begin:
    awaiting(run)
    return lambda world: world.decide("m-0001")


def _freeze_began(run: Installation) -> Begin:
    live(run)
    return lambda world: world.app.freezer.freeze("f1", "operations", "because")


def _freeze_ended(run: Installation) -> Begin:
    """A drop waits for the end of the freeze."""
    world = live(run)
    world.app.freezer.freeze("f1", "operations", "because")
    run.work()
    world.app.intake.receive(drop(world, "more rows"))
    run.work()
    return lambda world: world.app.freezer.unfreeze("u1", "operations", "over")


def _letter(kind: type[events.PersonEvent]) -> Prepare:
    """A folder that is not there was published, which is a dead letter by now."""

    def prepare(run: Installation) -> Begin:
        world = live(run)
        world.accept("m", events.ModelPublished(id="no such folder", at=world.now, by="author", folder="f" * 16))
        run.let_time_pass(timedelta(minutes=2))
        return asked(kind, world, letter="dead:no such folder")

    return prepare


def _version_pinned(run: Installation) -> Begin:
    world = live(run)
    return asked(events.VersionPinned, world, manifest=world.release("m-0001").manifest, files=1)


def _forget_requested(run: Installation) -> Begin:
    world = live(run)
    return asked(events.ForgetRequested, world, erase={"files": [names.digest("rows")]})


SCENES: Mapping[str, Prepare] = {
    "ModelPublished": _model_published,
    "RetrainRequested": _retrain_requested,
    "RetryRequested": _retry_requested,
    "RollbackRequested": _rollback_requested,
    "PauseRequested": _pause_requested,
    "ResumeRequested": _resume_requested,
    "ApprovalGiven": _approval_given,
    "FreezeBegan": _freeze_began,
    "FreezeEnded": _freeze_ended,
    "ReplayRequested": _letter(events.ReplayRequested),
    "DiscardRequested": _letter(events.DiscardRequested),
    "VersionPinned": _version_pinned,
    "ForgetRequested": _forget_requested,
}
