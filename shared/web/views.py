"""The read model of the pages and the API: rows in, sentences and lists out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.names import RELEASE_ID
from shared.state import BUILDING, LIVE, Basket, Champion, Head, Release
from shared.web.person import Person
from shared.web.words import count

Kind = Literal["ok", "held", "fail", "run", "idle"]
SHAPES: Mapping[Kind, str] = {"ok": "✓", "held": "▲", "fail": "✕", "run": "●", "idle": "–"}
NEEDS_PERSON = "awaiting approval"
DAMAGED = "damaged"
MISSED = ("data", "monitor")
KINDS: Mapping[str, Kind] = {
    **dict.fromkeys((*BUILDING, "rolling out", "rolling back", "starting"), "run"),
    LIVE: "ok",
    "serving": "ok",
    **dict.fromkeys(
        (NEEDS_PERSON, "held", "rejected", "expired", "rolled back", "paused", "frozen", "waiting"), "held"
    ),
    "failed": "fail",
    DAMAGED: "fail",
}


def kind_of(state: str) -> Kind:
    """Which of the five looks a state has; what needs nobody any more is idle."""
    return KINDS.get(state, "idle")


DOING = {
    "judging": "being judged",
    "registering": "being registered",
    "certifying": "being certified",
    "staging": "being staged",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """What waits for whom, since when and until when. `of` is a release, or what of the model waits."""

    model: str
    of: str
    what: str
    owner: str
    since: datetime | None
    until: datetime | None
    author: str = ""

    @property
    def is_of_release(self) -> bool:
        """Whether a release waits, and not something of the model as a whole."""
        return RELEASE_ID.fullmatch(self.of) is not None

    def is_for(self, person: Person) -> bool:
        """Whether this person can end the wait by a decision."""
        is_asked = self.what == NEEDS_PERSON and not person.is_same_as(self.author)
        return is_asked and bool(person.as_one_of(self.owner.split(", ")))


@dataclass(frozen=True, slots=True)
class BasketView:
    """New files and causes that no release has used, and why they wait."""

    files: int
    rows: int
    causes: tuple[str, ...]
    why: str
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model as pages and API show it: `status` is one word, `state` the sentence for it."""

    name: str
    folder: str
    author: str
    status: str
    state: str
    champion: Champion | None
    previous: Champion | None
    building: str
    shipping: str
    waiting: tuple[Wait, ...]
    basket: BasketView
    outstanding: int
    dead: int
    paused: str
    frozen: str = ""
    holdout: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """The first sentence of a page: whether anything needs a person, and how many things do."""

    sentence: str
    count: int
    kind: Kind


def model_view(
    name: str, head: Head | None, releases: Mapping[str, Release], *, last: Release | None = None, dead: int = 0
) -> ModelView:
    """A model from its head, its open releases, the one that ended last, and how many dead letters it has."""
    if head is None:
        basket = BasketView(0, 0, (), "", None)
        state = "published, its first event is being decided"
        return ModelView(name, "", "", "starting", state, None, None, "", "", (), basket, 0, dead, "")
    status, state = _standing(head, releases, last)
    return ModelView(
        name=name,
        folder=head.folder,
        author=head.author,
        status=status,
        state=state,
        champion=head.champion,
        previous=head.previous,
        building=head.building,
        shipping=head.shipping,
        waiting=tuple(_waits(head, releases.values())),
        basket=_basket(head.basket, head.next_file),
        outstanding=head.outstanding,
        dead=dead,
        paused=head.paused,
        frozen=head.frozen,
        holdout=str(head.holdout) if head.holdout.looks else "",
    )


def unread_model(name: str, why: str, *, is_damaged: bool) -> ModelView:
    """A model whose head or release cannot be read: damaged, or written by a later release of Baton."""
    basket = BasketView(0, 0, (), "", None)
    status = DAMAGED if is_damaged else "waiting"
    return ModelView(name, "", "", status, why, None, None, "", "", (), basket, 0, 0, "")


def _standing(head: Head, releases: Mapping[str, Release], last: Release | None) -> tuple[str, str]:
    """The one word and the sentence for what the model is doing, the most pressing first."""
    if head.is_frozen:
        return "frozen", f"frozen, as everything is, by {head.frozen}" + (", and paused" if head.paused else "")
    if head.paused:
        return "paused", f"paused by {head.paused}"
    if head.rollback is not None:
        return "rolling back", f"going back to version {head.rollback.target.version} for {head.rollback.by}"
    under_way = releases.get(head.shipping) or releases.get(head.building)
    if under_way is not None:
        return under_way.state, f"{under_way.id} {_doing(under_way)}"
    serves = f"version {head.champion.version} serves" if head.champion else "nothing serves yet"
    if last is not None and last.number == head.next_release - 1:
        return "failed" if last.state == "failed" else _idle(head), f"{serves}; {last.id} {_was(last.state)}"
    return _idle(head), f"{serves}, nothing is under way" if head.champion else f"{serves}, waiting for data"


def _idle(head: Head) -> str:
    return "serving" if head.champion else "waiting"


def _was(end: str) -> str:
    return end if end in ("failed", "expired") else f"was {end}"


def _doing(release: Release) -> str:
    if release.state == NEEDS_PERSON:
        return f"waits for approval by {release.owner}"
    if release.waits_since is not None:
        return f"{release.state}: {_capacity(release)}"
    if release.state == "rolling out":
        return f"is rolling out, {release.split.get(release.id, 0)} % of the traffic"
    if release.ready:
        return "is staged and waits for the shipping slot"
    return f"is {DOING.get(release.state, release.state)}"


def _waits(head: Head, releases: Iterable[Release]) -> Iterable[Wait]:
    for release in sorted(releases, key=lambda release: release.number, reverse=True):
        if release.state != LIVE:
            since = last_change(release)
            yield Wait(head.model, release.id, release.state, release.owner, since, release.deadline, release.author)
    if head.rollback is not None:
        yield Wait(head.model, "roll-back", "rolling back", "platform", None, head.rollback.deadline)
    yield from _missed(head)
    if head.basket.refused_why and (head.basket.causes or head.next_file > head.basket.first_file):
        owner = "time" if head.basket.look_at else "more data or a request"
        yield Wait(head.model, "basket", head.basket.refused_why, owner, head.basket.last_at, head.basket.look_at)


def _missed(head: Head) -> Iterable[Wait]:
    """What should have come by the model's schedule and did not."""
    known = head.appointments
    if known.data_missed:
        what = f"expected data missing, {count(known.data_missed, 'time')} in a row"
        yield Wait(head.model, "data", what, "whoever drops it", None, known.data_by)
    if known.monitor_missed:
        what = f"monitor silent, {count(known.monitor_missed, 'time')} in a row"
        yield Wait(head.model, "monitor", what, "whoever runs it", None, known.monitor_by)


def _basket(basket: Basket, next_file: int) -> BasketView:
    waits = next_file > basket.first_file or basket.causes
    causes = tuple(
        f"{cause.kind}: {cause.detail}" + (f" ({cause.count} times)" if cause.count > 1 else "")
        for cause in basket.causes
    )
    return BasketView(
        next_file - basket.first_file, basket.rows, causes, basket.refused_why if waits else "", basket.look_at
    )


def need(models: Iterable[ModelView], person: Person | None, *, undelivered: int = 0) -> Need:
    """What needs a person, as a sentence; "your" approval where this person can give it.

    What could not be delivered counts as dead letters, although no model may have it.
    """
    seen = list(models)
    asked = [wait for model in seen for wait in model.waiting if wait.what == NEEDS_PERSON]
    yours = [wait for wait in asked if person and wait.is_for(person)]
    dead = sum(model.dead for model in seen) + undelivered
    missing = sum(wait.of in MISSED for model in seen for wait in model.waiting)
    parts = [_approvals(len(yours), "your approval")] if yours else []
    others = len(asked) - len(yours)
    parts += [_approvals(others, "somebody else's approval" if person else "approval")] if others else []
    failed = sum(model.status == "failed" for model in seen)
    parts += [f"{count(failed, 'release')} failed"] if failed else []
    parts += [f"{count(dead, 'dead letter')} must be looked at"] if dead else []
    parts += [f"{count(missing, 'thing')} expected did not come"] if missing else []
    damaged = sum(model.status == DAMAGED for model in seen)
    parts += [f"{count(damaged, 'model')} cannot be read"] if damaged else []
    if not parts:
        return Need("Nothing needs you", 0, "ok")
    wrong = failed + dead + missing + damaged
    return Need(", ".join(parts), len(asked) + wrong, "fail" if wrong else "held")


def _approvals(how_many: int, whose: str) -> str:
    return f"{count(how_many, 'release')} {'waits' if how_many == 1 else 'wait'} for {whose}"


def newest_first(releases: Iterable[Release]) -> list[Release]:
    """Releases by their last change of state, the latest first."""
    return sorted(releases, key=last_change, reverse=True)


def last_change(release: Release) -> datetime:
    """When the release reached the state that it is in."""
    return datetime.fromisoformat(release.past[-1][1]) if release.past else release.opened_at


def outcome(release: Release) -> str:
    """Why a release stands where it stands, in one sentence."""
    if release.why:
        return release.why
    if release.waits_since is not None:
        return _capacity(release)
    if release.state == NEEDS_PERSON:
        return f"waits for {release.owner}"
    if release.state == LIVE:
        return f"version {release.version} serves" + (
            f", approved by {release.approved_by}" if release.approved_by else ""
        )
    return f"waits for the {release.owner}" if release.owner else release.state


def _capacity(release: Release) -> str:
    return f"waiting for capacity since {release.waits_since:%Y-%m-%d %H:%M} UTC: {release.waits_for}"


def causes_of(release: Release) -> str:
    """Why the release was opened."""
    return "; ".join(f"{cause.kind}: {cause.detail}" if cause.detail else cause.kind for cause in release.causes)
