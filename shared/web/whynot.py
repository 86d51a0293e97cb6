"""Why is there no newer version in production? What stopped each later attempt first, and what would let it pass. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.state import ENDS, LIVE, Head, Release
from shared.web.story import Told
from shared.web.views import NEEDS_PERSON, last_change, outcome

LET_GO = ("not retrained", "cause dropped", "drift noted, no alarm")
DROPS = ("drop refused", "drop repeated", "drop held")
IN_WORDS: Mapping[str, str] = {
    "failed": "mend what its next step says, then `baton retry {id} --why ...`",
    "rejected": "a release that the approvers accept; their reason is above",
    "expired": "a decision in time: `baton retry {id} --why ...` asks again",
    "superseded": "nothing: a newer release took its place",
    "rolled back": "newer data or a newly published folder; `baton retry {id} --why ...` if the reason is gone",
    "held": "`baton retry {id} --why ...` once the reason is gone",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One attempt and what stopped it: a release, a cause that was let go, a drop; `count` of the same in a row."""

    at: datetime
    what: str
    why: str
    passes: str
    rule: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    event: str = ""
    actor: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What serves since when, what holds the next attempt now (empty if nothing waits), and what stopped those before."""

    model: str
    serves: str
    since: datetime | None
    now: tuple[Stop, ...]
    stopped: tuple[Stop, ...]


def why_not(head: Head, releases: Iterable[Release], told: Iterable[Told], now: datetime) -> WhyNot:
    """The answer for one model. `releases` and `told` are those since the champion's release was opened, oldest first."""
    champion = head.champion
    first = int(champion.release.rsplit("-", 1)[1]) if champion is not None and champion.release else 0
    later = [release for release in releases if release.number > first]
    sentences = [one for one in told if champion is None or one.at > champion.since]
    stopped = [_ended(release, told) for release in later if release.state in ENDS]
    stopped += [_let_go(one) for one in sentences if one.what in (*LET_GO, *DROPS)]
    return WhyNot(
        model=head.model,
        serves=champion.version if champion is not None else "",
        since=champion.since if champion is not None else None,
        now=tuple(_now(head, later, now)),
        stopped=_merged(sorted(stopped, key=lambda stop: stop.at)),
    )


def _ended(release: Release, told: Iterable[Told]) -> Stop:
    """A release that ended: by the sentence that says so, which has rule and numbers."""
    said = [one for one in told if one.release == release.id and one.what == f"release {release.state}"]
    passes = said[-1].passes if said else ""
    return Stop(
        at=last_change(release),
        what=f"{release.id} {release.state}",
        why=release.why,
        passes=passes or IN_WORDS.get(release.state, "nothing").format(id=release.id),
        rule=said[-1].rule if said else "",
        numbers=said[-1].numbers if said else {},
        event=said[-1].event if said else "",
        actor=said[-1].actor if said else "",
    )


def _let_go(one: Told) -> Stop:
    if one.what in DROPS:
        passes = one.next or ("other bytes" if one.what == "drop repeated" else "the drop, mended")
    else:
        passes = one.passes or one.next or "a new cause"
    return Stop(one.at, one.what, one.why, passes, one.rule, one.numbers, one.event, one.actor)


def _merged(stops: Iterable[Stop]) -> tuple[Stop, ...]:
    """The same stop several times in a row is told once, with its last moment and how often."""
    found: list[Stop] = []
    for stop in stops:
        before = found[-1] if found else None
        if before is not None and (before.what, before.why, before.rule) == (stop.what, stop.why, stop.rule):
            found[-1] = replace(stop, count=before.count + 1)
        else:
            found.append(stop)
    return tuple(found)


def _now(head: Head, later: Iterable[Release], now: datetime) -> Iterable[Stop]:
    """What is under way, or waits, at this moment."""
    if head.is_still:
        by, how = (head.frozen, "unfreeze") if head.is_frozen else (head.paused, f"resume {head.model}")
        yield Stop(now, "everything waits", f"stopped by {by}", f"`baton {how} --why ...`", "pause")
    for release in later:
        if release.state not in (*ENDS, LIVE):
            yield Stop(last_change(release), f"{release.id} {release.state}", outcome(release), _ahead(release))
    yield from _basket(head, now)


def _ahead(release: Release) -> str:
    until = f" until {release.deadline:%Y-%m-%d %H:%M} UTC" if release.deadline else ""
    if release.state == NEEDS_PERSON:
        return f"a decision of {release.owner}{until}"
    return f"its next step, expected{until}"


def _basket(head: Head, now: datetime) -> Iterable[Stop]:
    basket, files = head.basket, head.next_file - head.basket.first_file
    if not files and not basket.causes:
        if head.next_file == 1:
            yield Stop(now, "nothing to train on", "no file was accepted yet", f"`baton drop {head.model} FILE`")
        return
    since = basket.since or basket.last_at or now
    waits = ", ".join([*(cause.kind for cause in basket.causes), *([f"{files} new files"] if files else [])])
    if head.building:
        yield Stop(since, f"{waits} waits", f"{head.building} is being built", "its end")
        return
    until = (
        f"time, {basket.look_at:%Y-%m-%d %H:%M} UTC" if basket.look_at else f"`baton retrain {head.model} --why ...`"
    )
    yield Stop(since, f"{waits} waits", basket.refused_why or "not looked at yet", until)
