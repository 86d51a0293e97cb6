"""From what a person asks to an event in the model's inbox. Here it is checked for a quick answer; the fold checks again."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from shared import approvals, events, names
from shared.errors import BatonError, NameRefused, Permanent
from shared.state import ENDS, Head, Release
from shared.web import reading
from shared.web.answers import NotAllowed, NotDone, NotFound, NotNow
from shared.web.person import Person
from shared.wiring import App

WHY_LIMIT, KEY_LIMIT = 1000, 200
FOLDER = re.compile("[0-9a-f]{16}")
OF_MODEL: dict[str, type[events.PersonEvent]] = {
    "retrain": events.RetrainRequested,
    "rollback": events.RollbackRequested,
    "pause": events.PauseRequested,
    "resume": events.ResumeRequested,
}
OF_RELEASE = ("approve", "reject", "retry")
NO_WHY = "say why, in at most 1000 characters: it is journalled as written"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, why, and the key under which a repeat is the same event ("" for a fresh one).

    A key is one caller's, for what is asked `of` (a path): under another path it is another event.
    """

    person: Person
    why: str
    key: str = ""
    of: str = ""

    @property
    def by(self) -> str:
        """The name that is journalled."""
        return self.person.name

    def identity(self) -> str:
        """Of what is asked: the same for a repeat under the same key."""
        return names.identity_key("person", self.by, self.of, self.key or uuid.uuid4().hex)

    def stamp(self, app: App) -> dict[str, Any]:
        """The fields that every event of a person carries."""
        return {"id": self.identity(), "at": app.clock(), "by": self.by, "why": self.why}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event that now waits for its decision; `new` is False for a repeat under the same key, which changed nothing.

    `waits` says why nothing is done yet after the decision: a freeze or a pause; empty if nothing holds it up.
    """

    event: str
    new: bool
    waits: str = ""


def asked(person: Person, why: object, key: str = "", *, of: str = "", needs_why: bool = True) -> Asked:
    """What a person sent, checked; `NotDone` says what is missing."""
    if not isinstance(why, str) or len(why) > WHY_LIMIT or not _is_text(why) or (needs_why and not why.strip()):
        raise NotDone("The reason is missing, or is no text that can be kept.", next=NO_WHY)
    if len(key) > KEY_LIMIT:
        raise NotDone(f"The key has {len(key)} characters.", next=f"use at most {KEY_LIMIT}, such as a UUID")
    return Asked(person, why.strip(), key, of)


def _is_text(text: str) -> bool:
    """Whether it has a UTF-8 form and no control characters but line breaks and tabs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text)


def publish(app: App, model: str, folder: object, by: Asked) -> Recorded:
    """Make an uploaded folder the model's current one; a model's first publish creates the model."""
    _check_folder(app, model, folder)
    app.book.list_model(model)
    return accept(app, model, events.ModelPublished(**by.stamp(app), folder=str(folder)))


def _check_folder(app: App, model: str, folder: object) -> None:
    try:
        names.model_name(model)
    except NameRefused as refused:
        raise NotDone(refused.what, next=refused.next) from refused
    if not isinstance(folder, str) or not FOLDER.fullmatch(folder):
        raise NotDone("`folder` must be a folder's hash, 16 hex digits.", next=f"baton publish models/{model}")
    place = f"models/{model}/{folder}/model.yaml"
    if app.blobs.look("models", f"{model}/{folder}/model.yaml") is None:
        raise NotDone(f"{place} is not there.", next=f"upload the folder first: baton publish models/{model}")
    try:
        spec = app.parts.rules(model, folder)
    except Permanent as refused:
        raise NotDone(refused.what, next=refused.next) from refused
    except (ValueError, KeyError) as error:
        raise NotDone(f"{place} cannot be read: {error}", next="save it as UTF-8 YAML and publish again") from error
    if spec.name != model:
        raise NotDone(
            f"{place} is about {spec.name!r}.", next=f"set `name: {model}` in it, or publish it as {spec.name}"
        )
    if spec.rollout.steps != (100,) and not app.settings.divides_traffic:
        steps, where = (
            ", ".join(map(str, spec.rollout.steps)),
            "docs/azure.md#serving-on-container-instances-through-sdk-v1",
        )
        raise NotDone(
            f"{place} rolls out by {steps} %, but a container instance, as serves here, has all traffic or none.",
            next=f"write `rollout: {{steps: [100]}}` and publish again, or serve on AKS: {where}",
        )


def of_model(app: App, action: str, model: str, by: Asked) -> Recorded:
    """Retrain, roll back, pause or resume a model."""
    name = reading.known(app, model)
    return accept(app, name, OF_MODEL[action](**by.stamp(app)))


def of_release(app: App, action: str, release: str, by: Asked, *, nonce: str = "") -> Recorded:
    """Approve, reject or retry a release. `nonce`, if given, is the question that the person saw."""
    found = reading.one_release(app, release)
    if action == "retry":
        return _retry(app, found, by)
    return _decide(app, found, by, approve=action == "approve", nonce=nonce)


def _retry(app: App, release: Release, by: Asked) -> Recorded:
    if release.state not in ENDS:
        raise NotNow(f"{release.id} is {release.state}, so it needs no retry.", next=f"baton explain {release.id}")
    return accept(app, release.model, events.RetryRequested(**by.stamp(app), release=release.id))


def _decide(app: App, release: Release, by: Asked, *, approve: bool, nonce: str) -> Recorded:
    if release.state != "awaiting approval":
        raise NotNow(
            f"{release.id} does not wait for approval: it is {release.state}.", next=f"baton explain {release.id}"
        )
    if nonce and nonce != release.nonce:
        raise NotNow(f"{release.id} was asked about anew since you looked.", next="look at it again, then decide")
    role = may_decide(app, release, by.person, approve=approve)
    decision = events.ApprovalGiven(
        **by.stamp(app),
        release=release.id,
        approve=approve,
        version=release.version,
        evidence=release.evidence,
        certificate=release.certificate,
        nonce=release.nonce,
        role=role,
        trace=release.trace,
    )
    return accept(app, release.model, approvals.sign(decision, app.settings.approval_key))


def may_decide(app: App, release: Release, person: Person, *, approve: bool) -> str:
    """As which of the approvers in the model's current rules the person decides: themselves, or a role that they have.

    `NotAllowed` if they are none of them, or an author approving their own.
    """
    head = app.book.head(release.model)
    rules = app.parts.rules(release.model, head.folder if head else release.folder)
    approvers = ", ".join(rules.approval.approvers)
    role = person.as_one_of(rules.approval.approvers)
    if not role:
        raise NotAllowed(f"{person.name} may not decide on {release.id}.", next=f"ask an approver: {approvers}")
    if approve and person.is_same_as(release.author):
        raise NotAllowed(
            f"{person.name} published this folder, so somebody else must approve it.",
            next=f"ask an approver: {approvers}",
        )
    return role


def why_not(app: App, release: Release, person: Person) -> str:
    """Why this person may not approve the release, or ""."""
    try:
        may_decide(app, release, person, approve=True)
    except BatonError as refused:
        return str(refused)
    return ""


def accept(app: App, model: str, event: events.PersonEvent) -> Recorded:
    """Record what a person asks, for the fold to decide on."""
    head = app.book.head(model)
    if head is None and not isinstance(event, events.ModelPublished):
        raise NotFound(f"{model} is not published yet.", next="wait for its first publish to be decided")
    return Recorded(event.id, app.intake.accept(model, event), _waits(app, head, event))


def _waits(app: App, head: Head | None, event: events.PersonEvent) -> str:
    freeze = app.freezer.last()
    if freeze is not None and freeze.holds:
        return f"everything is frozen {freeze.words}; nothing is done before baton unfreeze --why ..."
    if head is not None and head.paused and not isinstance(event, events.ResumeRequested):
        return f"{head.model} is paused by {head.paused}; nothing is done before baton resume {head.model} --why ..."
    return ""
