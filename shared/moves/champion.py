"""The champion is what serves: observed, never assumed, whoever put it there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared import names
from shared.events import ChampionSeen
from shared.folding.turn import Turn
from shared.moves import appointments
from shared.moves.stale import Stale
from shared.state import LIVE, Champion, Release
from shared.table.room import cut

IN_DOUBT = "docs/runbook.md#champion-in-doubt"


def observed(turn: Turn, event: ChampionSeen) -> str:
    """What serves, asked for the model as a whole. A registry that disagrees is an alarm, one for each thing it says."""
    learned = learn(turn, event)
    if not moving_traffic(turn):
        told, doubt = turn.head.doubt, cut(event.doubt)
        turn.set_head(doubt=doubt)
        if doubt and doubt == told and not learned:
            raise Stale(f"{doubt}, as the owner was told")
        if doubt:
            return _tell_doubt(turn, doubt)
    if not learned:
        raise Stale(f"version {event.version or 'none'} serves, as known, or while traffic is being moved")
    return f"version {event.version} serves"


def _tell_doubt(turn: Turn, doubt: str) -> str:
    todo = f"{IN_DOUBT} tells how to settle it"
    turn.note("champion in doubt", why=doubt, next=todo, level="error")
    turn.send("tell", state="champion in doubt", why=doubt, next=todo, to=turn.spec.owner)
    return doubt


def hold_in_doubt(turn: Turn, release: Release, event: ChampionSeen) -> str:
    """The registry disagrees about what serves: nothing is compared with it, or given its traffic, before that is settled."""
    todo = f"{IN_DOUBT} tells how to settle it, then `baton retry {release.id} --why ...`"
    turn.note("champion in doubt", release, rule="champion", why=event.doubt, next=todo, level="error")
    turn.end(release, "held", event.doubt, next=todo)
    return event.doubt


def learn(turn: Turn, event: ChampionSeen) -> bool:
    """Take what was seen as the champion; False if all of it is known, or if we move traffic ourselves at this moment."""
    champion = turn.head.champion
    if not event.version or moving_traffic(turn):
        return False
    if champion is not None and (champion.version, champion.deployment) == (event.version, event.deployment):
        turn.set_head(champion=replace(champion, named=champion.named or event.named))
        return event.named and not champion.named
    found = _known(turn, event)
    turn.note(
        "champion changed by somebody else", found.release, why=f"version {event.version} serves", level="warning"
    )
    warm = timedelta(minutes=turn.spec.rollout.keep_warm_minutes)
    enthrone(turn, found, warm=warm, why=f"version {event.version} was put in its place by somebody else")
    return True


def moved(turn: Turn) -> None:
    """Baton changed the traffic, or may have: what was seen before says nothing of what serves now."""
    turn.set_head(moves=turn.head.moves + 1)


def check_is_of_now(turn: Turn, event: ChampionSeen, release: Release | str) -> None:
    """`Stale` for an observation that may be older than our last change of traffic: it is asked for again."""
    if event.moves not in (turn.head.moves, -1):
        turn.send("observe_champion", release)
        raise Stale("the traffic was moved since this was asked for, so it is asked again")


def moving_traffic(turn: Turn) -> bool:
    """Whether a roll-back or a roll-out of ours changes the split, so that an observation says nothing."""
    shipping = turn.releases.get(turn.head.shipping)
    rolling = shipping is not None and shipping.state == "rolling out" and shipping.step >= 0
    return turn.head.rollback is not None or rolling


def _known(turn: Turn, event: ChampionSeen) -> Champion:
    """The seen version with its release and folder, where the deployment is one of ours.

    Who put it in its place tells the registry too, so that is nothing for us to name.
    """
    for champion in (turn.head.champion, turn.head.previous):
        if champion is not None and champion.deployment == event.deployment and champion.version == event.version:
            return replace(champion, named=True)
    for release in turn.releases.values():
        if names.deployment_name(release.id) == event.deployment and release.version == event.version:
            return Champion(event.version, event.deployment, release.id, release.folder, turn.now, named=True)
    folder = folder_of(turn, event.version) or turn.head.folder
    return Champion(event.version, event.deployment, "", folder, turn.now, named=True)


def folder_of(turn: Turn, version: str) -> str:
    """The folder that a version was made with, as far as champion, champion before or an open release tell; else ""."""
    champions = [champion for champion in (turn.head.champion, turn.head.previous) if champion is not None]
    made = {release.version: release.folder for release in turn.releases.values() if release.version}
    return (made | {champion.version: champion.folder for champion in champions}).get(version, "")


def enthrone(turn: Turn, champion: Champion, *, warm: timedelta, why: str) -> None:
    """Make it the champion: the one before is kept warm for a roll-back, the one before that is removed."""
    before, displaced = turn.head.champion, turn.head.previous
    until = None if before is None else turn.now + warm
    turn.set_head(champion=champion, previous=before, warm_until=until)
    appointments.listen_for_monitor(turn)
    for release in list(turn.releases.values()):
        if release.state == LIVE and release.id != champion.release:
            turn.end(release, "replaced", why)
    if displaced is not None:
        let_go(turn, displaced)


def let_go(turn: Turn, champion: Champion) -> None:
    """Remove a former champion's deployment, if it is one of ours and nothing needs it."""
    needed = {kept.deployment for kept in (turn.head.champion, turn.head.previous) if kept is not None}
    if champion.release and champion.deployment not in needed:
        turn.send("clean_up", deployment=champion.deployment)
